"""What `secpipe scan shadow-ai` hands out: the document, the services, and what an earlier result already said."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from secpipe.cli.options import write_json

if TYPE_CHECKING:
    from secpipe.core.artifact import Skip
    from secpipe.core.evidence import Evidence
    from secpipe.core.finding import Finding


def known_findings(file: str | None) -> frozenset[str]:
    """Return the ids of the findings in an earlier JSON result; raise ConfigError when it is none."""
    from secpipe.core.documents import parse_json
    from secpipe.core.errors import ConfigError, InputError
    from secpipe.core.limits import DEFAULT
    from secpipe.system.files import read_bytes

    if not file:
        return frozenset()
    try:
        document = parse_json(read_bytes(file, DEFAULT.document_bytes), file)
        return frozenset(finding["id"] for finding in document["findings"])
    except InputError as error:
        raise ConfigError(error.message) from None
    except (KeyError, TypeError):
        raise ConfigError(
            f"{file} is no result of this command", hint="secpipe scan shadow-ai PATH -f json -o FILE"
        ) from None


def with_skips(evidence: Evidence, skipped: Sequence[Skip]) -> Evidence:
    """Return evidence that says what the walk could not read, too (the gate has an evidence of its own for that)."""
    from dataclasses import replace

    coverage = evidence.facts["coverage"]
    coverage = {**coverage, "not_read": coverage["not_read"] + len(skipped)}
    skips = sorted((*skipped, *evidence.skips), key=lambda skip: skip.path)
    return replace(evidence, skips=tuple(skips), facts={**evidence.facts, "coverage": coverage})


def document_of(
    evidences: Sequence[Evidence], found: Sequence[Finding], now: Any, simulated: bool, known: int
) -> dict[str, Any]:
    """Return the `secpipe.findings/1` document over all paths; `known` findings were silenced by a baseline."""
    from dataclasses import replace

    from secpipe.core import findings

    first = evidences[0]
    facts = {
        "uses": [use for evidence in evidences for use in evidence.facts["uses"]],
        "engines": sorted({engine for evidence in evidences for engine in evidence.facts["engines"]}),
        "coverage": {
            key: sum(evidence.facts["coverage"].get(key, 0) for evidence in evidences)
            for key in first.facts["coverage"]
        },
        "baseline": known,
    }
    state = next((evidence for evidence in evidences if evidence.state != "ok"), first)
    skips = tuple(skip for evidence in evidences for skip in evidence.skips)
    whole = replace(state, findings=tuple(found), skips=skips, facts=facts, producer=first.producer, account=None)
    return findings.document(whole, "scan shadow-ai", now, simulated=simulated)


def write_services(evidences: Sequence[Evidence], now: Any, file: str) -> None:
    """Write the services of all paths as CycloneDX JSON."""

    from secpipe import __version__
    from secpipe.scan.shadow_ai.services import services

    uses = [use for evidence in evidences for use in evidence.facts["uses"]]
    write_json(services(uses, now, version=__version__), file)
