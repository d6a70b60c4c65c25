"""`secpipe sign`: twin bundles over one payload, accepted by today's clients and by those that want post-quantum."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from secpipe.cli.options import passphrase_option, say, tell

if TYPE_CHECKING:
    from secpipe.core.trust import KeyVersion


@click.command(short_help="Sign models and files with a hybrid key.")
@click.argument("paths", nargs=-1, required=True, metavar="PATH|oci://...")
@click.option(
    "--key", "identity", metavar="IDENTITY", help="Sign as this identity of the ring (the only one, if there is one)."
)
@click.option("--trust", default="keys", show_default=True, metavar="FOLDER", help="The public trust material.")
@click.option("--profile", metavar="PROFILE", help="Insist on this pair of algorithms: default or cnsa2.")
@click.option(
    "--kind", default="", metavar="PURPOSE", help="What a file is signed as: file, dataset, prompt, sbom, ..."
)
@click.option("--name", default="", metavar="NAME", help="The signed subject name, instead of the path's own.")
@click.option("--version", "artifact_version", default="", metavar="VERSION", help="A version that verifiers can pin.")
@click.option(
    "--ignore", multiple=True, metavar="PATH", help="Leave a path out; verifiers must then accept that by name."
)
@click.option("-o", "--output", metavar="FOLDER", help="Write the bundles there, instead of beside the artifact.")
@click.option("--tsa", metavar="URL", help="Ask this RFC 3161 authority for a timestamp over each signature.")
@click.option(
    "--keyless", is_flag=True, help="Sign with the workload's OIDC identity through Sigstore (classical only)."
)
@click.option("--trust-config", metavar="FILE", help="With --keyless: the Sigstore instance (default: the public one).")
@click.option(
    "--identity-token-file", metavar="REF", help="With --keyless: FILE, env:NAME or exec:COMMAND of the OIDC token."
)
@passphrase_option
def sign(
    paths: tuple[str, ...],
    identity: str | None,
    trust: str,
    profile: str | None,
    kind: str,
    name: str,
    artifact_version: str,
    ignore: tuple[str, ...],
    output: str | None,
    tsa: str | None,
    keyless: bool,
    trust_config: str | None,
    identity_token_file: str | None,
    passphrase_file: str | None,
) -> int:
    """Sign model directories and files.

    A directory gets model.sig and model.pqc.sig inside, a file FILE.sig and FILE.pqc.sig beside it. cosign and
    model_signing verify the first; secpipe demands both.
    """
    from secpipe.api.signatures import signed
    from secpipe.api.signing import purpose_of, unlocked
    from secpipe.cli.hashed import hashed
    from secpipe.cli.keys.options import opened
    from secpipe.cli.next_step import after_sign
    from secpipe.core.errors import ConfigError
    from secpipe.core.names import windows_problem
    from secpipe.core.text import printable
    from secpipe.system.clock import SystemClock

    if name and len(paths) > 1:
        raise ConfigError("--name goes with one path")
    if keyless:
        return _sign_keyless(paths, trust_config, identity_token_file, output)
    now = SystemClock().now()
    purposes = {path: purpose_of(path, kind) for path in paths}
    who = unlocked(
        identity, set(purposes.values()), trust=trust, profile=profile, passphrase_file=passphrase_file, now=now
    )
    for path in paths:
        tree = None if path.startswith("oci://") else hashed(path)
        for entry in tree.files if tree else ():
            if why := windows_problem(entry.path):
                tell(f"note: {printable(entry.path)} cannot be verified on Windows: {why}")
        done = signed(
            path, who, purposes[path], name=name, version=artifact_version, ignore=ignore,
            output=Path(output) if output else None, tsa=tsa, now=now, tree=tree,
        )  # fmt: skip
        say(f"{printable(path)}: signed by {done.identity} (key version {done.key_version})")
        for bundle in done.bundles:
            say(f"  {printable(str(bundle))}")
    if not tsa:
        _note_stamps(Path(trust).parent, who.version)
    if not any(path.startswith("oci://") for path in paths):
        after_sign(paths, trust, opened(trust, None).trust.root_digest).show()
    return 0


def _note_stamps(project: Path, version: KeyVersion) -> None:
    """Say where the project's policy will ask for the time stamp that was not taken."""
    from secpipe.core.errors import ConfigError
    from secpipe.gate.policies.policy_file import load
    from secpipe.gate.request import TREE_POLICY

    place = project / TREE_POLICY
    try:
        since = load(str(place)).resolve("").keys.stamped_from if place.is_file() else None
    except ConfigError:
        return  # `secpipe check` says what is wrong with it
    if since is not None:
        until = max(version.sign_until.date(), since)
        tell(f"note: {TREE_POLICY} asks for time stamps: without one this counts until {until}; --tsa URL takes one")


def _sign_keyless(paths: tuple[str, ...], trust_config: str | None, token_file: str | None, output: str | None) -> int:
    from secpipe.cli.hashed import hashed
    from secpipe.core.text import printable
    from secpipe.sign.keyless import sign_keyless
    from secpipe.system.secrets import resolve

    token = resolve(token_file).decode("ascii", "replace") if token_file else ""
    config = Path(trust_config) if trust_config else None
    for path in paths:
        folder = Path(output) if output else None
        bundle = sign_keyless(Path(path), hashed(path), trust_config=config, token=token, output=folder)
        say(f"{printable(path)}: signed by the workload's identity (classical only)")
        say(f"  {printable(str(bundle))}")
    return 0
