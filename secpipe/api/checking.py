"""`check`: may this go out? The question is put together here, and asked once, for Python and for the command."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, datetime
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from secpipe.core.errors import ConfigError
from secpipe.gate.request import Request

if TYPE_CHECKING:  # a warm check of the command pays for nothing that it does not use
    from secpipe.api.results import Verdict
    from secpipe.core.protocols import Watch
    from secpipe.gate.origin import Rules
    from secpipe.gate.outcome import Outcome

StrPath = str | PathLike[str]


@dataclass(frozen=True, slots=True)
class Checked:
    """The verdict document, and the outcome it was made from; None where an earlier verdict still holds."""

    document: dict[str, Any]
    outcome: Outcome | None


def check(
    path: StrPath = ".",
    *,
    policy: StrPath = "",
    policy_ref: str = "",
    waivers: StrPath | None = None,
    waivers_ref: str = "",
    trust: StrPath | None = None,
    trust_pin: str = "",
    env: str = "prod",
    mode: str = "",
    warn_until: date | None = None,
    advisories: StrPath | None = None,
    exclude: Iterable[str] = (),
    name: str = "",
    verdicts: StrPath | None = None,
    cache: bool = True,
    at: datetime | None = None,
    project: str = "",
    max_ring_age: int = 0,
) -> Verdict:
    """Judge the folder `path` before it is deployed, as `secpipe check` does with the options of the same names.

    `policy` is a file or `builtin:NAME`; `policy_ref` and `trust_pin` pin it and the trust root from outside `path`,
    without them the verdict is self-judged. `project` names one of those that the policy declares. `at` (aware)
    simulates another time. Raises ConfigError for wrong arguments, a broken policy, or one that declares projects of
    which none is named, TrustError for a policy that is not the pinned one, InputError for a folder that cannot be
    read; whatever is found ends in the verdict: `check(...).raise_for_deny()`.
    """
    request = request_of(
        path, policy=str(policy), policy_ref=policy_ref, waivers=_path(waivers), waivers_ref=waivers_ref,
        trust=_path(trust), trust_pin=trust_pin, max_ring_age=max_ring_age, environment=env, mode=mode,
        warn_until=warn_until, advisories=_path(advisories), exclude=tuple(exclude), name=name,
        verdicts=_path(verdicts), cache=cache and not (name or verdicts), parts=cache, at=at,
    )  # fmt: skip
    from secpipe.api.results import verdict_of

    rules = None
    if project:
        from secpipe.gate.projects import one

        request, rules = one(request, project)
    return verdict_of(judged(request, rules=rules).document)


def request_of(path: StrPath, *, at: datetime | None, cache: bool, parts: bool, **asked: Any) -> Request:
    """Return the question, kept results left out where the time is simulated; raises ConfigError."""
    from secpipe.system.clock import SystemClock

    place = Path(path)
    if place.is_file():
        raise ConfigError(f"{place} is a file; check judges a folder", hint=f"secpipe check {place.parent}")
    if asked.get("policy_ref") and not asked.get("policy") and not asked["policy_ref"].startswith("git:"):
        raise ConfigError("--policy-ref pins a policy file, and none was given", hint="--policy FILE --policy-ref PIN")
    if asked.get("waivers_ref") and not asked.get("waivers"):
        raise ConfigError("--waivers-ref pins a file, and none was given", hint="--waivers FILE --waivers-ref PIN")
    if asked.get("mode", "") not in ("", "warn", "enforce"):
        raise ConfigError("the mode is warn or enforce")
    if at is not None and at.tzinfo is None:
        raise ConfigError("a time without a zone is no time", hint="datetime(2027, 1, 1, tzinfo=UTC)")
    return Request(
        path=place, now=at or SystemClock().now(), simulated=at is not None, cache=cache and at is None,
        parts=parts and at is None, memory="keep" if at is None else "none", **asked,
    )  # fmt: skip


def judged(
    request: Request,
    progress: Callable[[str], None] = lambda text: None,
    rules: Rules | None = None,
    watch: Watch | None = None,
) -> Checked:
    """Ask the gate, or return the verdict of an earlier run that may still be believed; raises as `check`.

    `rules` are what it is judged by, if the caller has them; then no earlier verdict is looked for. `progress` is told
    what is being done, `watch` how far it is.
    """
    from secpipe.gate.cached import cache

    tree = entry = look = stamped = None
    if rules is None and cache.may_serve(request):
        from secpipe.system.tree import walk

        progress("reading files")
        stamped = cache.stamped_of(request)
        if (kept := cache.find(request, stamped)) is not None:
            return Checked(kept, None)
        place = cache.parts_of(request)
        if place is None or not place.exists():  # imported only where there is something to look at
            from secpipe.gate.cached.look import FirstLook

            look = FirstLook()
        tree = walk(request.path, exclude=request.exclude, look=look, watch=watch)
        entry = cache.place_of(request, tree)
        if (kept := cache.find(request, entry)) is not None:
            return Checked(kept, None)
    from secpipe.gate.pipeline import check as judge

    outcome = judge(request, progress, tree, rules, look, watch)
    if tree is not None:
        cache.keep(request, tree, outcome, entry, stamped)
    return Checked(outcome.document, outcome)


def _path(value: StrPath | None) -> Path | None:
    return None if value is None else Path(value)
