"""Repairs of signatures and attestations: sign, review, test, and say where models come from."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from secpipe.core.evidence import State
from secpipe.core.text import plural
from secpipe.gate.explaining.repair import Case, Change, change, named
from secpipe.gate.explaining.repairs_checks import CARRY_OUT
from secpipe.gate.explaining.worlds import carried_out, with_evidence
from secpipe.gate.explaining.worlds_signed import (
    Row,
    attested,
    edited,
    halves,
    lacking,
    reviewed,
    sample,
    signed,
    signed_again,
    statement,
    strengthened,
    verified,
)
from secpipe.gate.policies.policy import Policy
from secpipe.gate.rules.attestations import is_fresh
from secpipe.gate.rules.provenance import ROLES, refused
from secpipe.gate.rules.signed import Statement, instant, listing_of, objection, statements
from secpipe.gate.ruling import Situation
from secpipe.gate.uris import accepts

_UNKNOWN = (State.SKIPPED, State.STALE)


def sign(case: Case) -> Iterator[Change]:
    """A signature by somebody whom the policy accepts."""
    paths = [finding.path for finding in case.findings]
    identity = next(iter(case.policy.signatures.identities), "")
    by = f" as {identity}" if identity else ""
    by += f" with {_pair(case.policy)}" if case.policy.keys.algorithms else ""
    what = f"sign {plural(len(paths), 'file')}{by}: {named(paths)}"
    who = identity or "a signer with the authority"
    yield change(case, ("sign", who), what, lambda now: signed(now, case.policy, paths, who))


def sign_again(case: Case) -> Iterator[Change]:
    """The same signatures, by keys that count."""
    policy, rule = case.policy, case.reason.rule
    if rule == "gate/key-too-old":
        how = "with a newer key"
    else:
        how = f"with {_pair(policy)}"
    if case.findings:
        paths = list(dict.fromkeys(finding.path for finding in case.findings))
        what = f"sign {named(paths)} again {how}"
        yield change(case, ("sign again", rule, how, *paths), what, lambda now: strengthened(now, policy, paths))
        return
    kinds = {demand.type for demand in policy.attestations.require} if case.reason.check == "attestations" else set()

    def counts(one: Statement) -> bool:
        ours = one.kind in kinds if kinds else "provenance" in (one.purpose, one.kind)
        return ours and one.state is State.OK and objection(one.facts, policy, case.situation.now) is not None

    bad = _of(case, counts)
    for kind in dict.fromkeys(one.kind for one in bad):

        def again(now: Situation, kind: str = kind) -> Situation:
            def wanted(name: str, row: Row) -> bool:
                return name == kind and objection(row, policy, now.now) is not None

            return edited(now, wanted, lambda row: signed_again(row, policy, now))

        purpose = next(one.purpose for one in bad if one.kind == kind)
        paths = [one.path for one in bad if one.kind == kind]
        word = purpose if purpose == kind else f'"{kind}" {purpose}'
        what = f"attest the {word} of {named(paths)} again, {how}"
        yield change(case, ("attest again", rule, kind, how), what, again)


def review(case: Case) -> Iterator[Change]:
    """Attestations by other people than the signer."""
    for role in dict.fromkeys(finding.subject for finding in case.findings):
        paths = [finding.path for finding in case.findings if finding.subject == role]
        count = case.policy.signatures.roles.get(role, 1)
        people = "another person" if count == 1 else f"{count:,} other people"
        what = f"let {people} than the signer attest a {role} of {named(paths)}"

        def apply(now: Situation, paths: list[str] = paths, role: str = role, count: int = count) -> Situation:
            for path in paths:
                now = reviewed(now, case.policy, path, role, count)
            return now

        yield change(case, ("review", role, str(count), *paths), what, apply)


def test(case: Case) -> Iterator[Change]:
    """Test results for every model: there, verified, passed, fresh."""
    now, policy = case.situation, case.policy
    limits: dict[str, list[int]] = {}
    for demand in policy.attestations.require:
        limits.setdefault(demand.type, []).append(demand.max_age_days)
    for kind, days in limits.items():
        yield from _verify(case, kind)

        def bad(name: str, row: Row, kind: str = kind, limit: int = min(filter(None, days), default=0)) -> bool:
            if name != kind or row.get("state") not in (State.OK, State.FAILED):
                return False
            failed = row.get("state") == State.FAILED or row.get("purpose") != "test-result"
            return failed or not is_fresh(instant(row.get("since")), limit, now.now)

        def apply(world: Situation, kind: str = kind, bad: Callable[[str, Row], bool] = bad) -> Situation:
            def made(row: Row) -> Row:
                again = statement(world, policy, "test-result", str(row.get("path", "")), "-")
                return {**row, **again} if row.get("purpose") == "test-result" else again

            return attested(edited(world, bad, made), policy, kind, "test-result")

        paths = lacking(now, kind)
        old = [one.path for one in statements(now) if one.kind == kind and bad(kind, _row(one))]
        if paths or old:
            about = f" of {named(dict.fromkeys([*paths, *old]))}" if any([*paths, *old]) else ""
            what = f'pass the test "{kind}"{about}, and attest the result'
            yield change(case, ("attest", kind), what, apply)


def trace(case: Case) -> Iterator[Change]:
    """Provenance for every model, that names what the policy has lists of."""
    policy, now = case.policy, case.situation
    yield from _verify(case, "provenance")
    paths = lacking(now, "provenance")
    if paths:
        about = named(paths, "the release")
        what = f"attest where {about} comes from" if len(paths) == 1 else f"attest where these come from: {about}"
        apply = lambda now: attested(now, policy, "provenance", "provenance")  # noqa: E731
        yield change(case, ("attest", "provenance"), what, apply)
    wanted = {role: key for role, (key, _, _) in ROLES.items() if getattr(policy.provenance, key)}
    for one in _of(case, _good):
        silent = [role for role in wanted if role not in listing_of(one.facts, "declared")]
        if silent:
            words = " and ".join(ROLES[role][1] for role in silent)
            what = f"name the {words} of {one.path or 'the release'} in its provenance, or say there that there is none"
            yield _named_more(case, ("declare", one.path), what, one.path, "declared", list(wanted))


def trace_again(case: Case) -> Iterator[Change]:
    """Provenance in place of one that does not hold, or is of another type."""
    policy = case.policy

    def bad(kind: str, row: Row) -> bool:
        ours = row.get("path", "") == case.reason.path and "provenance" in (kind, row.get("purpose"))
        return ours and (row.get("state") == State.FAILED or row.get("purpose") != "provenance")

    def apply(now: Situation) -> Situation:
        return edited(now, bad, lambda row: statement(now, policy, "provenance", str(row.get("path", "")), "-"))

    what = f"attest again where {case.reason.path or 'the release'} comes from ({case.reason.what})"
    yield change(case, ("trace again", case.reason.path), what, apply)


def build_elsewhere(case: Case) -> Iterator[Change]:
    """Models built by a builder whom the policy accepts."""
    globs, path = case.policy.provenance.builders, case.reason.path
    builder = sample(globs)

    def wanted(_: str, row: Row) -> bool:
        theirs = str(row.get("builder", ""))
        return row.get("purpose") == "provenance" and row.get("path", "") == path and not accepts(globs, theirs)

    what = f"build {path or 'the release'} where the policy accepts it: {', '.join(globs)}"
    if builder:
        yield change(
            case,
            ("build", path, *globs),
            what,
            lambda now: edited(now, wanted, lambda row: {**row, "builder": builder}),
        )


def other_materials(case: Case) -> Iterator[Change]:
    """Models made from what the policy accepts."""
    policy, path = case.policy.provenance, case.reason.path
    rules = {rule: (key, word) for key, word, rule in ROLES.values()}
    key, word = rules[case.reason.rule]

    def wanted(_: str, row: Row) -> bool:
        return row.get("purpose") == "provenance" and row.get("path", "") == path

    def apply(now: Situation) -> Situation:
        def kept(row: Row) -> Row:
            gone = [material for rule, material in refused(policy, row) if rule == case.reason.rule]
            materials = row.get("materials")
            listed = materials if isinstance(materials, list | tuple) else ()
            return {**row, "materials": [one for one in listed if not any(one is other for other in gone)]}

        return edited(now, wanted, kept)

    accepted = ", ".join(getattr(policy, key))
    what = f"make {path or 'the release'} from a {word} that the policy accepts: {accepted}"
    yield change(case, ("materials", path, key), what.replace("a training", "training"), apply)


def name_inputs(case: Case) -> Iterator[Change]:
    """Parameters that the provenance must name."""
    inputs = case.policy.provenance.inputs
    what = f"name {', '.join(inputs)} in the provenance of {case.reason.path or 'the release'}"
    yield _named_more(case, ("inputs", case.reason.path, *inputs), what, case.reason.path, "inputs", list(inputs))


def _named_more(case: Case, key: tuple[str, ...], what: str, path: str, fact: str, names: list[str]) -> Change:
    def wanted(_: str, row: Row) -> bool:
        return row.get("purpose") == "provenance" and row.get("path", "") == path

    def more(row: Row) -> Row:
        return {**row, fact: list(dict.fromkeys([*listing_of(row, fact), *names]))}

    return change(case, key, what, lambda now: edited(now, wanted, more))


def _verify(case: Case, kind: str) -> Iterator[Change]:
    """What there is of a kind, looked at: a trust root is often all that it needs."""
    check, now = f"attestation:{kind}", case.situation
    evidence = now.evidence.get(check)
    if evidence is None:
        return
    if evidence.skips:
        places = named(one.path for one in evidence.skips)
        what = f'bring or repair the "{kind}" attestations that could not be read: {places}'
        yield change(case, ("complete", check), what, lambda now: with_evidence(now, replace(now.of(check), skips=())))
    bare = with_evidence(now, replace(evidence, skips=()))
    unknown = [one for one in statements(bare) if one.kind == kind and one.state in _UNKNOWN]
    if not unknown:
        return
    trust, why = now.of("trust"), unknown[0].reason
    if trust.state in _UNKNOWN and trust.reason == why:
        what = CARRY_OUT["trust"]
        yield change(case, ("check", "trust"), f"{what} ({why})", lambda now: carried_out(now, "trust"))
    else:
        what = f'let the "{kind}" attestation of {named(one.path for one in unknown)} be verified, and it holds ({why})'
        yield change(case, ("verify", kind), what, lambda now: verified(now, kind))


def _of(case: Case, wanted: Callable[[Statement], bool]) -> list[Statement]:
    return [one for one in statements(case.situation) if wanted(one)]


def _good(one: Statement) -> bool:
    return one.state is State.OK and one.purpose == "provenance"


def _row(one: Statement) -> Row:
    return {**one.facts, "state": str(one.state), "since": one.since.isoformat() if one.since else None}


def _pair(policy: Policy) -> str:
    return " + ".join(name for name, _ in halves(policy)) or "keys that count"
