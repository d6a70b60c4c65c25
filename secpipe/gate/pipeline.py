"""The only conductor: one walk, every check once, one decision."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from secpipe import __version__
from secpipe.core.artifact import dir_hash
from secpipe.core.errors import SecpipeError
from secpipe.core.evidence import Evidence, State, skipped
from secpipe.core.inventory import Component, ComponentKind, Inventory
from secpipe.core.limits import DEFAULT
from secpipe.core.text import printable
from secpipe.core.verdict import Judgement
from secpipe.gate import policy_identity, verdict
from secpipe.gate.decide import decide
from secpipe.gate.origin import Rules, gather_rules
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
    record = Record(
        request.now, request.environment, subject, evidence, paths, rules.self_judged(), components,
        rules.waivers.waivers, rules.policy_signer,
    )  # fmt: skip
    situation = record.situation(policy)
    judgement = judge(situation, rules)
    frame = verdict.Frame(
        now=request.now,
        simulated=request.simulated,
        environment=request.environment,
        subject=subject,
        policy=situation.policy,
        policy_source=rules.policy.source,
        policy_digest=rules.policy.digest,
        policy_pin=rules.policy_pin,
        policy_resolved=policy_identity.resolved(rules.policy.resolve(request.environment)),
        trust=rules.trust,
        self_judged=situation.self_judged,
    )
    return Outcome(rules, situation, judgement, record, verdict.document(judgement, frame))


def judge(situation: Situation, rules: Rules) -> Judgement:
    """Return the judgement by the rules' policy, tightened by the policy in the tree, if there is one."""
    if rules.tree is None:
        return decide(situation)
    policy = rules.tree.resolve(situation.environment)
    policy = replace(policy, waiver=(*policy.waiver, *rules.waivers.waivers))
    theirs = replace(situation, policy=policy, self_judged="")
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

    run("sbom", "making the AI-BOM", lambda: _sbom(tree, request, holder))
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


def _sbom(tree: FolderTree, request: Request, holder: list[Inventory]) -> Evidence:
    from secpipe.sbom.collect import collect
    from secpipe.sbom.evidence import evidence

    inventory = collect(tree)
    holder.append(inventory)
    made, _ = evidence(inventory, name=_name(request), now=request.now)
    return replace(
        made, facts={**made.facts, "prompts": _paths(inventory, "prompt"), "datasets": _paths(inventory, "data")}
    )


def _paths(inventory: Inventory, kind: str) -> dict[str, str]:
    """Return path -> component of the files of one kind that stand in the tree."""
    found = inventory.of_kind(ComponentKind(kind))
    return {component.path: component.ref for component in found if component.path and component.digests}


def _signatures(tree: FolderTree, rules: Rules, request: Request) -> Evidence:
    from secpipe.sign.discover import places
    from secpipe.sign.verify import verify_tree

    if rules.trust is None:
        if any(True for _ in places(tree, DEFAULT)):
            return skipped("signatures", rules.trust_evidence.reason)
        return Evidence("signatures", State.OK, facts={"artifacts": [], "covered": {}})
    require = rules.resolve(request).signatures.require
    return verify_tree(tree, rules.trust, require=require, environment=request.environment, now=request.now)


_WORST = (State.FAILED, State.STALE, State.SKIPPED, State.OK)


def _attestations(tree: FolderTree, rules: Rules, request: Request) -> dict[str, Evidence]:
    """Return the attestations in the tree by `attestation:<kind>`; of several of one kind, the worst and the oldest."""
    if rules.trust is None:
        return {}
    from secpipe.sign.attest import verify_attestations

    require = rules.resolve(request).signatures.require
    found = verify_attestations(tree, rules.trust, require=require, environment=request.environment, now=request.now)
    merged: dict[str, Evidence] = {}
    try:
        for one in found:
            other = merged.get(one.check, one)
            worst = min(one, other, key=lambda item: _WORST.index(item.state))
            times = [item.since for item in (one, other) if item.since is not None]
            merged[one.check] = replace(worst, since=min(times, default=None))
    except Exception as error:  # fail closed: nothing is attested
        reason = f"the attestations could not be verified ({type(error).__name__})"
        return {name: skipped(name, reason) for name in merged} | {"attestation:": skipped("attestation:", reason)}
    return merged


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
