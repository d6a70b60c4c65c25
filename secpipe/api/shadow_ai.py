"""`scan_shadow_ai`: which AI the code talks to, and which of it nobody approved."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from os import PathLike, fspath
from pathlib import Path
from typing import TYPE_CHECKING, Any

from secpipe.api.findings import worst
from secpipe.api.results import Findings, findings_of
from secpipe.core.errors import EXIT_DENY, EXIT_PASS, EXIT_UNDECIDED, ConfigError, InputError, MissingDependency
from secpipe.core.findings import document

if TYPE_CHECKING:
    from secpipe.core.evidence import Evidence
    from secpipe.core.finding import Finding
    from secpipe.scan.shadow_ai.allow import ShadowAI
    from secpipe.scan.shadow_ai.remembered import Remembered

StrPath = str | PathLike[str]


def scan_shadow_ai(
    *paths: StrPath,
    policy: StrPath | None = None,
    env: str = "",
    diff: str | None = None,
    baseline: StrPath | None = None,
    inventory: bool = False,
    catalogues: Iterable[StrPath] = (),
    semgrep: bool = False,
    rules: Iterable[StrPath] = (),
    at: datetime | None = None,
) -> Findings:
    """Find the AI services that the code under `paths` uses and nobody approved, as `secpipe scan shadow-ai` does.

    Without `policy` nothing is approved. `diff` names a commit: only files that differ from it. `baseline` is an
    earlier JSON result whose findings are not reported again; `inventory` lists approved use as well. Exit codes: 0
    nothing found, 1 found, 3 a file could not be read. Raises InputError, ConfigError, MissingDependency.
    """
    more, own = [fspath(item) for item in catalogues], [fspath(item) for item in rules]
    allow = approvals(None if policy is None else fspath(policy))
    given = [fspath(path) for path in paths]
    found = [(path, look(path, catalogues=more, rules=own, semgrep=semgrep, diff=diff)) for path in given]
    known = None if baseline is None else fspath(baseline)
    return judged_uses(found, allow, env=env, baseline=known, inventory=inventory, at=at)


def look(
    path: str,
    *,
    catalogues: Sequence[str] = (),
    semgrep: bool = False,
    rules: Sequence[str] = (),
    diff: str | None = None,
    memory: Remembered | None = None,
) -> Evidence:
    """Return what the scanner finds under one path, before anybody judges it; what the walk could not read is in it.

    Files of which `memory` knows by their stamps what they say are not read; it learns of the others.
    """
    from secpipe.scan.shadow_ai.catalogue import read_catalogue
    from secpipe.scan.shadow_ai.changes import changed
    from secpipe.scan.shadow_ai.scan import scan
    from secpipe.system.aliases import aliased
    from secpipe.system.process import find_program
    from secpipe.system.tree import open_tree

    catalogue = read_catalogue(catalogues)
    walked = open_tree(path, known=memory.known) if memory else open_tree(path)
    tree, root = aliased(walked), walked.root
    program = find_program("semgrep", outside=root) if semgrep else None
    if semgrep and program is None:
        raise MissingDependency(
            "semgrep is not installed", hint="pip install 'secpipe[semgrep]', or leave --semgrep out"
        )
    only = None
    if diff:
        git = find_program("git", outside=root)
        if git is None:
            raise MissingDependency("git is not installed", hint="--diff needs git")
        only = changed(tree, root, diff, git)
    own = tuple(Path(rule).resolve() for rule in rules)
    evidence = scan(tree, catalogue=catalogue, semgrep=program, rules=own, only=only, memory=memory)
    if memory:
        memory.learn(walked.files, {skip.path for skip in walked.skipped}, catalogue)
    coverage = evidence.facts["coverage"]
    coverage = {**coverage, "not_read": coverage["not_read"] + len(tree.skipped)}
    skips = sorted((*tree.skipped, *evidence.skips), key=lambda skip: skip.path)
    return replace(evidence, skips=tuple(skips), facts={**evidence.facts, "coverage": coverage})


def judged_uses(
    parts: Sequence[tuple[str, Evidence]],
    allow: ShadowAI,
    *,
    env: str = "",
    baseline: str | None = None,
    inventory: bool = False,
    at: datetime | None = None,
) -> Findings:
    """Judge what was found under each path by an allow-list."""
    from secpipe.core.finding import Severity, sort_key
    from secpipe.scan.shadow_ai.judge import approved, judge
    from secpipe.system.clock import SystemClock

    now = at or SystemClock().now()
    known = _known_findings(baseline)
    found: list[Finding] = []
    for _, evidence in parts:
        uses = evidence.facts["uses"]
        found += [*evidence.findings, *judge(uses, allow, env=env, now=now)]
        found += approved(uses, allow, env=env, now=now) if inventory else ()
    fresh = sorted((finding for finding in found if finding.id not in known), key=sort_key)
    skips = tuple(skip for _, evidence in parts for skip in evidence.skips)
    facts = _facts(parts, len(found) - len(fresh))
    told = replace(worst(parts), findings=tuple(fresh), skips=skips, facts=facts, account=None)
    said = document(told, "scan shadow-ai", now, simulated=at is not None)
    if any(finding.severity > Severity.INFO for finding in fresh):
        return findings_of(said, EXIT_DENY)
    undecided = any(evidence.skips or evidence.state != "ok" for _, evidence in parts)
    return findings_of(said, EXIT_UNDECIDED if undecided else EXIT_PASS)


def approvals(policy: str | None) -> ShadowAI:
    """Return the allow-list that a policy's `[shadow_ai]` is; raises ConfigError."""
    from secpipe.core.documents import parse_toml
    from secpipe.gate.policies import policy_reader
    from secpipe.gate.policies.policy_places import Places
    from secpipe.scan.shadow_ai.allow import ShadowAI
    from secpipe.system.files import read_bytes

    if not policy:
        return ShadowAI()
    try:
        data = read_bytes(policy, 1 << 22)
        values = parse_toml(data, policy).get("shadow_ai", {})
    except InputError as error:
        raise ConfigError(error.message, hint=error.hint) from None
    here, where = ("shadow_ai",), Places(data, policy)
    return policy_reader.section(ShadowAI, policy_reader.table(values, here, where), here, where)


def _known_findings(file: str | None) -> frozenset[str]:
    """Return the ids of the findings in an earlier JSON result; raise ConfigError when it is none."""
    from secpipe.core.documents import parse_json
    from secpipe.core.limits import DEFAULT
    from secpipe.system.files import read_bytes

    if not file:
        return frozenset()
    try:
        earlier = parse_json(read_bytes(file, DEFAULT.document_bytes), file)
        return frozenset(finding["id"] for finding in earlier["findings"])
    except InputError as error:
        raise ConfigError(error.message) from None
    except (KeyError, TypeError):
        raise ConfigError(
            f"{file} is no result of this command", hint="secpipe scan shadow-ai PATH -f json -o FILE"
        ) from None


def _facts(parts: Sequence[tuple[str, Evidence]], known: int) -> dict[str, Any]:
    """Return the facts over all paths; `known` findings were silenced by a baseline."""
    evidences = [evidence for _, evidence in parts]
    keys = evidences[0].facts["coverage"]
    return {
        "uses": [use for evidence in evidences for use in evidence.facts["uses"]],
        "engines": sorted({engine for evidence in evidences for engine in evidence.facts["engines"]}),
        "coverage": {key: sum(evidence.facts["coverage"].get(key, 0) for evidence in evidences) for key in keys},
        "baseline": known,
    }
