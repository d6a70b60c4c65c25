"""What an owner answers for: given as options, or asked on a terminal; never invented, never empty."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

import click

from secpipe.cli.options import tell
from secpipe.core import times
from secpipe.core.errors import ConfigError
from secpipe.core.text import printable

if TYPE_CHECKING:
    from secpipe.gate.policies.policy import Policy

_OPTIONS: tuple[Callable[[Callable[..., int]], Callable[..., int]], ...] = (
    click.option("--policy", required=True, metavar="FILE", help="The policy that is to say so."),
    click.option(
        "--env", "environments", multiple=True, metavar="NAME", help="Only in these environments (default: all)."
    ),
    click.option("--owner", metavar="WHO", help="Who answers for it."),
    click.option("--expires", metavar="DAY", help="The last day on which it holds, as 2027-03-31."),
    click.option("--ticket", default="", metavar="TEXT", help="Where it was discussed."),
)


def exception_options(command: Callable[..., int]) -> Callable[..., int]:
    """Give a command the options that each exception in a policy has."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def glob_option(words: str) -> Callable[[Callable[..., int]], Callable[..., int]]:
    """`--path GLOB`, repeatable, as `paths`: a byte of a name that no document can hold becomes `?`."""
    return click.option("--path", "paths", multiple=True, metavar="GLOB", callback=_storable, help=words)


def _storable(_context: click.Context, _option: click.Parameter, globs: tuple[str, ...]) -> tuple[str, ...]:
    return tuple("".join("?" if 0xD800 <= ord(char) <= 0xDFFF else char for char in glob) for glob in globs)


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


def answered(
    policies: list[Policy], now: datetime, why: str, *, what: str, owner: str | None, approved_by: str | None,
    reason: str | None, expires: str | None, ticket: str,
) -> dict[str, Any]:  # fmt: skip
    """Return who answers for an exception, why and until when; `why` is how the reason is asked for.

    Raises ConfigError for what `policies` would not count as `what` (a waiver, an acceptance).
    """
    questions = [
        Question("--owner", "who answers for it", owner),
        Question("--reason", why, reason),
        Question("--expires", "last day, as 2027-03-31", expires, day_after(now.date())),
    ]
    if approved_by or any(one.waivers.approved for one in policies):
        questions.append(Question("--approved-by", "who approved it (another person)", approved_by))
    who, because, day, *approver = ask(questions)
    entry: dict[str, Any] = {"owner": who} | ({"approved_by": approver[0]} if approver else {}) | {"reason": because}
    entry |= ({"ticket": ticket} if ticket else {}) | {"expires": times.day(day)}
    _check(policies, entry, what, now)
    return entry


def _check(policies: list[Policy], entry: dict[str, Any], what: str, now: datetime) -> None:
    """Refuse what `decide` would not count."""
    from secpipe.gate.policies.policy import Waiver
    from secpipe.gate.policies.waivers import refusal

    made = Waiver(owner=entry["owner"], approved_by=entry.get("approved_by", ""), expires=entry["expires"])
    for why in filter(None, (refusal(made, replace(one.waivers, signed=False), now, one.persons) for one in policies)):
        raise ConfigError(f"such {what} {why}", hint="secpipe policy show FILE says what [waivers] asks for")
