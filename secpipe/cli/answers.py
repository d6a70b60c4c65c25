"""What an owner answers for: given as options, or asked on a terminal; never invented, never empty."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

import click

from secpipe.cli.options import tell
from secpipe.core import times
from secpipe.core.errors import ConfigError
from secpipe.core.text import printable


@dataclass(frozen=True, slots=True)
class Question:
    """One thing that must be answered; `check` returns what is wrong with an answer, or ""."""

    option: str
    asks: str
    given: str | None
    check: Callable[[str], str] = lambda answer: ""


def ask(questions: list[Question]) -> list[str]:
    """Return one answer a question. On a terminal what is missing is asked for until it is right.

    Elsewhere raises ConfigError: for all that is missing at once, or for the first wrong answer.
    """
    missing = [one.option for one in questions if not (one.given or "").strip()]
    if missing and not sys.stdin.isatty():
        wanted = " ".join(f'{option} "..."' for option in missing)
        raise ConfigError(f"somebody must answer for this: {', '.join(missing)} missing", hint=f"give {wanted}")
    return [_answer(one) for one in questions]


def _answer(question: Question) -> str:
    answer = (question.given or "").strip()
    while True:
        wrong = _wrong(question, answer) if answer else ""
        if answer and not wrong:
            return answer
        if wrong and (question.given or not sys.stdin.isatty()):
            raise ConfigError(f"{question.option}: {wrong}")
        if wrong:
            tell(f"  {wrong}")
        answer = str(click.prompt(question.asks, default="", show_default=False, err=True)).strip()


def _wrong(question: Question, answer: str) -> str:
    if printable(answer, 1000) != answer:
        return "not more than 1,000 characters, and only such as can be printed"
    return question.check(answer)


def day_after(today: date) -> Callable[[str], str]:
    """Return the check for a date that is still to come."""

    def check(answer: str) -> str:
        day = times.maybe_day(answer)
        if day is None:
            return "a day is written 2027-03-31"
        return "" if day >= today else "that day is over"

    return check
