"""Repairs of the AI-BOM: more complete, and shipped as a file that agrees with the release."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from secpipe.gate.explaining.repair import Case, Change, change
from secpipe.gate.explaining.worlds import with_facts
from secpipe.gate.facts import listing, mapping
from secpipe.gate.rules.shipped import example, shipped
from secpipe.gate.ruling import Situation


def missing(case: Case) -> Iterator[Change]:
    """Profiles that the AI-BOM was not scored against, and the SBOM file that is not there."""
    yield from complete(case)
    if shipped(case.situation, case.situation.of("sbom")):
        yield from ship(case)


def complete(case: Case) -> Iterator[Change]:
    """A score for each profile that the policy names."""
    for profile, least in case.policy.sbom.profiles.items():
        if f'"{profile}"' in case.reason.what:

            def apply(now: Situation, profile: str = profile, least: int = least) -> Situation:
                scores = mapping(now.of("sbom"), "profiles")
                return with_facts(now, "sbom", profiles={**scores, profile: max(least, _number(scores.get(profile)))})

            what = f"complete the AI-BOM to {least}% of {profile}"
            yield change(case, ("bom", profile, str(least)), what, apply)


def ship(case: Case) -> Iterator[Change]:
    """One SBOM file made of this very release, in an accepted format."""
    spec = case.policy.sbom.spec
    found = example(spec)
    if found is None:
        return  # no format that there is would be accepted
    name, version = found

    def apply(now: Situation) -> Situation:
        row = {"path": "bom.json", "spec": name, "version": version, "made": now.now.isoformat(), "agrees": True}
        return with_facts(now, "sbom", shipped=[*listing(now.of("sbom"), "shipped"), row])

    what = "ship an SBOM made from this very release" + (f", as {' or '.join(spec)}" if spec else "")
    yield change(case, ("ship", *spec), what, apply)


def _number(value: Any) -> int:
    return value if type(value) is int else 0
