"""`secpipe keys add-holder`, `add-identity`, `revoke`, `renew` ...: what the root's people draft and sign."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from secpipe.cli.keys_options import dir_option, passphrase_of, say
from secpipe.cli.keys_rotate import schedule_of
from secpipe.cli.options import passphrase_option, write_result
from secpipe.core.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from secpipe.keystore.quorum import Change
    from secpipe.keystore.trusted import Opened

_SCOPE = (
    click.option("--purpose", "purposes", multiple=True, required=True, metavar="PURPOSE", help="What it may sign."),
    click.option("--namespace", "namespaces", multiple=True, default=("*",), metavar="GLOB", help="Names of subjects."),
    click.option("--environment", "environments", multiple=True, default=("*",), metavar="GLOB"),
)


def carry_out(
    folder: str,
    reference: str | None,
    make: Callable[[Opened, Path, Callable[[], bytes], datetime], Change],
    *,
    over_pending: bool = False,
    confirm: bool = False,
) -> int:
    """Draft a change, sign it with the holder keys on this machine, publish it if that is enough."""
    from secpipe.keystore.commit import locked
    from secpipe.keystore.pending import sign_pending
    from secpipe.keystore.quorum import begin, draft
    from secpipe.keystore.trusted import anchor_of
    from secpipe.system import places
    from secpipe.system.clock import SystemClock

    home, ask, now = places.home(), passphrase_of(reference, confirm=confirm), SystemClock().now()
    target = Path(folder)
    with locked(home, anchor_of(target)):
        found = begin(target, home, now)
        if not over_pending and _waits(found):
            raise ConfigError(
                "another change waits for signatures", hint=f"secpipe keys sign-root, or delete {folder}/pending"
            )
        draft(found, make(found, home, ask, now), now)
        return _report(sign_pending(target, home, ask, now), folder)


def _waits(found: Opened) -> bool:
    """Return whether a draft waits that could still be published; what trust has overtaken does not count."""
    from secpipe.core.errors import TrustError
    from secpipe.keystore.pending import read_pending

    try:
        return read_pending(found) is not None
    except TrustError:
        return False


def _report(progress: Any, folder: str) -> int:
    who = ", ".join(progress.signed)
    if progress.published:
        write_result(f"published, signed by {who}; commit {folder}/\n", "-")
    else:
        write_result(
            f"signed by {who}; {progress.missing} more: commit {folder}/, they run secpipe keys sign-root\n", "-"
        )
    return 0


@click.command("sign-root")
@dir_option
@passphrase_option
def sign_root(folder: str, passphrase_file: str | None) -> int:
    """Sign what waits in DIR/pending with your holder key; the last signature needed publishes it."""
    from secpipe.keystore.commit import locked
    from secpipe.keystore.pending import sign_pending
    from secpipe.keystore.trusted import anchor_of
    from secpipe.system import places
    from secpipe.system.clock import SystemClock

    home, target = places.home(), Path(folder)
    with locked(home, anchor_of(target)):
        progress = sign_pending(target, home, passphrase_of(passphrase_file), SystemClock().now())
    return _report(progress, folder)


@click.command("add-holder")
@click.argument("name")
@click.option("--people", type=int, help="How many holders must sign from now on (default: a majority).")
@dir_option
@passphrase_option
def add_holder(name: str, people: int | None, folder: str, passphrase_file: str | None) -> int:
    """Make root keys for NAME on this machine and ask to join the root; run by the person who joins."""
    from secpipe.keys.wire import NAME
    from secpipe.keystore.quorum import with_holder

    if not NAME.match(name):
        raise ConfigError("a holder's name is lower-case letters, digits and hyphens")
    say(f"making root keys for {name}")
    return carry_out(
        folder,
        passphrase_file,
        lambda found, home, ask, now: with_holder(found, home, name, people, ask, now),
        over_pending=True,
        confirm=True,
    )


@click.command("remove-holder")
@click.argument("name")
@click.option("--people", type=int, help="How many holders must sign from now on.")
@dir_option
@passphrase_option
def remove_holder(name: str, people: int | None, folder: str, passphrase_file: str | None) -> int:
    """Take NAME out of the root."""
    from secpipe.keystore.quorum import without_holder

    return carry_out(folder, passphrase_file, lambda found, home, ask, now: without_holder(found, name, people))


@click.command("add-identity")
@click.argument("name")
@_SCOPE[0]
@_SCOPE[1]
@_SCOPE[2]
@click.option("--holder", default="", help="Who holds the key (default: the first holder of the root).")
@click.option("--algorithm", "algorithms", multiple=True, help="Halves of its key (default: as the other identities).")
@click.option("--classical", metavar="REF", help="Make the classical half in a device: pkcs11:module=...;token=...")
@click.option("--import", "paths", multiple=True, metavar="FILE", help="Bring a key along: PEM, or cosign's own.")
@dir_option
@passphrase_option
def add_identity(
    name: str,
    purposes: tuple[str, ...],
    namespaces: tuple[str, ...],
    environments: tuple[str, ...],
    holder: str,
    algorithms: tuple[str, ...],
    classical: str | None,
    paths: tuple[str, ...],
    folder: str,
    passphrase_file: str | None,
) -> int:
    """Make an identity with its first key on this machine and ask the root's people to let it sign."""
    from secpipe.core.trust import Authority, HalfClass, Identity
    from secpipe.keys.schemes.scheme import PAIRS, get
    from secpipe.keys.wire import NAME
    from secpipe.keystore.quorum import Origin, with_identity

    if not NAME.match(name):
        raise ConfigError("an identity's name is lower-case letters, digits and hyphens")

    def make(found: Opened, home: Path, ask: Callable[[], bytes], now: datetime) -> Change:
        imported = tuple(_bring(path, ask) for path in paths)
        others = [[half.algorithm for half in item.versions[-1].halves] for item in found.ring.identities]
        halves = list(algorithms) or (others[0] if others else list(PAIRS["default"]))
        for one in imported:  # what is brought along takes the place of the half of its class
            halves = [one.algorithm if get(name).half == get(one.algorithm).half else name for name in halves]
        origin = Origin({HalfClass.CLASSICAL: classical} if classical else {}, imported)
        blank = Identity(name, Authority(purposes, namespaces, environments), (), holder or found.root.quorum.names[0])
        return with_identity(found, home, blank, halves, schedule_of(folder), ask, now, origin)

    return carry_out(folder, passphrase_file, make)


def _bring(path: str, ask: Callable[[], bytes]) -> Any:
    from secpipe.keystore.importing import import_key
    from secpipe.system import files, secrets

    secrets.check_private(path)
    return import_key(files.read_bytes(path, 1 << 20), ask)


@click.command("set-authority")
@click.argument("name", metavar="IDENTITY")
@_SCOPE[0]
@_SCOPE[1]
@_SCOPE[2]
@dir_option
@passphrase_option
def set_authority(
    name: str,
    purposes: tuple[str, ...],
    namespaces: tuple[str, ...],
    environments: tuple[str, ...],
    folder: str,
    passphrase_file: str | None,
) -> int:
    """Change what IDENTITY may sign."""
    from secpipe.core.trust import Authority
    from secpipe.keystore.quorum import with_authority

    authority = Authority(purposes, namespaces, environments)
    return carry_out(folder, passphrase_file, lambda found, home, ask, now: with_authority(found, name, authority))
