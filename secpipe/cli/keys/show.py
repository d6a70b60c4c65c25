"""`secpipe keys list`, `show` and `export`: what the keyring says, in public."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from secpipe.cli.keys.options import dir_option, opened, pick, write_text_or_json
from secpipe.cli.options import at_option, clock_of, plain_format, write_result
from secpipe.core import times
from secpipe.core.foreign import Sink

if TYPE_CHECKING:
    from datetime import datetime

    from secpipe.core.trust import Identity, KeyVersion


@click.command("list")
@dir_option
@at_option
@plain_format
def list_keys(folder: str, at: str | None, form: str, output: str) -> int:
    """List identities and key versions with their state."""
    now = clock_of(at).now()
    trust = opened(folder, None).trust
    document = {
        "schema": "secpipe.keys/1",
        "simulated": bool(at),
        "ring": {
            "version": trust.ring_version,
            "expires": times.rfc3339(trust.ring_expires),
            "expired": now > trust.ring_expires,
        },
        "root": {
            "version": trust.root_version,
            "expires": times.rfc3339(trust.root_expires),
            "sha256": trust.root_digest,
        },
        "identities": [_describe(identity, now) for identity in trust.identities],
    }
    rows = [("IDENTITY", "VERSION", "STATE", "ALGORITHMS", "SIGNS UNTIL", "KEY")]
    for identity in trust.identities:
        for version in identity.versions:
            algorithms = "+".join(half.algorithm for half in version.halves)
            state, until = str(version.state(now)), f"{version.sign_until:%Y-%m-%d}"
            rows.append((identity.name, str(version.version), state, algorithms, until, version.id[:16]))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    if at:
        lines.insert(0, f"SIMULATED at {times.rfc3339(now)}")
    lines.append("")
    lines.append(f"ring {trust.ring_version} until {trust.ring_expires:%Y-%m-%d}")
    lines.append(f"root {trust.root_version} until {trust.root_expires:%Y-%m-%d}")
    write_text_or_json(document, lines, form, output)
    return 0


@click.command("show")
@click.argument("name")
@dir_option
@at_option
@plain_format
def show(name: str, folder: str, at: str | None, form: str, output: str) -> int:
    """Show one identity, or the key version whose id (or half's id) starts with NAME."""
    now = clock_of(at).now()
    identity, versions = _find(opened(folder, None).trust.identities, name)
    document: dict[str, Any] = {"schema": "secpipe.key/1", "simulated": bool(at)} | _describe(identity, now, versions)
    lines = [f"SIMULATED at {times.rfc3339(now)}"] if at else []
    lines += [f"{identity.name}  (holder {identity.holder})"]
    for label, values in document["authority"].items():
        lines.append(f"  {label}: {', '.join(values)}")
    for version in document["versions"]:
        lines.append(f"  version {version['version']}: {version['state']}, key {version['id']}")
        lines.append(f"    signs {version['not_before']} to {version['sign_until']}, accepted {version['accepted']}")
        lines += [f"    {half['algorithm']}: {half['keyid']}" for half in version["halves"]]
    write_text_or_json(document, lines, form, output)
    return 0


@click.command("export")
@click.argument("name", default="builder")
@dir_option
@click.option(
    "--format",
    "form",
    type=click.Choice(["pem", "jwk", "cosign"]),
    default="pem",
    show_default=True,
    help="How it is written.",
)
@click.option(
    "--classical", "half", flag_value="classical", help="Only the classical half: what cosign takes as --key."
)
@click.option("--pq", "half", flag_value="pq", help="Only the post-quantum half.")
@click.option("--version", "number", type=int, help="The key version (default: the newest that signs).")
@click.option("-o", "--output", metavar="FILE", default="-", help="Write to FILE.")
@at_option
def export(name: str, folder: str, form: str, half: str | None, number: int | None, output: str, at: str | None) -> int:
    """Write the public key of an identity."""
    from secpipe.core.errors import ConfigError
    from secpipe.keys.export import write_public
    from secpipe.keys.identity import active

    now = clock_of(at).now()
    identity, versions = _find(opened(folder, None).trust.identities, name)
    if number is not None:
        versions = tuple(version for version in identity.versions if version.version == number)
    elif len(versions) > 1:
        versions = (active(identity, now) or identity.versions[-1],)
    if not versions:
        raise ConfigError(f'"{identity.name}" has no version {number}', hint="secpipe keys list")
    wanted = "classical" if form == "cosign" else half
    halves = [item for item in versions[0].halves if wanted in {None, item.half.value}]
    if not halves:
        raise ConfigError(f'version {versions[0].version} of "{identity.name}" has no {wanted} half')
    write_result(write_public(halves, "jwk" if form == "jwk" else "pem"), output, Sink.EXACT)
    return 0


def _find(identities: tuple[Identity, ...], name: str) -> tuple[Identity, tuple[KeyVersion, ...]]:
    by_name = {identity.name: (identity, identity.versions) for identity in identities}
    if name in by_name:
        return by_name[name]
    by_key = {}
    for identity in identities:
        for version in identity.versions:
            for key in (version.id, *(half.keyid for half in version.halves)):
                by_key[key] = (identity, (version,))
    if len(name) < 6:
        return by_name[pick(name, list(by_name), "identities")]
    return (
        by_key[pick(name, list(by_key), "keys")]
        if not any(item.startswith(name) for item in by_name)
        else by_name[pick(name, list(by_name), "identities")]
    )


def _describe(identity: Identity, now: datetime, versions: tuple[KeyVersion, ...] | None = None) -> dict[str, Any]:
    authority = identity.authority
    return {
        "name": identity.name,
        "holder": identity.holder,
        "authority": {
            "purposes": list(authority.purposes),
            "namespaces": list(authority.namespaces),
            "environments": list(authority.environments),
        },
        "versions": [_version(version, now) for version in versions or identity.versions],
    }


def _version(version: KeyVersion, now: datetime) -> dict[str, Any]:
    until = version.verify_until
    return {
        "id": version.id,
        "version": version.version,
        "state": str(version.state(now)),
        "not_before": times.rfc3339(version.not_before),
        "sign_until": times.rfc3339(version.sign_until),
        "accepted": f"until {times.rfc3339(until)}" if until else "for ever",
        "halves": [{"algorithm": half.algorithm, "keyid": half.keyid} for half in version.halves],
    }
