"""`secpipe keys add-holder`, `add-identity`, `revoke`, `renew` ...: what the root's people draft and sign."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from secpipe.cli.keys.options import dir_option, passphrase_of
from secpipe.cli.logged import logged_ring
from secpipe.cli.options import passphrase_option, tell, write_result
from secpipe.core.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from secpipe.keystore.pending import Shown
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
    kind: str = "ceremony",
) -> int:
    """Draft a change, sign it with the holder keys on this machine, publish it if that is enough.

    `kind` is what the log calls it, where there is one.
    """
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
        mine = unlock_holders(found, home, ask)
        if _waits(found) and (mine or not over_pending):  # a holder would sign what waits without being shown it
            raise ConfigError(
                "another change waits for signatures", hint=f"secpipe keys sign-root, or delete {folder}/pending"
            )
        digest = draft(found, make(found, home, ask, now), now)
        return _report(sign_pending(target, home, ask, now, agreed=digest, must_sign=False), folder, kind)


def _waits(found: Opened) -> bool:
    """Return whether a draft waits that could still be published; what trust has overtaken does not count."""
    from secpipe.core.errors import TrustError
    from secpipe.keystore.pending import read_pending

    try:
        return read_pending(found) is not None
    except TrustError:
        return False


def _report(progress: Any, folder: str, kind: str = "ceremony") -> int:
    who = ", ".join(progress.signed) or "nobody yet"
    if progress.published:
        logged_ring(kind, folder, signed_by=who)
        write_result(f"published, signed by {who}; commit {folder}/\n", "-")
    else:
        write_result(
            f"signed by {who}; {progress.missing} more: commit {folder}/, they run secpipe keys sign-root\n", "-"
        )
    return 0


@click.command("sign-root")
@click.option("--expect", metavar="DIGEST", help="Sign this draft only: the digest that its author told you.")
@click.option("--yes", is_flag=True, help="Do not ask where nobody may do more than before; else --expect says which.")
@click.option("--show", is_flag=True, help="Only show what waits, and print its digest (for --expect); sign nothing.")
@click.option("--answer", "answers", multiple=True, metavar="FILE", help="Take signatures from keys answer, not keys.")
@dir_option
@passphrase_option
def sign_root(
    yes: bool, show: bool, expect: str | None, answers: tuple[str, ...], folder: str, passphrase_file: str | None
) -> int:
    """Show what waits in FOLDER/pending and sign it with your holder key; the last signature needed publishes it."""
    from secpipe.keystore.airgap import add_answer
    from secpipe.keystore.commit import locked
    from secpipe.keystore.pending import sign_pending
    from secpipe.keystore.trusted import anchor_of
    from secpipe.system import files, places
    from secpipe.system.clock import SystemClock

    home, target = places.home(), Path(folder)
    if show:
        write_result(f"{_read(target).digest}\n", "-")
        return 0
    with locked(home, anchor_of(target)):
        for path in answers:
            add_answer(target, files.read_bytes(path, 1 << 24))
        if answers and expect is None:  # nobody's key is used here: what others signed is only counted
            agreed = _read(target)
        else:
            agreed = agree(target, yes=yes, expect=expect)
        ask = None if answers else passphrase_of(passphrase_file)
        progress = sign_pending(target, home, ask, SystemClock().now(), agreed=agreed, must_sign=not answers)
    return _report(progress, folder)


def agree(folder: Path, *, yes: bool, expect: str | None) -> Shown:
    """Show the whole draft, have it confirmed and return it.

    Raises ConfigError where nobody confirmed it, TrustError where another one is expected.
    """
    from secpipe.core.errors import TrustError

    draft = _read(folder)
    if expect is not None:
        wanted = expect.removeprefix("sha256:").replace(" ", "").lower()
        if wanted != draft.digest:
            raise TrustError("the draft is not the one that you expect", hint="compare its lines with its author")
    elif yes and draft.changes.moves:
        raise ConfigError(
            "not signed: this draft moves authority, and --yes says that nobody read it",
            hint="--expect DIGEST, which its author tells you (there: secpipe keys sign-root --show)",
        )
    elif not yes and not confirmed(draft.digest[:8] if draft.changes.moves else ""):
        hint = f"somebody else drafted this; ask them, or delete {folder}/pending"
        raise ConfigError("not signed", hint=hint)
    return draft


def _read(folder: Path) -> Shown:
    """Show the whole draft on stderr and return it."""
    from secpipe.keystore.pending import open_signing, shown

    draft = shown(open_signing(folder))
    for line in draft.lines:
        tell(line)
    return draft


def confirmed(word: str = "") -> bool:
    """Ask on the terminal whether to sign, by typing `word` if it is one; raises ConfigError without a terminal."""
    import sys

    if not sys.stdin.isatty():
        raise ConfigError(
            "nobody is there to read what would be signed",
            hint="--expect DIGEST, after reading it where it was drafted (secpipe keys sign-root --show)",
        )
    if not word:
        return click.confirm("sign this?", err=True)
    typed: str = click.prompt("this moves authority; type the first 8 characters of the draft to sign it", err=True)
    return typed.strip().lower() == word


@click.command("request")
@click.option("-o", "--output", metavar="FILE", default="request.json", show_default=True, help="Write to FILE.")
@dir_option
def request(output: str, folder: str) -> int:
    """Put what waits for signatures into one file, to carry to a machine without a network."""
    from secpipe.keystore.airgap import make_request

    data, digest = make_request(Path(folder))
    write_result(data, output)
    tell(f"draft {digest}: compare it by voice; there they run secpipe keys answer {output}")
    return 0


@click.command("answer")
@click.argument("file", metavar="REQUEST")
@click.option("--expect", metavar="DIGEST", help="Sign this draft only: the digest that its author told you.")
@click.option("--yes", is_flag=True, help="Do not ask where nobody may do more than before.")
@click.option("--trust-pin", "pin", metavar="PIN", default="", help="sha256:HEX of a root that you know.")
@click.option("-o", "--output", metavar="FILE", default="answer.json", show_default=True, help="Write to FILE.")
@passphrase_option
def answer(file: str, expect: str | None, yes: bool, pin: str, output: str, passphrase_file: str | None) -> int:
    """Show and sign a REQUEST with the holder keys of this machine; needs no network and no repository."""
    from secpipe.keystore.airgap import sign_request
    from secpipe.system import files, places
    from secpipe.system.clock import SystemClock

    data, signed = sign_request(
        files.read_bytes(file, 1 << 28),
        places.home(),
        passphrase_of(passphrase_file),
        SystemClock().now(),
        lambda folder: agree(folder, yes=yes, expect=expect),
        pin,
    )
    write_result(data, output)
    tell(f"signed by {', '.join(signed)}; back there: secpipe keys sign-root --answer {output}")
    return 0


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
