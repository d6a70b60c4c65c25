"""Rules as data: what each looks at, why it matters, how to mend it, and the two ways of reading that."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from secpipe.core.documents import parse_toml
from secpipe.core.errors import InputError
from secpipe.core.finding import RULE_ID
from secpipe.core.shape import Table
from secpipe.report.document import SEVERITIES
from secpipe.report.text import wrap

_TEXTS = ("title", "plain", "what", "why", "bad", "good", "fix")
_KEYS = {"id", "severity", "waivable", "references", *_TEXTS}
_EXAMPLES = {"Bad", "Good"}
_COLUMNS = 96

_WAIVE = """\
[[waiver]]
id = "W-2026-001"
rule = "{rule}"
paths = ["path/of/the/file"]
env = ["staging"]
owner = "who answers for it"
approved_by = "somebody else"
reason = "why it can wait"
expires = 2026-12-31"""

_NOT_WAIVABLE = "It cannot be waived. Mend it, or have the owner of the pinned policy change what the policy asks for."


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule of `policies/rules/<wing>.toml`; `bad` and `good` are examples in lines, the rest is one paragraph.

    `plain` says it to people who do not code: what is the matter, and what may come of it.
    """

    id: str
    title: str
    plain: str
    severity: str
    what: str
    why: str
    bad: str
    good: str
    fix: str
    waivable: bool = True
    references: tuple[str, ...] = ()

    @property
    def wing(self) -> str:
        return self.id.partition("/")[0]

    @property
    def waive(self) -> str:
        """The policy table that waives a finding of this rule; "" where no waiver is accepted."""
        return _WAIVE.format(rule=self.id) if self.waivable else ""


#: No rules: a report then names where they are explained.
NONE: Mapping[str, Rule] = MappingProxyType({})


def parse(data: bytes, wing: str) -> tuple[Rule, ...]:
    """Return the rules of the file of `wing`, sorted by id.

    Raises InputError for a rule of another wing, one that stands twice, an unknown key or an empty text.
    """
    name = f"rules/{wing}.toml"
    rules = [_rule(table, wing) for table in Table(parse_toml(data, name), "").tables("rule")]
    ids = [rule.id for rule in rules]
    if twice := {identity for identity in ids if ids.count(identity) > 1}:
        raise InputError(f"{name}: {min(twice)} stands twice")
    return tuple(sorted(rules, key=lambda rule: rule.id))


def _rule(table: Table, wing: str) -> Rule:
    identity = table.text("id")
    if not RULE_ID.fullmatch(identity) or not identity.startswith(f"{wing}/"):
        raise table.refuse("id", f'is "{identity}", not {wing}/kebab-name')
    if unknown := sorted(table.values.keys() - _KEYS):
        raise table.refuse(unknown[0], f"is no key of a rule ({identity})")
    # Texts are of the project itself: they keep their lines.
    texts = {key: str(table.values.get(key) or "").strip() for key in _TEXTS}
    if empty := [key for key in _TEXTS if not texts[key]]:
        raise table.refuse(empty[0], f"is missing ({identity})")
    return Rule(
        id=identity,
        severity=table.word("severity", SEVERITIES),
        waivable=table.values.get("waivable") is not False,
        references=table.texts("references", optional=True),
        **texts,
    )


def plain(rule: Rule) -> str:
    """Return the explanation as plain text of at most 96 columns."""
    lines = [f"{rule.id} ({rule.severity})", *wrap(rule.title, _COLUMNS)]
    for heading, text in _sections(rule):
        lines += ["", heading]
        if heading in _EXAMPLES:
            lines += [f"  {line}" for line in text.splitlines()]
        else:
            lines += wrap(" ".join(text.split()), _COLUMNS, "  ")
    lines += ["", "How to waive it", *_waive_lines(rule)]
    if rule.references:
        lines += ["", "See", *(f"  {reference}" for reference in rule.references)]
    return "\n".join(lines) + "\n"


def _sections(rule: Rule) -> list[tuple[str, str]]:
    return [
        ("In plain words", rule.plain),
        ("What it looks at", rule.what),
        ("Why it matters", rule.why),
        ("Bad", rule.bad),
        ("Good", rule.good),
        ("How to mend it", rule.fix),
    ]


def _waive_lines(rule: Rule) -> list[str]:
    if not rule.waive:
        return wrap(_NOT_WAIVABLE, _COLUMNS, "  ")
    return ["  In the policy (never in the project under test):", *(f"  {line}" for line in rule.waive.splitlines())]


def page(rule: Rule) -> str:
    """Return the rule's page for the documentation, in Markdown."""
    lines = [f"# {rule.id}", "", f"**{rule.title}.** Severity: {rule.severity}."]
    for heading, text in _sections(rule):
        fenced = [_fence(text), text, _fence(text)] if heading in _EXAMPLES else [text]
        lines += ["", f"## {heading}", "", *fenced]
    lines += ["", "## How to waive it", ""]
    if rule.waive:
        lines += ["In the policy, never in the project under test:", "", "```toml", rule.waive, "```"]
    else:
        lines.append(_NOT_WAIVABLE)
    if rule.references:
        lines += ["", "## See", "", *(f"- <{reference}>" for reference in rule.references)]
    return "\n".join(lines) + "\n"


def _fence(text: str) -> str:
    return "````" if "```" in text else "```"
