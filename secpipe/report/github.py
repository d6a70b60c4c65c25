"""GitHub workflow commands: annotations on the lines of a pull request, the verdict's sentence first."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from secpipe.report.document import Item, Unseen
from secpipe.report.read import read

_BY_EFFECT = {"deny": "error", "undecided": "error", "warn": "warning", "info": "notice"}
_BY_SEVERITY = {"critical": "error", "high": "error", "medium": "warning", "low": "notice", "info": "notice"}
_BY_DECISION = {"pass": "notice", "warn": "warning", "deny": "error", "undecided": "error"}
_UNSEEN = 50


def render(document: Mapping[str, Any], *, color: bool = False) -> str:
    """Return one workflow command a line: the sentence, every entry that is not waived, what was not looked at."""
    report = read(document)
    lines = [command(_BY_DECISION[report.decision], report.sentence, title="secpipe")]
    if looked := [f"{name}: {said}" for name, said in report.accounts]:
        lines.append(command("notice", "; ".join(looked), title="secpipe: looked at"))
    lines += [command("notice", text, title="secpipe: no match") for text in report.unused[:_UNSEEN]]
    lines += [_entry(item, report.decision) for item in report.entries if item.effect != "waived"]
    lines += [_unseen(unseen) for unseen in report.skipped[:_UNSEEN]]
    if len(report.skipped) > _UNSEEN:
        rest = len(report.skipped) - _UNSEEN
        lines.append(command("notice", f"{rest:,} more places were not looked at", title="secpipe: not looked at"))
    return "\n".join(lines) + "\n"


def command(name: str, message: str, **properties: str | int) -> str:
    """Return `::name key=value,...::message`, escaped as the runner decodes it; empty properties are left out."""
    listed = ",".join(f"{key}={_property(str(value))}" for key, value in properties.items() if value)
    return f"::{name}{' ' if listed else ''}{listed}::{_data(message)}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def _entry(item: Item, decision: str) -> str:
    level = _BY_EFFECT.get(item.effect) or _BY_SEVERITY[item.severity]
    if decision == "warn" and level == "error":  # warn mode: nothing blocks
        level = "warning"
    column = item.column if item.line else 0
    return command(level, item.advice, file=item.path, line=item.line, col=column, title=item.rule)


def _unseen(unseen: Unseen) -> str:
    return command("notice", unseen.reason, file=unseen.path, title="secpipe: not looked at")
