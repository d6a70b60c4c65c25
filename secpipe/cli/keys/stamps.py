"""`secpipe keys grandfather`, and what `keys due` and `simulate` foresee for artifacts without a time stamp."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from secpipe.cli.keys.options import dir_option
from secpipe.cli.keys.quorum import carry_out
from secpipe.cli.options import passphrase_option, tell
from secpipe.core.errors import ConfigError, TrustError
from secpipe.core.text import plural, printable

if TYPE_CHECKING:
    from datetime import datetime

    from secpipe.core.trust import Trust
    from secpipe.keystore.quorum import TrustChange
    from secpipe.keystore.trusted import Opened
    from secpipe.sign.lapse import Lapse

_SHOWN = 5


def artifacts_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """`--artifacts PATH` and `--policy POLICY`: which signed things, held against which demand for time stamps."""
    function = click.option(
        "--policy", metavar="POLICY", default="builtin:strict", show_default=True,
        help="With --artifacts: whose [keys] stamped_from counts.",
    )(function)  # fmt: skip
    return click.option(
        "--artifacts", multiple=True, metavar="PATH", help="Also say when what is signed there counts no more."
    )(function)


def lapsing(paths: Sequence[str], policy: str, trust: Trust, now: datetime) -> list[Lapse]:
    """Return what of the signed artifacts at `paths` will count no more by a policy, and when."""
    from secpipe.gate.policies.policy_file import load
    from secpipe.sign.lapse import lapses

    since = load(policy).resolve("").keys.stamped_from if paths else None
    return lapses(_facts(paths, trust, now), since) if since else []


def _facts(paths: Sequence[str], trust: Trust, now: datetime, env: str = "") -> list[dict[str, Any]]:
    """Return the facts of every signature at `paths`; raises TrustError where one does not hold."""
    from secpipe.api.signatures import Demands, verified
    from secpipe.core.evidence import State

    found: list[dict[str, Any]] = []
    for path in paths:
        evidence = verified(path, trust, Demands(environment=env, remember=False), now)
        if evidence.state is not State.OK:
            raise TrustError(f"{printable(path)} does not hold: {evidence.reason}", hint=f"secpipe verify {path}")
        found += evidence.facts["artifacts"]
    return found


def told(found: Sequence[Lapse]) -> list[tuple[datetime, str]]:
    """Return one line for each day on which something lapses."""
    days = []
    for at, group in itertools.groupby(found, key=lambda one: one.at):
        names = [one.path or one.name for one in group]
        shown = ", ".join(names[:_SHOWN]) + (" ..." if len(names) > _SHOWN else "")
        days.append((at, f"{plural(len(names), 'artifact')} without a time stamp will not count any more: {shown}"))
    return days


@click.command("grandfather")
@click.argument("paths", nargs=-1, required=True, metavar="PATH...")
@click.option("--env", default="", metavar="ENV", help="Verify as for this environment.")
@dir_option
@passphrase_option
def grandfather(paths: tuple[str, ...], env: str, folder: str, passphrase_file: str | None) -> int:
    """Let what is signed at PATH count after its key's end, though no time stamp says when it was signed.

    The holders sign the digests: each must know that it was signed in time. It helps against the end of a key only,
    never against its theft or suspension.
    """
    from datetime import date

    from secpipe.keystore.quorum import grandfathered
    from secpipe.sign.lapse import lapses

    def make(found: Opened, home: Path, ask: Callable[[], bytes], now: datetime) -> TrustChange:
        old = lapses(_facts(paths, found.trust, now, env), date.min)
        if not old:
            raise ConfigError("nothing there needs it: all is stamped, or grandfathered, or nothing is signed")
        for one in old:
            tell(f"{one.label}  {one.digest}  signed by {one.signer}")
        return grandfathered(found, {one.digest: one.label for one in old})

    return carry_out(folder, passphrase_file, make)
