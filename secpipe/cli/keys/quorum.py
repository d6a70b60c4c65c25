"""`secpipe keys add-holder`, `add-identity`, `revoke`, `renew` ...: what the root's people draft and sign."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from secpipe.cli.keys.options import dir_option, passphrase_of
from secpipe.cli.options import passphrase_option, tell, write_result
from secpipe.core.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from secpipe.keystore.quorum import TrustChange
    from secpipe.keystore.trusted import Opened


def carry_out(
    folder: str,
    reference: str | None,
    make: Callable[[Opened, Path, Callable[[], bytes], datetime], TrustChange],
    *,
    over_pending: bool = False,
    confirm: bool = False,
    start: Callable[[Path, Path, datetime], Opened] | None = None,
) -> int:
    """Draft a change, sign it with the holder keys on this machine, publish it if that is enough."""
    from secpipe.keystore.commit import locked
    from secpipe.keystore.pending import sign_pending, unlock_holders
    from secpipe.keystore.quorum import begin, draft
    from secpipe.keystore.trusted import anchor_of
    from secpipe.system import places
    from secpipe.system.clock import SystemClock

    home, ask, now = places.home(), passphrase_of(reference, confirm=confirm), SystemClock().now()
    target = Path(folder)
    with locked(home, anchor_of(target)):
        found = (start or begin)(target, home, now)
        if not over_pending and _waits(found):
            raise ConfigError(
                "another change waits for signatures", hint=f"secpipe keys sign-root, or delete {folder}/pending"
            )
        unlock_holders(found, home, ask)
        draft(found, make(found, home, ask, now), now)
        return _report(sign_pending(target, home, ask, now, must_sign=False), folder)


def _waits(found: Opened) -> bool:
    """Return whether a draft waits that could still be published; what trust has overtaken does not count."""
    from secpipe.core.errors import TrustError
    from secpipe.keystore.pending import read_pending

    try:
        return read_pending(found) is not None
    except TrustError:
        return False


def _report(progress: Any, folder: str) -> int:
    who = ", ".join(progress.signed) or "nobody yet"
    if progress.published:
        write_result(f"published, signed by {who}; commit {folder}/\n", "-")
    else:
        write_result(
            f"signed by {who}; {progress.missing} more: commit {folder}/, they run secpipe keys sign-root\n", "-"
        )
    return 0


@click.command("sign-root")
@click.option("--yes", is_flag=True, help="Do not ask after showing what would change.")
@dir_option
@passphrase_option
def sign_root(yes: bool, folder: str, passphrase_file: str | None) -> int:
    """Show what waits in FOLDER/pending and sign it with your holder key; the last signature needed publishes it."""
    from secpipe.keystore.commit import locked
    from secpipe.keystore.pending import open_signing, pending_changes, sign_pending
    from secpipe.keystore.trusted import anchor_of
    from secpipe.system import places
    from secpipe.system.clock import SystemClock

    home, target = places.home(), Path(folder)
    with locked(home, anchor_of(target)):
        for line in pending_changes(open_signing(target)):
            tell(line)
        if not yes and not confirmed():
            raise ConfigError(
                "not signed", hint="somebody else drafted this; ask them, or delete " + folder + "/pending"
            )
        progress = sign_pending(target, home, passphrase_of(passphrase_file), SystemClock().now())
    return _report(progress, folder)


def confirmed() -> bool:
    """Ask on the terminal whether to sign; raises ConfigError where there is none."""
    import sys

    if not sys.stdin.isatty():
        raise ConfigError("nobody is there to read what would be signed", hint="--yes, after reading it")
    return click.confirm("sign this?", err=True)


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
    tell(f"making root keys for {name}")
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
