"""`secpipe waive`: an owner answers for a finding that stays; the policy then says so, with a date."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from secpipe.cli.answers import answered, exception_options, glob_option
from secpipe.cli.approve import told
from secpipe.cli.logged import log_folder, logged
from secpipe.cli.options import clock_of
from secpipe.core.errors import EXIT_PASS, ConfigError
from secpipe.core.finding import RULE_ID

if TYPE_CHECKING:
    from secpipe.gate.policies.policy import Waivers

_ID = re.compile(r"[0-9a-f]{20}")


@click.command(short_help="Waive a finding in a policy, with an owner and a date.")
@click.argument("findings", nargs=-1, metavar="[FINDING]...")
@click.option("--rule", "rules", multiple=True, metavar="RULE", help="The rule that the findings are of.")
@glob_option("Without FINDING: what the rule says of these.")
@click.option("--approved-by", metavar="WHO", help="Who approved it: another person than its owner.")
@click.option("--reason", metavar="TEXT", help="Why it can wait.")
@exception_options
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
    common: dict[str, Any] = {"env": list(environments)} if environments else {}
    common |= answered(
        policies, now, "why can it wait", what="a waiver", owner=owner, approved_by=approved_by, reason=reason,
        expires=expires, ticket=ticket,
    )  # fmt: skip
    names = _names({waiver.id for waiver in loaded.resolve("prod").waiver}, now)
    scopes = list(_scopes(findings, rules, paths))
    data = policy_edit.added(loaded, ("waiver",), [{"id": next(names)} | scope | common for scope in scopes])
    what = f"waived until {common['expires']} by {common['owner']}: {', '.join(findings or rules)}"
    logged(log_folder(), "waiver", hashlib.sha256(data).hexdigest(), now, owner=str(common["owner"])[:200])
    told(what, policy, policy_edit.save(loaded, data))
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
