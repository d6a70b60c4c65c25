"""Formats that hold weights and no code by design: their headers must fit, and nothing may hide beside them."""

from __future__ import annotations

from typing import BinaryIO, Final

from secpipe.formats import safetensors
from secpipe.formats.problem import Problem
from secpipe.scan.models.context import Context

#: kind of structural problem -> rule; the others are `malformed`.
_RULES: Final = {"script-text": "script-text", "trailing-data": "trailing-data", "external-path": "path-escape"}


def judge_safetensors(context: Context, file: BinaryIO, size: int) -> str:
    """A safetensors file."""
    report(context, safetensors.read(file, size, context.limits).problems)
    return "safetensors"


def report(context: Context, problems: tuple[Problem, ...]) -> None:
    """Record what a reader found wrong with a file."""
    for problem in problems:
        rule = _RULES.get(problem.kind, "malformed")
        context.add(rule, problem.message, subject=f"{problem.kind} {problem.message}", offset=problem.offset)
