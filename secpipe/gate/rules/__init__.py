"""One predicate a check; the explicit table of all rules, in the order of the report."""

from __future__ import annotations

from collections.abc import Callable

from secpipe.gate.rules.attestations import attestations
from secpipe.gate.rules.files import files
from secpipe.gate.rules.models import models
from secpipe.gate.rules.pins import trust
from secpipe.gate.rules.promotion import promotion
from secpipe.gate.rules.provenance import provenance
from secpipe.gate.rules.sbom import licenses, sbom
from secpipe.gate.rules.shadow_ai import shadow_ai
from secpipe.gate.rules.signatures import signatures
from secpipe.gate.rules.vulnerabilities import vulnerabilities
from secpipe.gate.ruling import Ruling, Situation

RULES: tuple[Callable[[Situation], Ruling], ...] = (
    trust,
    files,
    signatures,
    models,
    shadow_ai,
    vulnerabilities,
    sbom,
    licenses,
    provenance,
    attestations,
    promotion,
)
