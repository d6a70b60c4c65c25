"""Options that the `verdict` commands share, and the pinned rules that they name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from secpipe.core.errors import InputError, TrustError

if TYPE_CHECKING:
    from secpipe.core.trust import Trust
    from secpipe.gate.origin import Rules
    from secpipe.gate.policies.policy import Policy
    from secpipe.gate.request import Request


def rules_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """`--policy`, `--policy-ref`, `--trust`, `--trust-pin`: what `secpipe check` takes, pinned in the same way."""
    for option in reversed(
        (
            click.option("--policy", default="", metavar="FILE", help="Policy file, or builtin:NAME."),
            click.option("--policy-ref", default="", metavar="PIN", help="sha256:HEX the policy must have."),
            click.option(
                "--trust", type=click.Path(path_type=Path), metavar="FOLDER", help="Trust root (default keys)."
            ),
            click.option("--trust-pin", default="", metavar="PIN", help="sha256:HEX of a root in its chain."),
        )
    ):
        function = option(function)
    return function


@dataclass(frozen=True, slots=True)
class Pinned:
    """Trust that verified, the policy resolved for one environment, and why nothing may rest on them.

    `doubt` says what is not pinned, or that the clock was set back; "" where all is well.
    """

    rules: Rules
    trust: Trust
    policy: Policy
    doubt: str


def pinned(options: dict[str, Any], environment: str, now: datetime, *, simulated: bool = False) -> Pinned:
    """Return the rules that the options name; nothing is ever taken from the release itself.

    Raises ConfigError for a broken policy, TrustError for trust that does not hold, InputError where there is none.
    """
    from secpipe.core.evidence import State
    from secpipe.gate.origin import gather_rules

    request = request_of(options, environment, now, simulated=simulated)
    rules = gather_rules(request)
    if rules.trust is None:
        kind = TrustError if rules.trust_evidence.state is State.FAILED else InputError
        raise kind(rules.trust_evidence.reason, hint="--trust FOLDER with root/ and ring/ in it")
    return Pinned(rules, rules.trust, rules.resolve(request), rules.anchor.clock or rules.self_judged())


def request_of(options: dict[str, Any], environment: str, now: datetime, *, simulated: bool = False) -> Request:
    """Return the request for these rules; its path is the trust folder, where no policy of a release can stand.

    A digest without a policy pins what the verdict was judged by and nothing here; a reference that names the policy
    itself is looked up from the working folder.
    """
    from secpipe.gate.request import DEFAULT_POLICY, Request

    trust, named = options["trust"] or Path("keys"), names_policy(options)
    return Request(
        path=trust if options["policy"] or not named else Path(),
        now=now,
        environment=environment,
        policy=options["policy"] or ("" if named else DEFAULT_POLICY),
        policy_ref=options["policy_ref"] if named else "",
        trust=trust,
        trust_pin=options["trust_pin"],
        waivers=options.get("waivers"),
        waivers_ref=options.get("waivers_ref", ""),
        memory="none" if simulated else "read",
    )


def names_policy(options: dict[str, Any]) -> bool:
    """Whether the options name a policy, and not only the digest of one (`sha256:HEX` or HEX) or nothing."""
    return bool(options["policy"]) or ":" in options["policy_ref"].removeprefix("sha256:")
