"""`secpipe approve`: an owner answers for the use of an AI service; the policy then says so, with a date."""

from __future__ import annotations

from typing import Any

import click

from secpipe.cli.answers import Question, ask, day_after, exception_options
from secpipe.cli.options import clock_of, say
from secpipe.core import times
from secpipe.core.errors import EXIT_PASS, ConfigError


@click.command(short_help="Approve the use of an AI service in a policy.")
@click.option("--provider", "providers", multiple=True, metavar="ID", help="The provider, as the finding names it.")
@click.option("--host", "hosts", multiple=True, metavar="HOST", help="The host, where no provider is known.")
@click.option("--path", "paths", multiple=True, metavar="GLOB", help="Only in these files (default: everywhere).")
@click.option("--reason", metavar="TEXT", help="Why it is approved.")
@exception_options
def approve(
    policy: str,
    providers: tuple[str, ...],
    hosts: tuple[str, ...],
    paths: tuple[str, ...],
    environments: tuple[str, ...],
    owner: str | None,
    reason: str | None,
    expires: str | None,
    ticket: str,
) -> int:
    """Approve an AI service: owner, reason and last day are asked for on a terminal, and never invented.

    The policy file is edited in place, its comments and layout are kept, and its new pin is printed.
    """
    from secpipe.gate.policies import policy_edit

    if not providers and not hosts:
        raise ConfigError("what is approved?", hint="--provider ID, or --host HOST")
    loaded = policy_edit.opened(policy)
    named = ", ".join((*providers, *hosts))
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
    what = [("provider", one) for one in providers] + [("host", one.lower()) for one in hosts]
    data = policy_edit.added(loaded, ("shadow_ai", "allow"), [{key: value} | scope | rest for key, value in what])
    told(f"approved until {day} by {who}: {named}", policy, policy_edit.save(loaded, data))
    return EXIT_PASS


def told(what: str, policy: str, digest: str) -> None:
    """Print what now holds, and the policy's new pin."""
    from secpipe.core.text import printable

    say(printable(what))
    say(f"written into {printable(policy)}; whoever pins it reviews the change and pins it anew:")
    say(f"  --policy-ref sha256:{digest}")
