"""Many findings, few things to do: findings that one change would end become one reason, in one plain sentence."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from secpipe.core.finding import Finding
from secpipe.core.text import plural, printable
from secpipe.core.verdict import Effect, JudgedFinding, Reason
from secpipe.formats.packages import versions

UNSIGNED = "gate/unsigned-artifact"
REVIEW = "gate/review-missing"
DRIFT = "sbom/environment-drift"
#: rule -> what is wrong with the keys behind several signatures
KEYS = {
    "gate/key-algorithm": "are signed with algorithms that the policy does not accept",
    "gate/key-too-old": "are signed with keys that are older than the policy allows",
}
CONDITIONS = ("gate/condition", "gate/condition-unknown")
_SHOWN = 3


def reasons(check: str, judged: Iterable[JudgedFinding], owner: str) -> list[Reason]:
    """Return one reason for each thing to do, worst first as `judged` is.

    Together go: what one package needs, every use of one AI provider, every unsigned file, every file that lacks one
    kind of review or whose keys do not count, everything that meets one condition of the policy, what is not as it was
    installed, and otherwise what one rule says of one file. `owner` acts where a finding names nobody.
    """
    groups: dict[Effect, dict[tuple[str, ...], list[Finding]]] = {
        Effect.DENY: {}, Effect.UNDECIDED: {}, Effect.WARN: {}
    }  # fmt: skip
    for item in judged:
        if (group := groups.get(item.effect)) is not None:
            group.setdefault(_key(item.finding), []).append(item.finding)
    return [_reason(check, effect, one, owner) for effect, found in groups.items() for one in found.values()]


def _key(finding: Finding) -> tuple[str, ...]:
    rule, details = finding.rule, finding.details
    if rule.startswith("audit/") and (package := details.get("package")):
        return ("package", str(details.get("ecosystem")), str(package), str(details.get("version")))
    if rule.startswith("shadow-ai/") and (provider := details.get("provider")):
        return (_wing(finding), str(provider))
    if rule in CONDITIONS:
        return (rule, str(details.get("condition")))
    if rule == REVIEW:
        return (rule, finding.subject)
    return (rule,) if rule in {UNSIGNED, DRIFT} or rule in KEYS else (rule, finding.path)


def _wing(finding: Finding) -> str:
    """Unapproved by host or by provider is one matter: the provider."""
    return "unapproved" if "/unapproved-" in finding.rule else finding.rule


def _reason(check: str, effect: Effect, group: Sequence[Finding], owner: str) -> Reason:
    first = group[0]
    return Reason(
        rule=first.rule,
        effect=effect,
        what=_words(group),
        check=check,
        owner=first.owner or owner,
        path=first.path,
        findings=tuple([finding.id for finding in group]),
        advice=next((finding.fix for finding in group if finding.fix), ""),
    )


def _words(group: Sequence[Finding]) -> str:
    first = group[0]
    if first.rule == UNSIGNED and len(group) > 1:
        return f"{plural(len(group), 'file')} are not covered by an accepted signature: {_some(_places(group))}"
    if len(group) == 1:
        return _with_place(first)
    if first.rule == DRIFT:
        return f"{len(group):,} things are not as they were installed: {_some(_places(group))}"
    if first.rule in KEYS:
        return f"{len(group):,} artifacts {KEYS[first.rule]}: {_some(_places(group))}"
    if first.rule == REVIEW:
        lacking = f"{len(group):,} artifacts lack a {first.subject} by other people than their signers"
        return f"{lacking}: {_some(_places(group))}"
    if first.rule in CONDITIONS:
        return f"{first.details['says']}: {_some([str(one.details['label']) for one in group])}"
    if first.rule.startswith("audit/") and first.details.get("package"):
        ids = [str(finding.details.get("id", "")) for finding in group[:_SHOWN]]
        named = f"{first.details['package']} {first.details.get('version', '')}".strip()
        count = plural(len(group), "known vulnerability", "known vulnerabilities")
        return f"{named} has {count}: {_some(ids, len(group))}"
    if first.rule.startswith("shadow-ai/unapproved-"):
        name = str(first.details.get("name") or first.details["provider"])
        return f"{name} is used in {plural(len(group), 'place')} and nobody approved it: {_some(_places(group))}"
    return f"{_with_place(first)} (and {plural(len(group) - 1, 'more finding')} of the same kind)"


def fixed_in(group: Sequence[Finding]) -> str:
    """Return the version of a package that ends what these findings know against it, as far as one can, or ""."""
    details = group[0].details if group else {}
    if upgrade := str(details.get("upgrade") or ""):
        return upgrade
    fixed = [str(version) for finding in group for version in _listed(finding.details.get("fixed"))[:1]]
    return _newest(str(details.get("ecosystem")), fixed) if fixed else ""


def _newest(ecosystem: str, fixed: list[str]) -> str:
    keyed = [(key, text) for text in fixed if (key := versions.key(ecosystem, text)) is not None]
    return max(keyed)[1] if keyed else ""


def _with_place(finding: Finding) -> str:
    if finding.rule.startswith("models/") and finding.details.get("outcome") == "malicious":
        return f"{finding.path} can run code when it is opened: it {finding.message}"
    if not finding.path or finding.path in finding.message:
        return finding.message
    return f"{finding.path}: {finding.message}"


def _places(group: Sequence[Finding]) -> list[str]:
    return list(dict.fromkeys(f"{item.path}:{item.line}" if item.line else item.path for item in group))


def _some(words: Sequence[str], of: int = 0) -> str:
    """Return the first words and how many more there are, of `of` in all."""
    shown = ", ".join([printable(word, 120) for word in words[:_SHOWN]])
    more = max(of, len(words)) - _SHOWN
    return shown if more <= 0 else f"{shown} and {more:,} more"


def _listed(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else []
