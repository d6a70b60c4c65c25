"""`secpipe waive`: an owner answers for a finding that stays; the policy then says so, with a date."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from secpipe.cli.answers import Question, ask, day_after
from secpipe.cli.approve import told
from secpipe.cli.options import clock_of
from secpipe.core import times
from secpipe.core.errors import EXIT_PASS, ConfigError
from secpipe.core.finding import RULE_ID

if TYPE_CHECKING:
    from secpipe.gate.policies.policy import Policy, Waivers

_ID = re.compile(r"[0-9a-f]{20}")


@click.command(short_help="Waive a finding in a policy, with an owner and a date.")
@click.argument("findings", nargs=-1, metavar="[FINDING]...")
@click.option("--policy", required=True, metavar="FILE", help="The policy that is to say so.")
@click.option("--rule", "rules", multiple=True, metavar="RULE", help="The rule that the findings are of.")
@click.option("--path", "paths", multiple=True, metavar="GLOB", help="Without FINDING: what the rule says of these.")
@click.option("--env", "environments", multiple=True, metavar="NAME", help="Only in these environments (default: all).")
@click.option("--owner", metavar="WHO", help="Who answers for it.")
@click.option("--approved-by", metavar="WHO", help="Who approved it: another person than its owner.")
@click.option("--reason", metavar="TEXT", help="Why it can wait.")
@click.option("--expires", metavar="DAY", help="The last day on which it holds, as 2027-03-31.")
@click.option("--ticket", default="", metavar="TEXT", help="Where it was discussed.")
def waive(
    findings: tuple[str, ...],
    policy: str,
    rules: tuple[str, ...],
    paths: tuple[str, ...],
    environments: tuple[str, ...],
    owner: str | None,
    approved_by: str | None,
    reason: str | None,
    expires: str | None,
    ticket: str,
) -> int:
    """Waive findings: owner, reason and last day are asked for on a terminal, and never invented.

    FINDING is an id as check prints it with -f json. The policy file is edited in place, its comments and layout are
    kept, and its new pin is printed. What the policy would not accept as a waiver is refused here already.
    """
    from secpipe.gate.policies import policy_edit

    _check_scope(findings, rules, paths)
    loaded = policy_edit.opened(policy)
    now = clock_of(None).now()
    policies = [loaded.resolve(name) for name in environments or ("prod", *loaded.environments)]
    demands = [policy.waivers for policy in policies]
    _check_rules(demands, rules)
    questions = [
        Question("--owner", "who answers for it", owner),
        Question("--reason", "why can it wait", reason),
        Question("--expires", "last day, as 2027-03-31", expires, day_after(now.date())),
    ]
    if approved_by or any(one.approved for one in demands):
        questions.append(Question("--approved-by", "who approved it (another person)", approved_by))
    who, why, day, *approver = ask(questions)
    common: dict[str, Any] = {"env": list(environments)} if environments else {}
    common |= {"owner": who} | ({"approved_by": approver[0]} if approver else {}) | {"reason": why}
    common |= ({"ticket": ticket} if ticket else {}) | {"expires": times.day(day)}
    _check_answers(policies, common, now)
    names = _names({waiver.id for waiver in loaded.resolve("prod").waiver}, now)
    scopes = list(_scopes(findings, rules, paths))
    data = policy_edit.added(loaded, ("waiver",), [{"id": next(names)} | scope | common for scope in scopes])
    told(f"waived until {day} by {who}: {', '.join(findings or rules)}", policy, policy_edit.save(loaded, data))
    return EXIT_PASS


def _check_scope(findings: tuple[str, ...], rules: tuple[str, ...], paths: tuple[str, ...]) -> None:
    for one in findings:
        if not _ID.fullmatch(one):
            raise ConfigError(f'"{one[:40]}" is no id of a finding', hint="20 hex digits: secpipe check -f json")
    for rule in rules:
        if not RULE_ID.fullmatch(rule):
            raise ConfigError(f'"{rule[:60]}" is no rule', hint="--rule audit/known-vulnerability")
    if not findings and not (rules and paths):
        raise ConfigError("what is waived?", hint="name findings, or --rule RULE --path GLOB")


def _check_rules(demands: list[Waivers], rules: tuple[str, ...]) -> None:
    from secpipe.gate.policies.waivers import never

    for rule in rules:
        if any(never(rule, one) for one in demands):
            raise ConfigError(f"nothing waives {rule}", hint=f"secpipe explain {rule}")
    if any(one.signed for one in demands):
        hint = "write a file of waivers, sign it (secpipe sign --kind waiver), and check with --waivers FILE"
        raise ConfigError("the policy accepts waivers from a signed file only", hint=hint)


def _check_answers(policies: list[Policy], entry: dict[str, Any], now: datetime) -> None:
    """Refuse what `decide` would not count."""
    from secpipe.gate.policies.policy import Waiver
    from secpipe.gate.policies.waivers import refusal

    made = Waiver(owner=entry["owner"], approved_by=entry.get("approved_by", ""), expires=entry["expires"])
    for why in filter(None, (refusal(made, one.waivers, now, one.persons) for one in policies)):
        raise ConfigError(f"such a waiver {why}", hint="secpipe policy show FILE says what [waivers] asks for")


def _scopes(findings: tuple[str, ...], rules: tuple[str, ...], paths: tuple[str, ...]) -> Iterator[dict[str, Any]]:
    own = {"rule": rules[0]} if len(rules) == 1 else {}
    yield from ({"finding": one} | own for one in findings)
    if not findings:
        yield from ({"rule": rule, "paths": list(paths)} for rule in rules)


def _names(taken: set[str], now: datetime) -> Iterator[str]:
    number = 0
    while True:
        number += 1
        name = f"W-{now:%Y-%m-%d}-{number}"
        if name not in taken:
            yield name
