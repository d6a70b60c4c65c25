"""`secpipe sbom upload`: an SBOM to where a team keeps them, on request only."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from secpipe.cli.options import clock_of, tell, write_result
from secpipe.cli.sbom.files import read_bom
from secpipe.core.errors import EXIT_PASS, EXIT_UNDECIDED, ConfigError
from secpipe.core.foreign import Sink

if TYPE_CHECKING:
    from collections.abc import Mapping

_MIB = 1 << 20
_GITHUB = "https://api.github.com"


@click.command(short_help="Send an SBOM to Dependency-Track or GitHub.")
@click.argument("bom")
@click.option("--as", "kind", type=click.Choice(["dependency-track", "github"]), required=True, help="Which of both.")
@click.option("--to", "address", default="", metavar="URL", help="The server; by default GitHub's own.")
@click.option("--key-file", metavar="FILE", help="File holding the API key or token, or env:NAME, or exec:COMMAND.")
@click.option("--project", required=True, metavar="NAME", help="The project, or OWNER/NAME of the repository.")
@click.option("--project-version", default="", metavar="TEXT", help="Dependency-Track: its version.")
@click.option("--create", is_flag=True, help="Dependency-Track: make the project if there is none.")
@click.option("--wait", type=click.IntRange(0, 3600), default=60, show_default=True, metavar="SECONDS",
              help="Dependency-Track: until it has read the SBOM; 0: do not ask.")  # fmt: skip
@click.option("--sha", default="", metavar="HEX", help="GitHub: the commit that it is about.")
@click.option("--ref", default="", metavar="REF", help="GitHub: refs/heads/main, for instance.")
@click.option("--job", default="secpipe", show_default=True, metavar="ID", help="GitHub: the run of the job.")
@click.option("--correlator", default="secpipe", show_default=True, metavar="TEXT",
              help="GitHub: a later submission with this name replaces the one before.")  # fmt: skip
@click.option("--dry-run", is_flag=True, help="Print what would be sent, and send nothing.")
def upload(
    bom: str, kind: str, address: str, key_file: str | None, project: str, project_version: str, create: bool,
    wait: int, sha: str, ref: str, job: str, correlator: str, dry_run: bool,
) -> int:  # fmt: skip
    """Send BOM to a Dependency-Track server, or to GitHub as a dependency submission.

    Exit 0 once the server has taken it (and, with --wait, read it), 3 where it is not known to have.
    """
    import re

    from secpipe.sbom import upload as bodies
    from secpipe.system.redaction import redact_values

    document = redact_values(read_bom(bom))
    if kind == "dependency-track":
        if not address:
            raise ConfigError("which server?", hint="--to https://dtrack.acme.example")
        body = bodies.dependency_track(document, project, project_version, create=create)
        path = "/api/v1/bom"
    else:
        if not re.fullmatch(r"[0-9a-f]{40}|[0-9a-f]{64}", sha) or not ref.startswith("refs/"):
            raise ConfigError("a submission names its commit and branch", hint="--sha HEX --ref refs/heads/main")
        if not re.fullmatch(r"[\w.-]+/[\w.-]+", project):
            raise ConfigError("which repository?", hint="--project OWNER/NAME")
        body = bodies.github(document, bodies.Snapshot(sha, ref, job, correlator), clock_of(None).now())
        path = f"/repos/{project}/dependency-graph/snapshots"
    if dry_run:
        write_result(body.decode("ascii") + "\n", "-", Sink.JSON)
        return EXIT_PASS
    base, key = (address or _GITHUB).rstrip("/"), _key(key_file)
    if kind == "github":
        return _to_github(base + path, body, {"Authorization": f"Bearer {key}"})
    return _to_dependency_track(base, path, body, {"X-Api-Key": key}, wait)


def _key(reference: str | None) -> str:
    from secpipe.system.secrets import resolve

    if not reference:
        raise ConfigError("the server wants a key", hint="--key-file FILE, or env:NAME")
    try:
        return resolve(reference).decode("ascii").strip()
    except UnicodeDecodeError:
        raise ConfigError("the key is no plain text", hint="is the key file the right one?") from None


def _to_github(url: str, body: bytes, headers: Mapping[str, str]) -> int:
    from secpipe.system import net

    more = {"Accept": "application/vnd.github+json", "X-GitHub-Api-Version": "2022-11-28"}
    net.fetch(url, data=body, limit=_MIB, headers={**headers, **more}, timeout=120)
    tell("submitted")
    return EXIT_PASS


def _to_dependency_track(base: str, path: str, body: bytes, headers: Mapping[str, str], wait: int) -> int:
    import time
    from urllib.parse import quote

    from secpipe.sbom import upload as bodies
    from secpipe.system import net

    answer = net.fetch(base + path, data=body, limit=_MIB, headers=headers, method="PUT", timeout=120)
    token = bodies.token_of(answer)
    tell(f"taken, token {token}")
    deadline = time.monotonic() + wait
    while wait:
        state = net.fetch(f"{base}/api/v1/event/token/{quote(token, safe='')}", limit=_MIB, headers=headers)
        if not bodies.is_processing(state):
            tell("read")
            return EXIT_PASS
        if time.monotonic() >= deadline:
            tell(f"not read after {wait} s; ask again later, or with --wait")
            return EXIT_UNDECIDED
        time.sleep(min(1.0, wait))
    return EXIT_PASS
