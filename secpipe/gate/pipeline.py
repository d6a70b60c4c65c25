"""The only conductor: one walk, every check once, one decision."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from secpipe import __version__
from secpipe.core.artifact import dir_hash
from secpipe.core.errors import SecpipeError
from secpipe.core.evidence import Evidence, State, skipped
from secpipe.core.inventory import Component, ComponentKind, Inventory, RelationKind
from secpipe.core.limits import DEFAULT
from secpipe.core.text import printable
from secpipe.core.verdict import Judgement
from secpipe.gate import verdict
from secpipe.gate.decide import decide
from secpipe.gate.origin import Rules, gather_rules
from secpipe.gate.phases import classical_time_until, in_force
from secpipe.gate.record import Record
from secpipe.gate.request import Request
from secpipe.gate.ruling import Situation
from secpipe.system.tree import FolderTree, walk

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Outcome:
    """One run of the gate: what was asked under which rules, what was found, what was decided, and the document."""

    rules: Rules
    situation: Situation
    judgement: Judgement
    record: Record
    document: dict[str, Any]


def check(request: Request, progress: Progress = lambda text: None, tree: FolderTree | None = None) -> Outcome:
    """Judge `request.path`; the outcome's `document` is the `secpipe.verdict/1`.

    `progress` is told what is being done; `tree` is the walk of the path, if the caller has made it already. Raises
    ConfigError for a broken policy, TrustError for a policy that is not the pinned one, InputError for a tree that
    cannot be read at all; everything else ends as evidence.
    """
    rules = gather_rules(request)
    policy = rules.resolve(request)
    if tree is None:
        progress("reading files")
        tree = walk(request.path, exclude=(*request.exclude, *policy.exclude))
    tree = tree.without(policy.exclude)
    evidence, components = gather_evidence(tree, rules, request, progress)
    paths = tuple(entry.path for entry in tree.files)
    subject = _subject(tree, request)
    record = Record(request.now, request.environment, subject, evidence, paths, rules.self_judged(), components)
    situation = record.situation(policy)
    judgement = judge(situation, rules)
    frame = verdict.Frame(
        now=request.now,
        simulated=request.simulated,
        environment=request.environment,
        subject=subject,
        policy=policy,
        policy_source=rules.policy.source,
        policy_digest=rules.policy.digest,
        policy_pinned=rules.policy_pinned,
        trust=rules.trust,
        self_judged=situation.self_judged,
    )
    return Outcome(rules, situation, judgement, record, verdict.document(judgement, frame))


def judge(situation: Situation, rules: Rules) -> Judgement:
    """Return the judgement by the rules' policy, tightened by the policy in the tree, if there is one."""
    if rules.tree is None:
        return decide(situation)
    theirs = replace(situation, policy=rules.tree.resolve(situation.environment), self_judged="")
    return decide(situation, decide(theirs))


def gather_evidence(
    tree: FolderTree, rules: Rules, request: Request, progress: Progress
) -> tuple[dict[str, Evidence], tuple[Component, ...]]:
    """Return the evidence of every check by name, and the components of the release.

    A check that breaks is skipped evidence, never an exception.
    """
    evidence = {"trust": rules.trust_evidence, "files": _files(tree, request)}
    holder: list[Inventory] = []

    def run(name: str, words: str, make: Callable[[], Evidence]) -> None:
        progress(words)
        evidence[name] = _guarded(name, make)

    run("sbom", "making the AI-BOM", lambda: _sbom(tree, rules, request, holder))
    run("signatures", "verifying signatures", lambda: _signatures(tree, rules, request))
    evidence |= _attestations(tree, rules, request)
    run("models", "scanning models", lambda: _models(tree))
    run("shadow-ai", "looking for AI services", lambda: _shadow_ai(tree))
    run("audit", "looking up advisories", lambda: _audit(holder, request))
    return evidence, holder[0].components if holder else ()


def _guarded(name: str, make: Callable[[], Evidence]) -> Evidence:
    try:
        return make()
    except SecpipeError as error:
        return skipped(name, error.message)
    except (MemoryError, RecursionError, Exception) as error:  # hostile input meets our defects here: fail closed
        return skipped(name, f"the check broke ({type(error).__name__}: {printable(str(error), 200)})")


def _files(tree: FolderTree, request: Request) -> Evidence:
    facts = {
        "files": len(tree.files),
        "bytes": sum(entry.size for entry in tree.files),
        "left_out": [skip.to_dict() | {"path": printable(skip.path)} for skip in (*tree.left_out, *request.left_out)],
    }
    if not tree.files:
        return Evidence("files", State.SKIPPED, "there is no file to judge", skips=tree.skipped, facts=facts)
    return Evidence("files", State.OK, skips=tree.skipped, facts=facts, producer=f"secpipe {__version__}")


def _sbom(tree: FolderTree, rules: Rules, request: Request, holder: list[Inventory]) -> Evidence:
    from secpipe.sbom.bundles import among_data
    from secpipe.sbom.collect import collect
    from secpipe.sbom.evidence import evidence

    inventory = collect(tree)
    holder.append(inventory)
    made, _ = evidence(inventory, name=_name(request), now=request.now)
    facts = {
        **made.facts,
        "prompts": _paths(inventory, ComponentKind.PROMPT),
        "datasets": _paths(inventory, ComponentKind.DATASET) | dict.fromkeys(among_data(tree), "attestation"),
    }
    policies = [rules.resolve(request)] + ([rules.tree.resolve(request.environment)] if rules.tree else [])
    if any(policy.sbom.shipped for policy in policies):
        from secpipe.sbom.shipped import shipped

        facts["shipped"] = shipped(tree, inventory)
    return replace(made, facts=facts)


def _paths(inventory: Inventory, kind: ComponentKind) -> dict[str, str]:
    """Return path -> component of the files of one kind that stand in the tree, those inside a folder of it too."""
    found = {component.ref: component for component in inventory.components}
    refs = {component.ref for component in inventory.of_kind(kind)}
    inside = {edge.target for edge in inventory.relations if edge.kind is RelationKind.CONTAINS and edge.source in refs}
    files = (found[ref] for ref in sorted(refs | inside & set(found)))
    return {component.path: component.ref for component in files if component.path and component.digests}


def _signatures(tree: FolderTree, rules: Rules, request: Request) -> Evidence:
    from secpipe.sign.discover import places
    from secpipe.sign.verify import verify_tree

    if rules.trust is None:
        if any(True for _ in places(tree, DEFAULT)):
            return skipped("signatures", rules.trust_evidence.reason)
        return Evidence("signatures", State.OK, facts={"artifacts": [], "covered": {}})
    policy = in_force(rules.resolve(request), request.now)
    return verify_tree(
        tree, rules.trust, require=policy.signatures.require, environment=request.environment,
        classical_time_until=classical_time_until(policy), now=request.now,
    )  # fmt: skip


_WORST = (State.FAILED, State.STALE, State.SKIPPED, State.OK)


def _attestations(tree: FolderTree, rules: Rules, request: Request) -> dict[str, Evidence]:
    """Return the attestations in the tree by `attestation:<kind>`.

    State, reason and facts are those of the worst of a kind, `since` of the oldest; the fact `each` lists all of them,
    for demands on every single model.
    """
    if rules.trust is None:
        return {}
    from secpipe.sign.attest import verify_attestations

    policy = in_force(rules.resolve(request), request.now)
    found = verify_attestations(
        tree, rules.trust, require=policy.signatures.require, environment=request.environment,
        classical_time_until=classical_time_until(policy), now=request.now,
    )  # fmt: skip
    kinds: dict[str, list[Evidence]] = {}
    try:
        for one in found:
            kinds.setdefault(one.check, []).append(one)
    except Exception as error:  # fail closed: nothing is attested
        reason = f"the attestations could not be verified ({type(error).__name__})"
        return {name: skipped(name, reason) for name in (*kinds, "attestation:")}
    return {name: _merged(several) for name, several in kinds.items()}


def _merged(several: list[Evidence]) -> Evidence:
    worst = min(several, key=lambda item: _WORST.index(item.state))
    oldest = min((item.since for item in several if item.since is not None), default=None)
    each = [
        {**item.facts, "state": str(item.state), "reason": item.reason,
         "since": item.since.isoformat() if item.since else None}
        for item in several
    ]  # fmt: skip
    return replace(worst, since=oldest, facts={**worst.facts, "each": each})


def _models(tree: FolderTree) -> Evidence:
    from secpipe.scan.models.scan import scan

    return scan(tree)


def _shadow_ai(tree: FolderTree) -> Evidence:
    from secpipe.scan.shadow_ai.scan import scan

    return scan(tree)


def _audit(holder: list[Inventory], request: Request) -> Evidence:
    from secpipe.scan.vulnerabilities.audit import audit
    from secpipe.scan.vulnerabilities.store import open_store

    if not holder:
        return skipped("audit", "the dependencies could not be read")
    return audit(holder[0], open_store(request.advisories, now=request.now), now=request.now)


def _subject(tree: FolderTree, request: Request) -> dict[str, Any]:
    return {
        "name": printable(_name(request)),
        "digest": {"dirHash": dir_hash(tree.files)},
        "files": len(tree.files),
        "bytes": sum(entry.size for entry in tree.files),
    }


def _name(request: Request) -> str:
    return request.name or request.path.resolve().name or "root"
