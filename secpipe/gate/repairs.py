"""What could be changed about a release, reason by reason: in words for people, and as a change of the evidence.

A change is what `counterfactual` tries: evidence as it would be if somebody had done it. One that asks for a check to
be carried out supposes that the check then finds nothing; its words say so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

from secpipe.core.evidence import Evidence, State
from secpipe.core.finding import Finding
from secpipe.core.text import plural, printable
from secpipe.core.verdict import Reason
from secpipe.gate.grouping import CONDITIONS, UNSIGNED
from secpipe.gate.items import SOURCES
from secpipe.gate.policy import Policy
from secpipe.gate.rules.facts import mapping
from secpipe.gate.ruling import Situation
from secpipe.gate.worlds import (
    World,
    about_model,
    approving,
    carried_out,
    fresh_advisories,
    with_evidence,
    with_facts,
    without_findings,
    without_items,
    without_uses,
)


@dataclass(frozen=True, slots=True)
class Change:
    """One thing to do. Two changes with the same `key` are the same thing to do."""

    key: tuple[str, ...]
    what: str
    fix: str = ""
    owner: str = ""
    apply: Callable[[World], World] = field(default=lambda world: world, repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class Case:
    """A reason, the findings it names, and the world it was given in; `policy` is the one that gave it."""

    reason: Reason
    findings: Sequence[Finding]
    situation: Situation
    policy: Policy


Maker = Callable[[Case], Iterator[Change]]


def changes(case: Case) -> Iterator[Change]:
    """Yield what would end a reason; nothing where nothing that can be done to the release would."""
    maker = _MAKERS.get(case.reason.rule) or _WINGS.get(case.reason.rule.partition("/")[0])
    if maker is not None:
        yield from maker(case)


def _change(
    case: Case, key: tuple[str, ...], what: str, apply: Callable[[Situation], Situation], fix: str = ""
) -> Change:
    def change(world: World) -> World:
        return replace(world, situation=apply(world.situation))

    command = fix or case.reason.fix
    return Change(
        key, printable(what, 600), printable(command, 400) if command != what else "", case.reason.owner, change
    )


def _pin(case: Case) -> Iterator[Change]:
    what = "pin the policy and the trust root"
    yield _change(case, ("pin",), what, lambda situation: replace(situation, self_judged=""))


def _carry_out(case: Case) -> Iterator[Change]:
    """The check itself, or those that say what it must look at."""
    check, situation = case.reason.check, case.situation
    wanted = [check] if situation.of(check).state is not State.OK else []
    if check == "signatures" and not wanted:
        wanted = [name for name in ("models", "sbom") if situation.of(name).state in (State.SKIPPED, State.STALE)]
    for name in wanted if check != "conditions" else ():
        why = situation.of(name).reason
        what = f"let the check {name} be carried out ({why}), and it finds nothing"
        yield _change(case, ("check", name), what, lambda now, name=name: carried_out(now, name))  # type: ignore[misc]


def _mend_check(case: Case) -> Iterator[Change]:
    check = case.reason.check
    yield _change(
        case, ("check", check), f"mend what {check} says: {case.reason.what}", lambda now: carried_out(now, check)
    )


def _look_at_all(case: Case) -> Iterator[Change]:
    check = case.reason.check
    skips = case.situation.of(check).skips
    named = ", ".join(printable(skip.path or "the tree", 80) for skip in skips[:3])
    what = f"bring or repair what {check} could not look at, and it finds nothing there: {named}"
    what += f" and {len(skips) - 3:,} more" if len(skips) > 3 else ""
    yield _change(case, ("complete", check), what, lambda now: with_evidence(now, replace(now.of(check), skips=())))


def _refresh(case: Case) -> Iterator[Change]:
    check = case.reason.check
    if check != "audit":
        yield from _mend_check(case)
        return
    what = "update the advisory data, and it knows of nothing new"
    yield _change(case, ("advisories",), what, fresh_advisories)


def _update_trust(case: Case) -> Iterator[Change]:
    least = case.policy.minimum

    def apply(now: Situation) -> Situation:
        facts = now.of("trust").facts
        versions = {"root_version": least.root, "ring_version": least.ring}
        return with_facts(now, "trust", **{k: max(v, _number(facts.get(k))) for k, v in versions.items()})

    asked = [f"{word} {least_}" for word, least_ in (("root", least.root), ("ring", least.ring)) if least_]
    yield _change(
        case,
        ("trust", str(least.root), str(least.ring)),
        f"bring {' and '.join(asked)} of the trust root, or newer",
        apply,
    )


def _number(value: Any) -> int:
    return value if type(value) is int else 0


def _attest(case: Case) -> Iterator[Change]:
    """Test results by the names in `attestations.require`, scores by those in `sbom.profiles`."""
    reason, situation = case.reason, case.situation
    if reason.check == "sbom":
        yield from _complete_bom(case)
        return
    for demand in case.policy.attestations.require:
        name = f"attestation:{demand.type}"
        if f'"{demand.type}"' not in reason.what and situation.of(name).reason != reason.what:
            continue
        made = Evidence(name, State.OK, since=situation.now, facts={"purpose": "test-result"})
        what = f'pass the test "{demand.type}" and attest its result'
        yield _change(case, ("attest", demand.type), what, lambda now, made=made: with_evidence(now, made))  # type: ignore[misc]


def _complete_bom(case: Case) -> Iterator[Change]:
    for profile, least in case.policy.sbom.profiles.items():
        if f'"{profile}"' in case.reason.what:

            def apply(now: Situation, profile: str = profile, least: int = least) -> Situation:
                scores = mapping(now.of("sbom"), "profiles")
                return with_facts(now, "sbom", profiles={**scores, profile: max(least, _number(scores.get(profile)))})

            yield _change(case, ("bom", profile, str(least)), f"complete the AI-BOM to {least}% of {profile}", apply)


def _build_elsewhere(case: Case) -> Iterator[Change]:
    builder = next((glob.replace("*", "-") for glob in case.policy.provenance.builders), "")
    what = f"build where the policy accepts it: {', '.join(case.policy.provenance.builders)}"
    yield _change(
        case, ("build", builder), what, lambda now: with_facts(now, "attestation:provenance", builder=builder)
    )


def _other_license(case: Case) -> Iterator[Change]:
    for finding in case.findings:
        license_ = finding.subject

        def apply(now: Situation, license_: str = license_) -> Situation:
            kept = {k: v for k, v in mapping(now.of("sbom"), "licenses").items() if (k or "NOASSERTION") != license_}
            return with_facts(now, "sbom", licenses=kept)

        yield _change(case, ("license", license_), f"replace what is under it: {finding.message}", apply)


def _sign(case: Case) -> Iterator[Change]:
    paths = [finding.path for finding in case.findings]
    identity = next(iter(case.policy.signatures.identities), "a signer with the authority")
    named = ", ".join(printable(path, 80) for path in paths[:3]) + (", ..." if len(paths) > 3 else "")

    def apply(now: Situation) -> Situation:
        return with_facts(
            now, "signatures", covered={**mapping(now.of("signatures"), "covered"), **dict.fromkeys(paths, identity)}
        )

    yield _change(case, ("sign", identity), f"sign {plural(len(paths), 'file')} by {identity}: {named}", apply)


def _convert(case: Case) -> Iterator[Change]:
    accepted = next(iter(case.policy.models.formats), "")
    for finding in case.findings:

        def apply(now: Situation, path: str = finding.path) -> Situation:
            return about_model(now, path, format=accepted)

        yield _change(case, ("convert", finding.path, accepted), f"convert {finding.path} to {accepted}", apply)


def _replace_model(case: Case) -> Iterator[Change]:
    for path in dict.fromkeys(finding.path for finding in case.findings):

        def apply(now: Situation, path: str = path) -> Situation:
            clean = without_findings(now, lambda one: one.path == path and one.rule.startswith("models/"))
            return about_model(clean, path, outcome="ok")

        yield _change(case, ("file", path), f"replace {path or 'what is named'} by a file that scans clean", apply)


def _upgrade(case: Case) -> Iterator[Change]:
    """Everything known against one version of a package ends with that version."""
    for finding in case.findings:
        package = _package(finding)
        if not package:
            yield from _mend_findings(replace(case, findings=(finding,)))
            continue

        def apply(now: Situation, package: tuple[str, ...] = package) -> Situation:
            return without_findings(now, lambda one: _package(one) == package)

        what = case.reason.fix if case.reason.rule.startswith("audit/") else finding.fix
        yield _change(case, ("upgrade", *package), what or f"replace {package[1]} {package[2]}", apply)


def _package(finding: Finding) -> tuple[str, ...]:
    details = finding.details
    if not finding.rule.startswith("audit/") or not details.get("package"):
        return ()
    return tuple(str(details.get(name)) for name in ("ecosystem", "package", "version"))


def _approve(case: Case) -> Iterator[Change]:
    """Approve what one provider does in these files; what is none of a provider's doing must be mended."""
    uses = [one for one in case.findings if one.details.get("use")]
    if len(uses) < len(case.findings):
        yield from _mend_findings(replace(case, findings=[one for one in case.findings if not one.details.get("use")]))
    if not uses:
        return
    first = uses[0].details
    name = str(first.get("name") or first.get("provider"))
    if case.reason.rule in ("shadow-ai/not-through-gateway", "shadow-ai/unknown-destination"):
        gone = {str(one.details["use"]) for one in uses}
        what = f"{uses[0].fix}: {', '.join(printable(one.path, 80) for one in uses[:3])}"
        yield _change(case, ("reroute", *sorted(gone)), what, lambda now: without_uses(now, gone))
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
        printable(case.reason.fix, 400), case.reason.owner, apply,
    )  # fmt: skip


def _approval(finding: Finding) -> dict[str, Any]:
    named = "host" if finding.details.get("host") else "provider"
    return {named: finding.details[named], "owner": "-", "reason": "-", "expires": date.max}


def _mend_findings(case: Case) -> Iterator[Change]:
    for finding in case.findings:

        def apply(now: Situation, identity: str = finding.id) -> Situation:
            return without_findings(now, lambda one: one.id == identity)

        what = f"{finding.fix}: {finding.message}" if finding.fix else f"mend: {finding.message}"
        yield _change(case, ("mend", finding.rule, finding.path, finding.subject), what, apply, finding.fix)


def _condition(case: Case) -> Iterator[Change]:
    """Take away what meets the condition; a vulnerability goes with its version, as it does for the audit."""
    if not case.findings:
        yield from _look_for_condition(case)
        return
    known = {one.id: one for evidence in case.situation.evidence.values() for one in evidence.findings}
    groups: dict[tuple[str, str], list[Finding]] = {}
    for finding in case.findings:
        origin = known.get(str(finding.details.get("item")))
        if origin is not None and _package(origin):
            yield from _upgrade(replace(case, findings=(origin,)))
        elif origin is not None:
            yield from _mend_findings(replace(case, findings=(origin,)))
        else:
            key = (str(finding.details.get("condition")), str(finding.details.get("on")))
            groups.setdefault(key, []).append(finding)
    for (name, on), found in groups.items():
        if on != "finding":  # a finding of the gate itself ends with its own reason
            gone = {str(one.details.get("item")) for one in found}
            label = ", ".join(str(one.details.get("label")) for one in found[:3]) + (", ..." if len(found) > 3 else "")
            what = f'mend or remove what meets condition "{name}" ({plural(len(found), "item")}): {label}'
            yield _change(case, ("items", name), what, lambda now, on=on, gone=gone: without_items(now, on, gone))  # type: ignore[misc]


def _look_for_condition(case: Case) -> Iterator[Change]:
    """Where the check that a condition needs was not carried out, or not on everything."""
    for condition in case.policy.condition:
        check = SOURCES.get(condition.on, "")
        source = case.situation.of(check)
        if f'"{condition.id}"' not in case.reason.what or not check:
            continue
        own = replace(case, reason=replace(case.reason, check=check, fix=""))
        if source.state is not State.OK:
            yield from _carry_out(own)
        elif source.skips:
            yield from _look_at_all(own)


_WINGS: dict[str, Maker] = {
    "audit": _upgrade,
    "models": _replace_model,
    "shadow-ai": _approve,
    "signatures": _mend_findings,
    "sbom": _mend_findings,
    "gate": _mend_findings,
}
#: `gate/policy-expired`, `gate/waiver-expired` and `gate/tree-policy-denies` are not here: the first only its owner can
#: mend, the others end with the reason behind them.
_MAKERS: dict[str, Maker] = {
    "gate/self-judged": _pin,
    "gate/not-checked": _carry_out,
    "gate/check-failed": _mend_check,
    "gate/incomplete": _look_at_all,
    "gate/stale-advisories": _refresh,
    "gate/clock": _refresh,
    "gate/trust-below-minimum": _update_trust,
    "gate/missing-evidence": _attest,
    "gate/test-failed": _attest,
    "gate/incomplete-sbom": _complete_bom,
    "gate/builder-not-allowed": _build_elsewhere,
    "gate/license-denied": _other_license,
    "gate/license-review": _other_license,
    "gate/format-not-allowed": _convert,
    UNSIGNED: _sign,
    **dict.fromkeys(CONDITIONS, _condition),
}
