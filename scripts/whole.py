"""Prove an environment whole: what the lock names is there, and all that anything in it needs.

Usage: ENVIRONMENT/bin/python -I whole.py LOCK [NAME[EXTRA,...] ...]

Like `pip check`, but it also follows extras (`pydantic[email]` needs email-validator), holds the environment against
the lock, and needs no particular pip. NAME is a project that was installed besides the lock. Exit code 1: not whole.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator
from importlib.metadata import Distribution, distributions
from pathlib import Path

try:
    from packaging.requirements import Requirement
    from packaging.utils import canonicalize_name
except ModuleNotFoundError:  # an environment of a rival's: pip brings its own copy
    from pip._vendor.packaging.requirements import Requirement
    from pip._vendor.packaging.utils import canonicalize_name


def installed() -> dict[str, Distribution]:
    """Return what this environment holds, by canonical name."""
    return {canonicalize_name(each.metadata["Name"]): each for each in distributions()}


def locked(text: str) -> Iterator[Requirement]:
    """Yield the entries of a lock that apply to this Python and machine."""
    for line in text.replace("\\\n", " ").splitlines():
        entry = re.split(r"\s--hash=", line, maxsplit=1)[0].strip()
        if entry and not entry.startswith("#") and applies(requirement := Requirement(entry), [""]):
            yield requirement


def applies(requirement: Requirement, extras: Iterable[str]) -> bool:
    """Whether a requirement holds here for one who asked for any of these extras."""
    marker = requirement.marker
    return marker is None or any(marker.evaluate({"extra": extra}) for extra in extras)


def missing(wanted: Iterable[Requirement], here: dict[str, Distribution]) -> Iterator[str]:
    """Yield one sentence for each requirement that is not met, from `wanted` on through all that they need."""
    pending = [("the lock", requirement) for requirement in wanted]
    pending += [("this environment", Requirement(name)) for name in here]
    asked: dict[str, set[str]] = {}
    while pending:
        who, requirement = pending.pop()
        name = canonicalize_name(requirement.name)
        if name not in here:
            yield f"{who} needs {requirement}, which is not installed"
            continue
        version = here[name].version
        if not requirement.specifier.contains(version, prereleases=True):
            yield f"{who} needs {requirement}, and {version} is installed"
        if name in asked and requirement.extras <= asked[name]:
            continue
        extras = asked.setdefault(name, set())
        extras |= requirement.extras
        needs = map(Requirement, here[name].requires or ())
        pending += [(f"{name} {version}", need) for need in needs if applies(need, extras or [""])]


def main(lock: str, *projects: str) -> int:
    """Print what is missing, one sentence a line; return the exit code."""
    wanted = [*locked(Path(lock).read_text(encoding="utf-8")), *map(Requirement, projects)]
    found = sorted(set(missing(wanted, installed())))
    for sentence in found:
        print(f"whole: {sentence}", file=sys.stderr)
    if found:
        print(f"whole: what {lock} installs is not whole: make lock", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
