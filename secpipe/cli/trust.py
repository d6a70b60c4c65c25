"""`secpipe trust`: show, verify, pin and update the trust root."""

from __future__ import annotations

import click

from secpipe.cli.keys.options import opened, trust_folder, write_text_or_json
from secpipe.cli.options import at_option, clock_of, max_ring_age_option, passphrase_option, plain_format, write_result
from secpipe.core import times


@click.group()
def trust() -> None:
    """Show, verify, pin and update the trust root."""


@trust.command("show")
@click.argument("folder", default="keys")
@at_option
@plain_format
def show(folder: str, at: str | None, form: str, output: str) -> int:
    """Show who may sign what under FOLDER; expired trust is shown too."""
    now = clock_of(at).now()
    found = opened(folder, None)
    state = found.trust
    document = {
        "schema": "secpipe.trust/1",
        "simulated": bool(at),
        "root": {
            "version": state.root_version,
            "sha256": state.root_digest,
            "expires": times.rfc3339(state.root_expires),
            "people": found.root.quorum.people,
            "holders": list(found.root.quorum.names),
        },
        "ring": {
            "version": state.ring_version,
            "sha256": state.ring_digest,
            "expires": times.rfc3339(state.ring_expires),
        },
        "expired": now > min(state.root_expires, state.ring_expires),
        "identities": {identity.name: list(identity.authority.purposes) for identity in state.identities},
        "time_authorities": [authority.name for authority in state.time_authorities],
    }
    quorum = found.root.quorum
    people = f"{len(quorum.names)} ({', '.join(quorum.names)})"
    lines = [f"SIMULATED at {times.rfc3339(now)}"] if at else []
    lines += [
        f"root {state.root_version}: {quorum.people} of {people}, until {state.root_expires:%Y-%m-%d}",
        f"  sha256:{state.root_digest}",
        f"ring {state.ring_version}: until {state.ring_expires:%Y-%m-%d}{', EXPIRED' if document['expired'] else ''}",
    ]
    lines += [f"  {item.name} signs {', '.join(item.authority.purposes)}" for item in state.identities]
    write_text_or_json(document, lines, form, output)
    return 0


@trust.command("export", short_help="Write FOLDER as one file, for verifiers that have no folder.")
@click.argument("folder", default="keys")
@click.option("--bundle", is_flag=True, help="The signed files themselves, in one JSON file.")
@click.option("-o", "--output", metavar="FILE", default="-", help="Where to write it (default: stdout).")
def export(folder: str, bundle: bool, output: str) -> int:
    """Write FOLDER as one file: the roots, the ring, its targets and the statement of the newest ring, as signed."""
    from pathlib import Path

    from secpipe.core.errors import ConfigError
    from secpipe.keystore.trust_bundle import export as run

    if not bundle:
        raise ConfigError("say what to write", hint="secpipe trust export keys --bundle -o trust.json")
    write_result(run(Path(folder)).decode("utf-8"), output)
    return 0


@trust.command("verify", short_help="Check every signature and rule of FOLDER, or of a trust bundle.")
@click.argument("folder", default="keys")
@click.option("--trust-pin", "pin", metavar="PIN", default="", help="sha256:HEX of a root that you know.")
@click.option("--seen", metavar="FILE", default="", help="A bundle accepted before: this one must have grown from it.")
@max_ring_age_option
@at_option
def verify(folder: str, pin: str, seen: str, max_ring_age: int, at: str | None) -> int:
    """Check every signature and rule of FOLDER, a folder or a trust bundle; exit 1 where one does not hold."""
    from pathlib import Path

    from secpipe.api.signatures import trust_of
    from secpipe.core.errors import ConfigError
    from secpipe.core.limits import DEFAULT
    from secpipe.keystore.trust_bundle import open_bundle
    from secpipe.system.files import read_bytes

    now = clock_of(at).now()
    if Path(folder).is_file():
        before = read_bytes(Path(seen), DEFAULT.document_bytes) if seen else None
        data = read_bytes(Path(folder), DEFAULT.document_bytes)
        state = open_bundle(data, pin=pin, now=now, max_ring_age=max_ring_age, seen=before).trust
    elif seen:
        raise ConfigError("--seen is for a trust bundle; of a folder this machine remembers what it saw")
    else:
        state = trust_of(folder, pin, now, max_ring_age=max_ring_age, live=at is None, keep=False)
    anchored = "pinned" if state.pinned else "not pinned: give --trust-pin, or anyone could have made it"
    prefix = "SIMULATED: " if at else ""
    write_result(f"{prefix}root {state.root_version} and ring {state.ring_version} hold ({anchored})\n", "-")
    return 0


@trust.command("update", short_help="Bring FOLDER up to SOURCE; refuses rollback, forks and gaps.")
@click.argument("source")
@trust_folder("The folder to bring up to date.")
@click.option("--trust-pin", "pin", metavar="PIN", default="", help="sha256:HEX of a root that you know.")
def update(source: str, folder: str, pin: str) -> int:
    """Bring FOLDER up to SOURCE (a folder or an https address), refusing rollback, forks, gaps and expired trust."""
    from pathlib import Path

    from secpipe.keystore.trust_update import source_of
    from secpipe.keystore.trust_update import update as run
    from secpipe.system import places
    from secpipe.system.clock import SystemClock

    state = run(Path(folder), source_of(source), places.home(), SystemClock().now(), pin).trust
    write_result(f"root {state.root_version}, ring {state.ring_version} until {state.ring_expires:%Y-%m-%d}\n", "-")
    return 0


@trust.command("pin")
@click.argument("folder", default="keys")
def pin(folder: str) -> int:
    """Print the pin of the newest root, for --trust-pin."""
    from secpipe.cli.next_step import after_trust_pin

    digest = opened(folder, None).trust.root_digest
    write_result(f"sha256:{digest}\n", "-")
    if step := after_trust_pin(folder, digest):
        step.show()
    return 0


@trust.command("federate", short_help="Accept an identity of another team, scoped and dated (root quorum).")
@click.argument("other", metavar="FOLDER")
@click.argument("name", metavar="IDENTITY")
@click.option(
    "--trust-pin", "pin", metavar="PIN", required=True, help="sha256:HEX of a root of FOLDER: its people tell."
)
@click.option("--as", "alias", metavar="NAME", required=True, help="Its name in your keyring.")
@click.option("--purpose", "purposes", multiple=True, required=True, metavar="PURPOSE", help="What it may sign here.")
@click.option("--namespace", "namespaces", multiple=True, required=True, metavar="GLOB", help="Names of its subjects.")
@click.option(
    "--env", "environments", multiple=True, default=("*",), metavar="GLOB", help="Only for these environments."
)
@click.option(
    "--until",
    "end",
    required=True,
    metavar="TIME",
    help="From when on it signs nothing here; only what a trusted stamp shows to be older still counts.",
)
@trust_folder("Your folder of public trust material.")
@passphrase_option
def federate(
    other: str,
    name: str,
    pin: str,
    alias: str,
    purposes: tuple[str, ...],
    namespaces: tuple[str, ...],
    environments: tuple[str, ...],
    end: str,
    folder: str,
    passphrase_file: str | None,
) -> int:
    """Accept IDENTITY of another team's trust FOLDER, for some purposes and names, until a date (root quorum)."""
    from secpipe.cli.keys.quorum import carry_out
    from secpipe.core.errors import ConfigError
    from secpipe.core.trust import Authority
    from secpipe.keys.wire import NAME
    from secpipe.keystore import memory
    from secpipe.keystore.federation import federated
    from secpipe.system import places
    from secpipe.system.clock import SystemClock, parse_time

    if not NAME.match(alias):
        raise ConfigError("an identity's name is lower-case letters, digits and hyphens")
    today, until = SystemClock().now(), parse_time(end)
    theirs = opened(other, today, pin)
    memory.guard(places.home(), theirs)
    memory.remember(places.home(), theirs, today)
    authority = Authority(purposes, namespaces, environments)
    return carry_out(
        folder,
        passphrase_file,
        lambda found, home, ask, now: federated(found, theirs, name, alias, authority, until, now),
    )


@trust.command("forget", short_help="Forget the newest time seen of FOLDER, after a wrong clock.")
@click.argument("folder", default="keys")
@click.option("--all", "everything", is_flag=True, help="Also versions and keys: rollback is then not noticed here.")
def forget(folder: str, everything: bool) -> int:
    """Forget the newest time that this machine has seen of FOLDER, after its clock was wrong."""
    from pathlib import Path

    from secpipe.keystore import memory
    from secpipe.system import places

    memory.forget(places.home(), opened(str(Path(folder)), None), keep=not everything)
    write_result(
        "forgotten: " + ("all that was seen of this trust root\n" if everything else "the newest time seen\n"), "-"
    )
    return 0
