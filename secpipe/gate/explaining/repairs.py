"""What could be changed about a release, reason by reason: the table of repairs, and of what no repair ends.

A repair is what `counterfactual` tries: evidence as it would be if somebody had done it. One that asks for a check to
be carried out supposes that the check then finds nothing; its words say so.
"""

from __future__ import annotations

from collections.abc import Iterator

from secpipe.gate.explaining import repairs_bom as bom
from secpipe.gate.explaining import repairs_checks as checks
from secpipe.gate.explaining import repairs_found as found
from secpipe.gate.explaining import repairs_signed as signed
from secpipe.gate.explaining.repair import Case, Change, Maker
from secpipe.gate.grouping import CONDITIONS, UNSIGNED


def changes(case: Case) -> Iterator[Change]:
    """Yield what would end a reason; nothing where nothing that can be done to the release would."""
    rule, check = case.reason.rule, case.reason.check
    maker = BY_CHECK.get((rule, check)) or MAKERS.get(rule) or WINGS.get(rule.partition("/")[0])
    if maker is not None:
        yield from maker(case)


WINGS: dict[str, Maker] = {
    "audit": found.upgrade,
    "models": found.replace_model,
    "shadow-ai": found.approve,
    "signatures": found.mend_findings,
    "sbom": found.mend_findings,
}
#: rule -> why nothing that can be done to the release ends it.
NOT_OURS: dict[str, str] = {
    "gate/account": "it says what was looked at, and never blocks",
    "gate/policy-expired": "only the owner of the policy can renew it",
    "gate/builders-not-named": "only the owner of the policy can name builders in it",
    "gate/waiver-expired": "it ends with the finding that the waiver was to cover",
    "gate/waiver-refused": "it ends with the finding that the waiver was to cover",
    "gate/tree-policy-denies": "it ends with the reasons of the policy in the tree, which are looked at one by one",
}
MAKERS: dict[str, Maker] = {
    "gate/self-judged": checks.pin,
    "gate/not-checked": checks.carry_out,
    "gate/check-failed": checks.mend,
    "gate/incomplete": checks.look_at_all,
    "gate/stale-advisories": checks.refresh,
    "gate/clock": checks.clock,
    "gate/trust-below-minimum": checks.update_trust,
    "gate/root-algorithm": checks.other_root,
    "gate/not-promoted": checks.promote,
    "gate/missing-evidence": bom.missing,
    "gate/incomplete-sbom": bom.complete,
    "gate/sbom-disagrees": bom.ship,
    "gate/sbom-format": bom.ship,
    "gate/sbom-too-old": bom.ship,
    "gate/license-denied": found.other_license,
    "gate/license-review": found.other_license,
    "gate/format-not-allowed": found.convert,
    **dict.fromkeys(CONDITIONS, found.condition),
    UNSIGNED: signed.sign,
    "gate/review-missing": signed.review,
    "gate/key-algorithm": signed.sign_again,
    "gate/key-too-old": signed.sign_again,
    "gate/test-failed": signed.test,
    "gate/builder-not-allowed": signed.build_elsewhere,
    "gate/source-not-allowed": signed.other_materials,
    "gate/base-model-not-allowed": signed.other_materials,
    "gate/dataset-not-allowed": signed.other_materials,
    "gate/input-missing": signed.name_inputs,
}
#: (rule, check) -> what mends it there, where a rule is that of several checks.
BY_CHECK: dict[tuple[str, str], Maker] = {
    ("gate/missing-evidence", "attestations"): signed.test,
    ("gate/missing-evidence", "provenance"): signed.trace,
    ("gate/check-failed", "provenance"): signed.trace_again,
}
