"""The only conductor: one walk, every check once, one decision."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

from secpipe.core import times
from secpipe.core.artifact import LinkEntry, Skip, dir_hash, executables
from secpipe.core.errors import SecpipeError
from secpipe.core.evidence import Evidence, State, skipped
from secpipe.core.inventory import Component, ComponentKind, Inventory, RelationKind
from secpipe.core.ledger import Account, Ledger, Thing, thing_of
from secpipe.core.limits import DEFAULT
from secpipe.core.protocols import Watch
from secpipe.core.text import printable
from secpipe.core.version import __version__
from secpipe.gate.accounts import accounted
from secpipe.gate.anchor import remember
from secpipe.gate.cached.look import FirstLook, first_look
from secpipe.gate.cached.parts import Parts, open_parts
from secpipe.gate.derived import with_lineage
from secpipe.gate.doing.asked import called
from secpipe.gate.origin import Rules, gather_rules
from secpipe.gate.outcome import Outcome, conclude
from secpipe.gate.policies.phases import classical_time_until, in_force
from secpipe.gate.projects import Several
from secpipe.gate.record import Record
from secpipe.gate.request import Request
from secpipe.sign.sidecars import is_reserved
from secpipe.system.aliases import aliased
from secpipe.system.tree import FolderTree, walk

Progress = Callable[[str], None]


def check(
    request: Request,
    progress: Progress = lambda text: None,
    tree: FolderTree | None = None,
    rules: Rules | None = None,
    look: FirstLook | None = None,
    watch: Watch | None = None,
) -> Outcome:
    """Judge `request.path`; the outcome's `document` is the `secpipe.verdict/2`.

    `progress` is told what is being done, `watch` how far it is; `tree` is the walk of the path, `look` what looked at
    each file of it and `rules` what it is judged by, if the caller has them already. Raises ConfigError for a broken
    policy, TrustError for a policy that is not the pinned one, InputError for a tree that cannot be read at all;
    everything else ends as evidence.
    """
    rules = rules or gather_rules(request)
    policy = rules.resolve(request)
    if policy.project and request.project is None:
        raise Several(request, rules, policy.project)
    if tree is None:
        progress("reading files")
        look = first_look(request)
        tree = walk(request.path, exclude=(*request.exclude, *policy.exclude), look=look, watch=watch)
    tree = tree.without(policy.exclude)
    parts = open_parts(request, tree, look)
    evidence, made = gather_evidence(tree, rules, request, progress, parts)
    parts.save()
    digests = {entry.path: entry.sha256 for entry in aliased(tree).files}
    subject = _subject(tree, request)
    record = Record(
        request.now, request.environment, subject, evidence, tuple(digests), rules.self_judged(), made.components,
        rules.waivers.waivers, rules.policy_signer,
    )  # fmt: skip
    outcome = conclude(
        record, rules, policy, simulated=request.simulated, bom=made.bom, warn_until=request.warn_until,
        call=called(request, rules), digests=digests,
    )  # fmt: skip
    if request.memory == "keep" and not request.simulated:
        note = remember(rules.anchor, rules.policy.digest if rules.policy_pinned else "", request.now)
        if note:
            progress(note)
    return outcome


@dataclass(slots=True)
class Made:
    """What one check makes for another: the inventory, its AI-BOM."""

    inventory: Inventory | None = None
    bom: bytes = b""

    @property
    def components(self) -> tuple[Component, ...]:
        return self.inventory.components if self.inventory else ()


def gather_evidence(
    tree: FolderTree, rules: Rules, request: Request, progress: Progress, parts: Parts
) -> tuple[dict[str, Evidence], Made]:
    """Return the evidence of every check by name, and what was made on the way.

    A check that breaks is skipped evidence, never an exception. `parts` knows what earlier runs found in the same
    content.
    """
    evidence = {"trust": rules.trust_evidence, "files": _files(tree, rules, request)}
    if rules.anchor.clock:
        evidence["clock"] = skipped("clock", rules.anchor.clock, facts={"fix": rules.anchor.mend})
    if rules.anchor.note:
        progress(rules.anchor.note)
    made = Made()

    def run(name: str, words: str, make: Callable[[], Evidence]) -> None:
        progress(words)
        evidence[name] = _guarded(name, make)

    run("sbom", "making the AI-BOM", lambda: _sbom(tree, rules, request, made, parts))
    run("signatures", "verifying signatures", lambda: _signatures(tree, rules, request))
    evidence |= _attestations(tree, rules, request)
    evidence["sbom"] = with_lineage(evidence["sbom"], tree, evidence.get("attestation:derivation"))
    run("models", "scanning models", lambda: parts.evidence("models", lambda: _models(tree, parts)))
    run("shadow-ai", "looking for AI services", lambda: parts.evidence("shadow-ai", lambda: _shadow_ai(tree, parts)))
    run("agents", "reading what agents may do", lambda: parts.evidence("agents", lambda: _agents(tree, parts)))
    run("audit", "looking up advisories", lambda: _audit(made, request, parts))
    if request.verdicts is not None:
        run("promotion", "looking up verdicts", lambda: _promotion(tree, rules, request))
    evidence["files"] = _with_unread(evidence, tree)
    return {name: accounted(one, len(tree.files)) for name, one in evidence.items()}, made


def _with_unread(evidence: dict[str, Evidence], tree: FolderTree) -> Evidence:
    """Return the evidence of the walk with the fact `unread`: digest and size of what some check did not read."""
    paths = {skip.path for one in evidence.values() for skip in one.skips}
    paths |= {skip.path for one in evidence.values() if one.account for skip in one.account.shallow}
    found = (entry for entry in aliased(tree).files if entry.path in paths) if paths else ()
    files = evidence["files"]
    return replace(files, facts={**files.facts, "unread": {entry.path: [entry.sha256, entry.size] for entry in found}})


def _guarded(name: str, make: Callable[[], Evidence]) -> Evidence:
    try:
        return make()
    except SecpipeError as error:
        return skipped(name, error.message)
    except (MemoryError, RecursionError, Exception) as error:  # hostile input meets our defects here: fail closed
        return skipped(name, f"the check broke ({type(error).__name__}: {printable(str(error), 200)})")


def _files(tree: FolderTree, rules: Rules, request: Request) -> Evidence:
    """Facts: `files`, `bytes`, `left_out`; `links` (digest of the symbolic links, "" without any), `executable` (paths
    that may be run, null where the system does not say), `signed` (every signature file with its digest) and
    `tree_policy` (digest of the policy in the tree) for whoever judges again.
    """
    facts = {
        "files": len(tree.files),
        "bytes": sum(entry.size for entry in tree.files),
        "left_out": [_left_out(skip, rules, request) for skip in tree.left_out],
        "not_there": _not_there(tree, rules, request),
        "links": links_digest(tree.links),
        "executable": None if os.name == "nt" else executables(tree.files),
        "signed": {entry.path: entry.sha256 for entry in tree.files if is_reserved(entry.name)},
        "tree_policy": rules.tree.digest if rules.tree else "",
    }
    account, skips = _entries(tree, request).close()
    if not tree.files:
        return Evidence("files", State.SKIPPED, "there is no file to judge", skips=skips, facts=facts, account=account)
    return Evidence("files", State.OK, skips=skips, facts=facts, producer=f"secpipe {__version__}", account=account)


def _left_out(skip: Skip, rules: Rules, request: Request) -> dict[str, str]:
    """Return what was left out and by whose word; "" where nobody asked for it."""
    policy = rules.resolve(request)
    by = "[[project]]" if skip.path in {one.path for one in policy.project} else ""
    by = by or ("--exclude" if skip.path in request.exclude else "the policy" if skip.path in policy.exclude else "")
    return {"path": printable(skip.path), "reason": f"left out by {by}" if by else skip.reason, "by": by}


def _not_there(tree: FolderTree, rules: Rules, request: Request) -> list[str]:
    """Return the paths that are to be left out and are not there."""
    gone = {skip.path for skip in tree.left_out}
    return sorted({*request.exclude, *rules.resolve(request).exclude} - gone)


def _entries(tree: FolderTree, request: Request) -> Ledger:
    """Return the account of the walk: every file was hashed, every link led to one, or it is not read."""
    ledger = Ledger()
    ledger.all_judged(Thing.FILE, (entry.path for entry in tree.files), "sha256")
    ledger.all_judged(Thing.LINK, (link.path for link in tree.links), "readlink")
    links = {link.path for link in tree.links}
    for skip in dict.fromkeys((*tree.skipped, *request.not_read)):
        thing = Thing.LINK if skip.path in links else thing_of(skip)
        ledger.open(thing, skip.path)
        ledger.not_read(thing, skip.path, skip.reason)
    return ledger


def links_digest(links: Iterable[LinkEntry]) -> str:
    """Return the hex SHA-256 over symbolic links and their targets, which no dirHash covers; "" without any."""
    told = [f"{link.path}\0{link.target}\0".encode("utf-8", "surrogateescape") for link in links]
    return hashlib.sha256(b"".join(sorted(told))).hexdigest() if told else ""


def _sbom(tree: FolderTree, rules: Rules, request: Request, made: Made, parts: Parts) -> Evidence:
    from secpipe.sbom.bundles import among_data

    def collected() -> Inventory:
        from secpipe.sbom.collect import collect

        return collect(tree, plain=parts.plain)

    def described() -> Evidence:
        from secpipe.sbom.evidence import evidence

        found, made.bom = evidence(inventory, name=_name(request), now=request.now)
        return found

    made.inventory = inventory = parts.inventory(collected)
    kept = parts.stock and not request.bom
    found = parts.evidence("sbom", described, parts.stock) if kept else described()
    facts = {
        **found.facts,
        "prompts": _paths(inventory, ComponentKind.PROMPT),
        "datasets": _paths(inventory, ComponentKind.DATASET) | dict.fromkeys(among_data(tree), "attestation"),
    }
    if request.bom:
        facts["sha256"] = hashlib.sha256(made.bom).hexdigest()
    policies = [rules.resolve(request)] + ([rules.tree.resolve(request.environment)] if rules.tree else [])
    if any(policy.sbom.shipped for policy in policies):
        from secpipe.sbom.shipped import shipped

        facts["shipped"] = shipped(tree, inventory)
    return replace(found, facts=facts, account=inventory.account)


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
        return Evidence("signatures", State.OK, facts={"artifacts": [], "covered": {}}, account=Account())
    policy = in_force(rules.resolve(request), request.now)
    found = verify_tree(
        tree, rules.trust, require=policy.signatures.require, environment=request.environment,
        classical_time_until=classical_time_until(policy), now=request.now,
    )  # fmt: skip
    covered = found.facts.get("covered", {})
    lent = {entry.path: covered[entry.via] for entry in aliased(tree).files if entry.via in covered}
    return replace(found, facts={**found.facts, "covered": covered | lent}) if lent else found


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
         "since": times.exact(item.since) if item.since else None}
        for item in several
    ]  # fmt: skip
    accounts = [item.account for item in several if item.account is not None]
    account = sum(accounts, Account()) if len(accounts) == len(several) else None
    skips = tuple(skip for item in several for skip in item.skips)
    return replace(worst, since=oldest, facts={**worst.facts, "each": each}, account=account, skips=skips)


def _models(tree: FolderTree, parts: Parts) -> Evidence:
    from secpipe.scan.models.scan import scan

    return scan(aliased(tree), recall=parts.model, plain=parts.plain)


def _shadow_ai(tree: FolderTree, parts: Parts) -> Evidence:
    from secpipe.scan.shadow_ai.scan import scan

    return scan(aliased(tree), quiet=parts.quiet, plain=parts.plain)


def _agents(tree: FolderTree, parts: Parts) -> Evidence:
    from secpipe.scan.agents.scan import scan

    return scan(aliased(tree), plain=parts.plain)


def _audit(made: Made, request: Request, parts: Parts) -> Evidence:
    from secpipe.scan.vulnerabilities.local import open_store

    if made.inventory is None:
        return skipped("audit", "the dependencies could not be read")
    inventory, store = made.inventory, open_store(request.advisories, now=request.now)

    def audited() -> Evidence:
        from secpipe.scan.vulnerabilities.audit import audit

        return audit(inventory, store, now=request.now)

    return parts.audit(store.about, request.now, audited)


def _promotion(tree: FolderTree, rules: Rules, request: Request) -> Evidence:
    from secpipe.gate.verdicts.promotion import gather

    if rules.trust is None or request.verdicts is None:
        return skipped("promotion", f"no verdict can be verified: {rules.trust_evidence.reason}")
    return gather(request.verdicts, dir_hash(tree.files), links_digest(tree.links), rules.trust, request.now)


def _subject(tree: FolderTree, request: Request) -> dict[str, Any]:
    of_image: dict[str, Any] = {"image": {"digests": [*request.images], "platforms": [*request.platforms]}}
    return {
        "name": printable(_name(request)),
        "digest": {"dirHash": dir_hash(tree.files)} | ({"sha256": request.image} if request.image else {}),
        "files": len(tree.files),
        "bytes": sum(entry.size for entry in tree.files),
        **(of_image if request.images else {}),
    }


def _name(request: Request) -> str:
    return request.name or request.path.resolve().name or "root"
