"""The decision: 20,000 findings judged, with waivers, thresholds and many reasons; and what conditions in CEL add.

    python -m bench.decide

The rival is `json.dumps` of the same findings, in this process: what anybody pays who only writes them out. The
milliseconds are CPU time on this machine, beside the budget of 150.
"""

from __future__ import annotations

import gc
import json
import statistics
import time
from dataclasses import replace
from datetime import UTC, date, datetime

from bench.measure import Run, claim, function, interleave, median_ratio, not_measured
from secpipe.cli.main import COLLECT_AFTER
from secpipe.core.evidence import Evidence, State
from secpipe.core.finding import Finding, Severity
from secpipe.gate.conditions import cel
from secpipe.gate.decide import decide
from secpipe.gate.policies.policy import Condition, Policy, Waiver
from secpipe.gate.ruling import Situation

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
FINDINGS, MODELS, USES = 20_000, 4_000, 2_000
BUDGET_MS = 150


def vulnerability(number: int) -> Finding:
    """Return one of many findings: 2,800 packages with five vulnerabilities each, of every severity."""
    package, name = f"package-{number // 5}", f"GHSA-{number:05d}"
    return Finding(
        "audit/known-vulnerability",
        f"{package} 1.0 has a known vulnerability ({name}): fixed in 2.0",
        Severity(number % 5),
        path="requirements.txt",
        line=number // 5 + 1,
        subject=f"pkg:pypi/{package}@1.0 {name}",
        fix=f"upgrade {package} to 2.0",
        details={
            "id": name, "aliases": [f"CVE-2025-{number}"], "package": package, "ecosystem": "PyPI", "version": "1.0",
            "fixed": ["2.0"], "kev": "", "epss": (number % 100) / 100, "cvss": 5.0, "direct": True, "upgrade": "2.0",
        },
    )  # fmt: skip


def use(number: int) -> dict[str, object]:
    """Return one of many uses of AI, as the shadow-AI scan tells it."""
    return {
        "id": f"{number:020x}", "provider": f"provider-{number % 40}", "name": "Some AI", "kind": "model-api",
        "host": "", "mechanism": "sdk", "model": "", "path": f"services/{number}.py", "line": 3, "region": "code",
        "confidence": "high", "evidence": [], "jurisdiction": "", "sdk": "", "local": False, "context": False,
        "waiver": None,
    }  # fmt: skip


def waiver(number: int) -> Waiver:
    """Return one of the policy's waivers: by finding, by rule and subject, by path."""
    by = [
        {"finding": vulnerability(number).id},
        {"rule": "audit/*", "subjects": (f"pkg:pypi/package-{number}@*",)},
        {"rule": "models/unlisted-call", "paths": (f"legacy/{number}/*",)},
    ][number % 3]
    return Waiver(id=f"W-{number}", owner="raj", reason="r", expires=date(2027, 1, 1), **by)  # type: ignore[arg-type]


def situation(*conditions: Condition) -> Situation:
    """Return a release with 20,000 findings and a policy with 60 waivers."""
    models = tuple(
        Finding("models/unlisted-call", "calls os.system", Severity(n % 5), path=f"m/{n}.pt", subject=f"os.system {n}")
        for n in range(MODELS)
    )
    files = {finding.path: {"format": "pickle", "outcome": "review", "holds": ["pickle"]} for finding in models}
    evidence = {
        "trust": Evidence("trust", State.OK, facts={"root_version": 1, "ring_version": 1}),
        "files": Evidence("files", State.OK, facts={"files": FINDINGS, "bytes": 1}),
        "signatures": Evidence("signatures", State.OK, facts={"artifacts": [], "covered": dict.fromkeys(files, "b")}),
        "models": Evidence("models", State.OK, findings=models, facts={"files": files}),
        "shadow-ai": Evidence("shadow-ai", State.OK, facts={"uses": [use(n) for n in range(USES)]}),
        "audit": Evidence(
            "audit", State.OK, findings=tuple(vulnerability(n) for n in range(FINDINGS - MODELS - USES)),
            facts={"advisories": {"date": "2026-11-20T00:00:00Z"}, "packages": 4000},
        ),
        "sbom": Evidence("sbom", State.OK, facts={"components": 4000, "licenses": {}}),
    }  # fmt: skip
    policy = replace(
        Policy(), name="bench", owner="sec", waiver=tuple(waiver(n) for n in range(60)), condition=conditions
    )
    return Situation(policy, "prod", NOW, evidence)


def judged(*conditions: Condition) -> Run:
    """Return a run that judges a release nobody has judged before: nothing that findings remember helps."""

    def run() -> float:
        fresh = situation(*conditions)
        return function(lambda: decide(fresh))()

    return run


def cpu_ms(rounds: int = 9) -> float:
    """Return the median CPU time of judging a fresh release, in milliseconds: other programs do not count."""
    taken = []
    for _ in range(rounds):
        fresh = situation()
        gc.collect()
        before = time.process_time()
        decide(fresh)
        taken.append(time.process_time() - before)
    return 1000 * statistics.median(taken)


def main() -> None:
    """Print the claims, under the garbage collector as the command line sets it."""
    gc.set_threshold(*COLLECT_AFTER)
    found = [item.finding.to_dict() for item in decide(situation()).findings]
    ours, rival = interleave([judged(), function(lambda: json.dumps(found))], rounds=9)
    claim(f"decide over {len(found):,} findings against json.dumps of them", median_ratio(ours, rival), 2)
    claim(f"decide over {len(found):,} findings: CPU ms here", cpu_ms(), BUDGET_MS)
    words = "two conditions in CEL on all of them: times the same without (for information)"
    if not cel.available():
        not_measured(words, "secpipe[cel] is not installed")
        return
    conditions = (
        Condition("likely", "vulnerability", "vulnerability.epss > 0.9 && vulnerability.level >= 2"),
        Condition("call", "finding", 'finding.rule == "models/unlisted-call" && finding.level == 4', "warn"),
    )
    ours, rival = interleave([judged(*conditions), judged()], rounds=5)
    claim(words, median_ratio(ours, rival), 10)


if __name__ == "__main__":
    main()
