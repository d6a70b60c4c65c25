"""Loading the shelf: trust first, then each signed verdict of the store, verified once while nothing changes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

from secpipe.core import times
from secpipe.core.errors import EXIT_PASS, SecpipeError, TrustError
from secpipe.core.text import printable
from secpipe.core.trust import SKEW, KeyVersion, Trust
from secpipe.gate.after.signals import Signals
from secpipe.gate.after.signals import gather as gather_signals
from secpipe.gate.deploying import Named, Pinned, pinned
from secpipe.gate.verdicts import logged, override, signed, store
from secpipe.gate.verdicts.acceptance import Answer
from secpipe.gate.verdicts.signed import About, Broken, Held
from secpipe.gate.verdicts.store import Entry
from secpipe.serve.shelf import FOLDER, IMAGE, Shelf, Shelved, ends, retrusted, shelved
from secpipe.system.hashing import folder_stamp

_TOLD = 10  # verdicts that do not hold, named in the log of one load


@dataclass(frozen=True, slots=True)
class Sources:
    """Where everything comes from; all of it lies outside of what is asked about."""

    store: Path
    named: Named
    environment: str = "prod"
    signals: Path | None = None
    max_age: timedelta | None = None
    fresh_for: timedelta = timedelta(minutes=5)


def load(sources: Sources, now: datetime, before: Shelf | None = None) -> Shelf:
    """Return the shelf as of now; what `before` holds and has not changed since is not verified again.

    Raises SecpipeError where trust or policy do not hold or the store cannot be looked into.
    """
    return fill(sources, start(sources, now, before), now)


def start(sources: Sources, now: datetime, before: Shelf | None = None) -> Shelf:
    """Return `before` under the trust, policy and signals of now, or an empty shelf; raises SecpipeError.

    It may be served: a revoked key is no key in it, and signed signals withdraw what they name. A clock that went back
    since the last look is refused: what had ended by then would count again.
    """
    if before is not None and now < before.loaded - SKEW:
        told = times.rfc3339(before.loaded)
        raise TrustError(f"the clock was set back since {told}", hint="restart the server if that time was wrong")
    rules = pinned(sources.named, sources.environment, now)
    signals = _signals(sources, rules, now)
    if before is not None:
        _refuse_older(before.rules.trust, rules.trust)
    if before is None:
        return Shelf(sources.environment, rules, now, sources.fresh_for, signals=signals, max_age=sources.max_age)
    return replace(retrusted(before, rules, now), signals=signals)


def _refuse_older(had: Trust, new: Trust) -> None:
    """Raise TrustError for trust that is older than what this server held already, or another of the same version."""
    for what, before, after in (
        ("root", (had.root_version, had.root_digest), (new.root_version, new.root_digest)),
        ("keyring", (had.ring_version, had.ring_digest), (new.ring_version, new.ring_digest)),
    ):
        if after[0] < before[0] or (after[0] == before[0] and after[1] != before[1]):
            raise TrustError(f"the {what} is behind: version {after[0]} after version {before[0]}")


def fill(sources: Sources, shelf: Shelf, now: datetime, stop: Callable[[], bool] = lambda: False) -> Shelf:
    """Return the shelf with every signed verdict that the store holds now; raises SecpipeError.

    Where `stop` ends it early, what it did not come to stays as it was.
    """
    versions = {
        (one.name, version.version): version for one in shelf.rules.trust.identities for version in one.versions
    }
    kept: dict[str, Shelved] = {}
    for entry in store.entries(sources.store, environment=sources.environment):
        if stop():
            return shelved(shelf, {**shelf.kept, **kept})
        place = f"{entry.digest}/{entry.name}"
        stamp = folder_stamp(entry.folder)
        had = shelf.kept.get(place)
        if had is not None and stamp and had.stamp == stamp and had.holds(now):
            kept[place] = had
            continue
        one = _kept(entry, stamp, shelf, versions, now)
        if one is not None:
            kept[place] = one
    return shelved(replace(shelf, loaded=now), kept)


def _kept(
    entry: Entry, stamp: bytes, shelf: Shelf, versions: dict[tuple[str, int], KeyVersion], now: datetime
) -> Shelved | None:
    """Return a verdict as it was found, None where nobody signed one."""
    if not any((entry.folder / name).exists() for name in signed.names(signed.VSA)):
        return None
    about = About(entry.digest, None, entry.environment)
    found = signed.attempt(entry.folder, signed.stamp_of(entry), about, shelf.rules.trust, now)
    image = found.summary.image if isinstance(found, Held) else signed.says(entry.folder).get("sha256", "")
    keys = ((FOLDER, entry.digest), *(((IMAGE, image),) if image else ()))
    if isinstance(found, Broken):
        return Shelved(found, keys, stamp)
    if (broken := _unlogged(found, about, shelf.rules)) is not None:
        return Shelved(broken, keys, stamp)
    summary = replace(found.summary, inputs=(), left_out=(), executable=None)
    until = ends(versions[(found.identity.name, found.key_version)], now)
    against: tuple[tuple[override.Grant, str], ...] = ()
    if not summary.passed:
        against = tuple(override.holders_of(found, entry.digest, shelf.rules.trust, now))
    return Shelved(replace(found, summary=summary), keys, stamp, until, against)


def _unlogged(found: Held, about: About, rules: Pinned) -> Broken | None:
    """Return why the log does not bear a verdict out that lets something out, where the policy asks for one."""
    if not found.summary.passed or not (rules.policy.log.required or rules.policy.log.folder):
        return None
    folder = Path(rules.policy.log.folder) if rules.policy.log.folder and not rules.doubt else None
    answer = Answer(EXIT_PASS, "", about.environment, found)
    answer = logged.held_against(answer, about, rules.policy.log, folder, signed.VSA)
    return None if answer.exit_code == EXIT_PASS else Broken(times.rfc3339(found.summary.at), TrustError(answer.why))


def _signals(sources: Sources, rules: Pinned, now: datetime) -> Signals:
    return Signals() if sources.signals is None else gather_signals(sources.signals, rules.trust, now)


def problems(shelf: Shelf) -> list[str]:
    """Return lines for the log on what does not hold: the first few, and how many there are."""
    broken = [(place, one.found) for place, one in shelf.kept.items() if isinstance(one.found, Broken)]
    lines = [f"{printable(place, 90)}: {printable(one.error.message, 200)}" for place, one in broken[:_TOLD]]
    if len(broken) > _TOLD:
        lines.append(f"and {len(broken) - _TOLD:,} more verdicts that do not hold")
    lines += [f"signal {printable(place, 90)}: {printable(why, 200)}" for place, why in shelf.signals.unheard[:_TOLD]]
    return lines


def doubted(shelf: Shelf, error: Exception) -> Shelf:
    """Return the shelf from which nothing may be concluded until it is loaded well again."""
    why = error.message if isinstance(error, SecpipeError) else f"unexpected {type(error).__name__}"
    return replace(shelf, doubt=f"the verdicts could not be loaded: {why}")


def holds(shelf: Shelf) -> int:
    """Return how many verdicts hold."""
    return sum(isinstance(one.found, Held) for one in shelf.kept.values())
