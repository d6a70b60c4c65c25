"""Markdown for a job summary or a comment: hostile text stays text, mentions nobody and links nowhere."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from secpipe.core.do import Kind
from secpipe.core.text import plural
from secpipe.report.document import Check, Item, Reason, Report
from secpipe.report.doing import who
from secpipe.report.read import read

_REASONS = 100
_FINDINGS = 200  # a job summary is cut at 1 MiB, a comment at 65,536 characters
_UNSEEN = 50
_ACCOUNT = 1_000
_CELL = 300  # characters of one message

_BADGES = {"pass": "✅", "warn": "⚠️", "deny": "⛔", "undecided": "❓"}
_RESULTS = {"pass": "✅ passed", "deny": "⛔ **blocked**", "warn": "⚠️ warning", "undecided": "❓ **undecided**"}

#: What can have structure inside a line becomes a character reference, which never has any (CommonMark 0.31 section
#: 2.5); an underscore inside a word has none, a colon only where an emoji or a link could begin.
_INLINE = re.compile(r"[!#$&*<>@\[\\\]^`{|}~]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])|:(?=//|[\w+-]*[A-Za-z][\w+-]*:)")
#: A block can begin only at the start of what we insert: a heading, a quote, a list.
_BLOCK_START = re.compile(r"\d*[-+=.)]?")
#: Links and mentions are made from the rendered text, where references are gone: a zero-width space parts them.
_LINKING = re.compile(r"&#(?:64|35|58);|(?i:www)(?=\.)")


def escape(text: str) -> str:
    """Return `text` so that any Markdown renderer shows it as it stands."""
    text = text.strip()
    start = _BLOCK_START.match(text)
    cut = start.end() if start else 0
    head = "".join(char if char.isalnum() else _reference(char) for char in text[:cut])
    return head + _LINKING.sub("\\g<0>&#8203;", _INLINE.sub(lambda match: _reference(match[0]), text[cut:]))


def _reference(char: str) -> str:
    return f"&#{ord(char)};"


def code(text: str) -> str:
    """Return `text` as code, where code hosts make neither links nor mentions; "" stays ""."""
    text = text.strip()
    if "`" in text or "|" in text:  # a code span cannot hold the one everywhere, nor a table's cell the other
        return f"<code>{escape(text)}</code>"
    return f"`{text}`" if text else ""


def render(document: Mapping[str, Any], *, color: bool = False) -> str:
    """Return the document as GitHub-flavoured Markdown."""
    report = read(document)
    lines = [f"### {_BADGES[report.decision]} {escape(report.sentence)}", ""]
    if report.is_verdict:
        lines += _reasons(report)
        lines += _checks(report.checks)
        lines += _accounts(report)
    lines += _findings(report)
    lines += _unseen(report)
    if report.is_verdict:
        lines += _waivers(report)
        lines += _footer(report)
    elif report.data:
        lines += [f"<sub>{escape(f'judged by {report.data[:_CELL]}')}</sub>", ""]
    return "\n".join(lines).rstrip("\n") + "\n"


def _reasons(report: Report) -> list[str]:
    lines = []
    for effect, heading in (("deny", "What must change"), ("undecided", "What could not be decided")):
        reasons = report.of_effect(effect)
        lines += [f"#### {heading}", ""] if reasons else []
        lines += [f"{number}. {_reason(reason)}" for number, reason in enumerate(reasons[:_REASONS], 1)]
        lines += _more(len(reasons) - _REASONS)
        lines += [""] if reasons else []
    notes = report.of_effect("warn")
    lines += ["#### Worth knowing", ""] if notes else []
    lines += [f"- {escape(reason.said)}" for reason in notes[:_REASONS]] + _more(len(notes) - _REASONS)
    return [*lines, ""] if notes else lines


def _more(count: int) -> list[str]:
    return ["", f"and {count:,} more in the JSON"] if count > 0 else []


def _reason(reason: Reason) -> str:
    acts = f" ({escape(who(reason.do, reason.owner).removeprefix('who: '))})" if reason.owner else ""
    do = reason.do
    told = f"<br>{escape(do.text) if do.kind is Kind.PERSON else code(do.text)}" if do else ""
    return f"{escape(reason.said)}{acts}{told}<br>{code(f'secpipe explain {reason.rule}')}"


def _checks(checks: tuple[Check, ...]) -> list[str]:
    lines = ["#### Checks", "", "| | Check | |", "|---|---|---|"]
    for check in checks:
        word = "❓ **not checked**" if check.unknown else _RESULTS.get(check.result, "not asked for")
        lines.append(f"| {word} | {escape(check.title)} | {escape(check.said[:_CELL])} |")
    if any(check.unknown for check in checks):
        lines += ["", "*Not checked* means that nothing is known: it never counts as good."]
    return [*lines, ""]


def _accounts(report: Report) -> list[str]:
    rows = [*report.accounts, *(("no match", text) for text in report.unused)]
    lines = [f"- {escape(name)}: {escape(said[:_ACCOUNT])}" for name, said in rows[:_UNSEEN]]
    return ["#### Looked at", "", *lines, *_more(len(rows) - _UNSEEN), ""] if lines else []


def _findings(report: Report) -> list[str]:
    if not report.open:
        return []
    lines = [
        f"<details><summary>{plural(len(report.open), 'finding')}: {report.counts}</summary>",
        "",
        "| Severity | Rule | Where | What |",
        "|---|---|---|---|",
    ]
    lines += [_row(item) for item in report.open[:_FINDINGS]]
    return [*lines, *_more(len(report.open) - _FINDINGS), "", "</details>", ""]


def _row(item: Item) -> str:
    return f"| {item.severity} | {code(item.rule)} | {code(item.place[:_CELL])} | {escape(item.message[:_CELL])} |"


def _unseen(report: Report) -> list[str]:
    if not report.skipped:
        return []
    lines = [f"<details><summary>{plural(len(report.skipped), 'place')} not looked at</summary>", ""]
    lines += [f"- {code(item.path[:_CELL])} {escape(item.reason[:_CELL])}" for item in report.skipped[:_UNSEEN]]
    return [*lines, *_more(len(report.skipped) - _UNSEEN), "", "</details>", ""]


def _waivers(report: Report) -> list[str]:
    """The waivers that were used or have expired: what is waived is never silent."""
    lines = [
        f"- {code(waiver.id)} {escape(f'({waiver.owner}, until {waiver.expires}, {waiver.state}): {waiver.reason}')}"
        for waiver in report.waivers
        if waiver.matters
    ]
    return ["#### Waivers", "", *lines[:_REASONS], *_more(len(lines) - _REASONS), ""] if lines else []


def _footer(report: Report) -> list[str]:
    parts = [f"policy {report.policy}", f"trust {report.trust or 'none'}", f"judged {report.subject}"]
    parts += [f"data: {report.data[:_CELL]}"] * bool(report.data)
    parts += [f"at {report.at}"] + [f"valid until {report.valid_until}"] * bool(report.valid_until)
    return [f"<sub>{escape('; '.join(parts))}</sub>", ""]
