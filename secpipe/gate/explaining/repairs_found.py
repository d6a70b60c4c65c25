"""Repairs of what was found: components, models, uses of AI, and what meets the policy's own conditions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import date
from typing import Any

from secpipe.core.evidence import State
from secpipe.core.finding import Finding
from secpipe.core.text import plural, printable
from secpipe.gate.conditions.fields import SOURCES
from secpipe.gate.explaining.repair import Case, Change, change, named
from secpipe.gate.explaining.repairs_checks import carry_out, look_at_all
from secpipe.gate.explaining.worlds import (
    World,
    about_model,
    approving,
    with_facts,
    without_findings,
    without_items,
    without_uses,
)
from secpipe.gate.facts import mapping
from secpipe.gate.grouping import fixed_in
from secpipe.gate.ruling import Situation

#: what no approval ends: the use itself must change
_REROUTED = ("shadow-ai/not-through-gateway", "shadow-ai/unknown-destination", "shadow-ai/not-local")


def other_license(case: Case) -> Iterator[Change]:
    """Components under other licences, or a person who looked at them."""
    for finding in case.findings:
        license_ = finding.subject

        def apply(now: Situation, license_: str = license_) -> Situation:
            kept = {k: v for k, v in mapping(now.of("sbom"), "licenses").items() if (k or "NOASSERTION") != license_}
            return with_facts(now, "sbom", licenses=kept)

        yield change(case, ("license", license_), _license_words(finding), apply)


def _license_words(finding: Finding) -> str:
    whose = finding.message.rpartition(": licence")[0]
    if finding.subject == "NOASSERTION":
        return f"find out and state under which licence these are, or replace them: {whose}"
    if finding.rule == "gate/license-review":
        return f"let a person look at licence {finding.subject} and waive it, or replace what is under it: {whose}"
    return f"replace what is under licence {finding.subject}: {whose}"


def convert(case: Case) -> Iterator[Change]:
    """The same model in a format that the policy accepts."""
    accepted = next(iter(case.policy.models.formats), "")
    for finding in case.findings:

        def apply(now: Situation, path: str = finding.path) -> Situation:
            return about_model(now, path, format=accepted)

        yield change(case, ("convert", finding.path, accepted), f"convert {finding.path} to {accepted}", apply)


def replace_model(case: Case) -> Iterator[Change]:
    """A file that scans clean in place of one that does not."""
    for path in dict.fromkeys(finding.path for finding in case.findings):

        def apply(now: Situation, path: str = path) -> Situation:
            clean = without_findings(now, lambda one: one.path == path and one.rule.startswith("models/"))
            return about_model(clean, path, outcome="ok")

        yield change(case, ("file", path), f"replace {path or 'what is named'} by a file that scans clean", apply)


def upgrade(case: Case) -> Iterator[Change]:
    """Everything known against one version of a package ends with that version."""
    for finding in case.findings:
        package = _package(finding)
        if not package:
            yield from mend_findings(replace(case, findings=(finding,)))
            continue

        def apply(now: Situation, package: tuple[str, ...] = package) -> Situation:
            return without_findings(now, lambda one: _package(one) == package)

        target = fixed_in(case.findings if case.reason.rule.startswith("audit/") else [finding])
        what = f"upgrade {package[1]} to {target}" if target else finding.fix
        yield change(case, ("upgrade", *package), what or f"replace {package[1]} {package[2]}", apply)


def _package(finding: Finding) -> tuple[str, ...]:
    details = finding.details
    if not finding.rule.startswith("audit/") or not details.get("package"):
        return ()
    return tuple(str(details.get(name)) for name in ("ecosystem", "package", "version"))


def approve(case: Case) -> Iterator[Change]:
    """Approve what one provider does in these files; what is none of a provider's doing must be mended."""
    uses = [one for one in case.findings if one.details.get("use")]
    if len(uses) < len(case.findings):
        yield from mend_findings(replace(case, findings=[one for one in case.findings if not one.details.get("use")]))
    if not uses:
        return
    first = uses[0].details
    name = str(first.get("name") or first.get("provider"))
    if case.reason.rule in _REROUTED:
        gone = {_use(one.path, one.details) for one in uses}
        what = f"{uses[0].fix} ({name}): {named(dict.fromkeys(one.path for one in uses))}"
        apart = tuple(sorted({one.path for one in uses}))
        key = ("reroute", case.reason.rule, str(first.get("provider")), *apart)
        yield change(case, key, what, lambda now: without_uses(now, lambda use: _use(use.get("path"), use) in gone))
        return
    rows = [_approval(one) for one in uses]

    def apply(world: World) -> World:
        situation = world.situation
        policy = approving(situation.policy, rows)
        tree = approving(world.tree, rows) if world.tree else None
        return World(replace(situation, policy=policy), tree)

    yield Change(
        ("approve", str(first.get("provider"))),
        printable(f"get approval for {name} ({plural(len(uses), 'use')}), or remove it", 600),
        case.reason.do, case.reason.owner, apply,
    )  # fmt: skip


def _use(path: Any, about: Mapping[str, Any]) -> tuple[Any, ...]:
    return path, about.get("provider"), about.get("mechanism")


def _approval(finding: Finding) -> dict[str, Any]:
    scope = "host" if finding.details.get("host") else "provider"
    return {scope: finding.details[scope], "owner": "-", "reason": "-", "expires": date.max}


def mend_findings(case: Case) -> Iterator[Change]:
    """Each finding by itself, as it says."""
    for finding in case.findings:

        def apply(now: Situation, identity: str = finding.id) -> Situation:
            return without_findings(now, lambda one: one.id == identity)

        what = f"{finding.fix}: {finding.message}" if finding.fix else f"mend: {finding.message}"
        yield change(case, ("mend", finding.rule, finding.path, finding.subject), what, apply)


def condition(case: Case) -> Iterator[Change]:
    """Take away what meets the condition; a vulnerability goes with its version, as it does for the audit."""
    if not case.findings:
        yield from _look_for_condition(case)
        return
    known = {one.id: one for evidence in case.situation.evidence.values() for one in evidence.findings}
    groups: dict[tuple[str, str], list[Finding]] = {}
    for finding in case.findings:
        origin = known.get(str(finding.details.get("item")))
        if origin is not None and _package(origin):
            yield from upgrade(replace(case, findings=(origin,)))
        elif origin is not None:
            yield from mend_findings(replace(case, findings=(origin,)))
        else:
            key = (str(finding.details.get("condition")), str(finding.details.get("on")))
            groups.setdefault(key, []).append(finding)
    for (name, on), found in groups.items():
        if on != "finding":  # a finding of the gate itself ends with its own reason
            gone = {str(one.details.get("item")) for one in found}
            label = ", ".join(str(one.details.get("label")) for one in found[:3]) + (", ..." if len(found) > 3 else "")
            what = f'mend or remove what meets condition "{name}" ({plural(len(found), "item")}): {label}'
            yield change(case, ("items", name), what, lambda now, on=on, gone=gone: without_items(now, on, gone))  # type: ignore[misc]


def _look_for_condition(case: Case) -> Iterator[Change]:
    """Where the check that a condition needs was not carried out, or not on everything."""
    for condition in case.policy.condition:
        check = SOURCES.get(condition.on, "")
        source = case.situation.of(check)
        if f'"{condition.id}"' not in case.reason.what or not check:
            continue
        own = replace(case, reason=replace(case.reason, check=check))
        if source.state is not State.OK:
            yield from carry_out(own)
        elif source.skips:
            yield from look_at_all(own)
