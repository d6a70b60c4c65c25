"""`secpipe approve`: an owner answers for an AI service or an item of an agent; the policy then says so."""

from __future__ import annotations

from typing import Any

import click

from secpipe.cli.answers import Question, ask, day_after, exception_options, glob_option
from secpipe.cli.options import clock_of, say
from secpipe.core import times
from secpipe.core.errors import EXIT_PASS, ConfigError


@click.command(short_help="Approve an AI service, or an item of an agent, in a policy.")
@click.argument("what", required=False, type=click.Choice(["agent"]))
@click.option("--provider", "providers", multiple=True, metavar="ID", help="The provider, as the finding names it.")
@click.option("--host", "hosts", multiple=True, metavar="HOST", help="The host, where no provider is known.")
@glob_option("Only in these files (default: everywhere).")
@click.option("--item", "items", multiple=True, metavar="KIND:NAME", help="approve agent: the item the finding names.")
@click.option("--project", default=".", show_default=True, metavar="PATH", help="approve agent: what holds the item.")
@click.option("--publisher", default="", metavar="NAME", help="approve agent: only from this scope, host or signer.")
@click.option("--reason", metavar="TEXT", help="Why it is approved.")
@exception_options
def approve(
    what: str | None,
    policy: str,
    providers: tuple[str, ...],
    hosts: tuple[str, ...],
    paths: tuple[str, ...],
    environments: tuple[str, ...],
    items: tuple[str, ...],
    project: str,
    publisher: str,
    owner: str | None,
    reason: str | None,
    expires: str | None,
    ticket: str,
) -> int:
    """Approve an AI service, or (approve agent) an item of an agent, in a policy.

    Owner, reason and last day are asked for on a terminal, and never invented. The policy file is edited in place, its
    comments and layout are kept, and its new pin is printed. An item is approved for what it can do today, read from
    the project: a later change that adds no capability passes. What runs any command, or has secrets and a way out, is
    approved with its digest, and asked about again when it changes.
    """
    from secpipe.cli.approve_agent import entries
    from secpipe.gate.policies import policy_edit

    wrong = (providers or hosts) if what else (items or publisher)
    if wrong or not (items if what else (providers or hosts)):
        hint = "--item KIND:NAME" if what else "--provider ID, or --host HOST; approve agent --item KIND:NAME"
        raise ConfigError("what is approved?", hint=hint)
    loaded = policy_edit.opened(policy)
    found = entries(project, items, publisher) if what else []
    named = ", ".join((*providers, *hosts, *items))
    who, why, day = ask(
        [
            Question("--owner", f"who answers for the use of {named}", owner),
            Question("--reason", "why is it approved", reason),
            Question("--expires", "last day, as 2027-03-31", expires, day_after(clock_of(None).now().date())),
        ]
    )
    rest: dict[str, Any] = {"owner": who, "reason": why} | ({"ticket": ticket} if ticket else {})
    rest["expires"] = times.day(day)
    scope = {key: list(value) for key, value in (("paths", paths), ("env", environments)) if value}
    found += [{"provider": one} for one in providers] + [{"host": one.lower()} for one in hosts]
    where = ("agents" if what else "shadow_ai", "allow")
    data = policy_edit.added(loaded, where, [scope | one | rest for one in found])
    told(f"approved until {day} by {who}: {named}", policy, policy_edit.save(loaded, data))
    return EXIT_PASS


def told(what: str, policy: str, digest: str) -> None:
    """Print what now holds, and the policy's new pin."""
    from secpipe.core.text import printable

    say(printable(what))
    say(f"written into {printable(policy)}; whoever pins it reviews the change and pins it anew:")
    say(f"  --policy-ref sha256:{digest}")
