"""`secpipe verdict override`: break-glass, by two people at least, for hours."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from secpipe.cli.options import passphrase_option, say
from secpipe.cli.verdict.options import pinned, rules_options
from secpipe.core.errors import ConfigError, InputError

if TYPE_CHECKING:
    from datetime import datetime

    from secpipe.core.trust import Identity
    from secpipe.gate.deploying import Pinned
    from secpipe.gate.verdicts.override import Grant
    from secpipe.gate.verdicts.signed import Held
    from secpipe.gate.verdicts.store import Entry


@click.command(short_help="Let a blocked release out: two people, for hours.")
@click.argument("place", metavar="ENTRY", type=click.Path(path_type=Path))
@click.option("--key", "identity", required=True, metavar="IDENTITY", help="Sign as this identity of the ring.")
@click.option("--reason", default="", metavar="TEXT", help="Why this cannot wait; the first holder writes it.")
@click.option("--hours", type=int, default=None, metavar="N", help="How long it may hold, from now on.")
@click.option("--countersign", default="", metavar="NONCE", help="Sign what another holder wrote, unchanged.")
@click.option("--yes", is_flag=True, help="With --countersign: sign without asking, after reading it.")
@rules_options
@passphrase_option
def override(
    place: Path,
    identity: str,
    reason: str,
    hours: int | None,
    countersign: str,
    yes: bool,
    passphrase_file: str | None,
    **options: Any,
) -> int:
    """Sign that the release judged in ENTRY may go out although its signed verdict says no.

    It counts once enough different people (never fewer than two) have signed the same text, for this release, this
    environment and this verdict alone, until it ends. What is signed is printed before the key is opened.
    """
    from secpipe.cli.check.store import signer
    from secpipe.cli.keys.quorum import confirmed
    from secpipe.cli.verdict.text import grant as shown
    from secpipe.gate.verdicts import signed
    from secpipe.gate.verdicts.store import entry_at
    from secpipe.system.clock import SystemClock

    if bool(countersign) == bool(reason or hours):
        raise ConfigError(
            "either a new override or a countersignature", hint="--reason TEXT --hours N | --countersign NONCE"
        )
    now = SystemClock().now()
    entry = entry_at(place)
    rules = pinned(options, entry.environment, now)
    who = signer(rules.trust, identity, "override")
    if not who.holder:
        raise InputError(f"the ring names no holder of {identity}, so nobody could be counted")
    verdict = signed.held(entry.folder, signed.About(entry.digest, None, entry.environment), rules.trust, now)
    one = _grant(verdict, entry, rules, reason, hours, countersign, now)
    for line in (f"{who.holder} signs:", *shown(one)):
        say(line)
    if countersign and not yes and not confirmed():
        raise ConfigError("not signed", hint="somebody else wrote this; ask them")
    _sign(one, who, verdict, entry, rules, passphrase_file, now)
    return 0


def _grant(
    verdict: Held, entry: Entry, rules: Pinned, reason: str, hours: int | None, nonce: str, now: datetime
) -> Grant:
    """Return the new grant, or the one that another holder signed already."""
    from secpipe.gate.verdicts import override as overrides

    longest = overrides.hours_of(verdict, rules.policy.break_glass)
    if not nonce:
        return overrides.grant(
            verdict, reason, longest if hours is None else hours, secrets.token_hex(32), now, longest
        )
    overrides.refuse_unfit(verdict)
    found = {one.nonce: one for one, _ in overrides.holders_of(verdict, entry.digest, rules.trust, now)}
    if nonce not in found:
        raise InputError("no override with this nonce holds here", hint="secpipe verdict show ENTRY lists them")
    if now >= found[nonce].not_after:
        raise InputError("this override has ended", hint="begin a new one: --reason TEXT --hours N")
    return found[nonce]


def _sign(
    one: Grant, who: Identity, verdict: Held, entry: Entry, rules: Pinned, passphrase: str | None, now: datetime
) -> None:
    """Write this holder's twin bundle and say who has signed so far."""
    from secpipe.api.signing import open_key
    from secpipe.cli.logged import log_folder, logged
    from secpipe.gate.verdicts import override as overrides
    from secpipe.gate.verdicts import signed
    from secpipe.sign.sign import write_twins
    from secpipe.sign.verdicts import payload_digest, sign_verdict

    version, signers = open_key(who, rules.trust, passphrase, now)
    body = overrides.predicate(one, who.holder)
    data = sign_verdict(overrides.PURPOSE, verdict.name, entry.digest, body, who, version, signers, now=now)
    logged(
        log_folder(rules.policy, pinned=not rules.rules.self_judged()), "override", payload_digest(data), now,
        release=entry.digest, environment=entry.environment, holder=who.holder, verdict=verdict.digest,
    )  # fmt: skip
    classical, pq = signed.names(f"{overrides.PURPOSE}.{who.holder}")
    write_twins((entry.folder / classical, entry.folder / pq), data)
    agreed = sorted(
        {name for other, name in overrides.holders_of(verdict, entry.digest, rules.trust, now) if other == one}
    )
    enough = overrides.people(verdict, rules.policy.break_glass)
    say(f"signed by {', '.join(agreed)}: {len(agreed)} of {enough} people")
    if len(agreed) < enough:
        say(f"next: secpipe verdict override ENTRY --key IDENTITY --countersign {one.nonce}")
