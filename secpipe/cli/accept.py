"""`secpipe accept`: an owner answers for what was not read; the policy then says so, with a bound and a date."""

from __future__ import annotations

import hashlib
from typing import Any

import click

from secpipe.cli.answers import answered, exception_options, glob_option
from secpipe.cli.approve import told
from secpipe.cli.logged import log_folder, logged
from secpipe.cli.options import clock_of
from secpipe.core.errors import EXIT_PASS, ConfigError


@click.command(short_help="Accept that something is not read, with an owner and a date.")
@click.option(
    "--check", "checks", multiple=True, required=True, metavar="CHECK", help="The check that did not read it."
)
@click.option("--kind", required=True, metavar="TEXT", help="Why it was not read, as check says; * is any text.")
@glob_option("Which files.")
@click.option("--digest", "digests", multiple=True, metavar="SHA256", help="Their content: other content asks again.")
@click.option("--most", type=int, metavar="N", help="Without --digest: how many they are; more ask again.")
@click.option("--bytes", "size", type=int, metavar="N", help="Without --digest: how many bytes they hold.")
@click.option("--approved-by", metavar="WHO", help="Who approved it: another person than its owner.")
@click.option("--reason", metavar="TEXT", help="Why the release can do without.")
@exception_options
def accept(
    policy: str,
    checks: tuple[str, ...],
    kind: str,
    paths: tuple[str, ...],
    digests: tuple[str, ...],
    most: int | None,
    size: int | None,
    environments: tuple[str, ...],
    owner: str | None,
    approved_by: str | None,
    reason: str | None,
    expires: str | None,
    ticket: str,
) -> int:
    """Accept that something is not read: owner, reason and last day are asked for on a terminal, and never invented.

    It settles what check calls "not looked at", nothing else: no finding, no signature that does not hold. What is
    accepted is bound to its content (--digest), or to a number of files and bytes: other content, or more of it, asks
    again. The policy file is edited in place, its comments and layout are kept, and its new pin is printed.
    """
    from secpipe.gate.policies import policy_edit
    from secpipe.gate.policies.policy import INCOMPLETE
    from secpipe.gate.policies.waivers import never

    if not digests and (most is None or size is None):
        raise ConfigError("how much is accepted?", hint="--digest SHA256, or --path GLOB --most N --bytes N")
    loaded = policy_edit.opened(policy)
    now = clock_of(None).now()
    policies = [loaded.resolve(name) for name in environments or ("prod", *loaded.environments)]
    if any(never(INCOMPLETE, one.waivers) for one in policies):
        raise ConfigError("the policy accepts nothing that is not read", hint=f"[waivers] never names {INCOMPLETE}")
    lists = {"checks": checks, "paths": paths, "digests": digests, "env": environments}
    scope: dict[str, Any] = {"checks": list(checks), "kind": kind}
    scope |= {name: list(value) for name, value in lists.items() if value}
    scope |= {} if digests else {"most": most, "bytes": size}
    who = answered(
        policies, now, "why can the release do without", what="an acceptance", owner=owner, approved_by=approved_by,
        reason=reason, expires=expires, ticket=ticket,
    )  # fmt: skip
    entry = scope | {"accepted": now.date()} | who
    data = policy_edit.added(loaded, ("ledger", "accept"), [entry])
    what = f"accepted until {who['expires']} by {who['owner']}: {kind}"
    logged(log_folder(), "acceptance", hashlib.sha256(data).hexdigest(), now, owner=str(who["owner"])[:200])
    told(what, policy, policy_edit.save(loaded, data))
    return EXIT_PASS
