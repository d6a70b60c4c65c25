"""`secpipe verdict sign`: for a signing job apart from the judging job; it computes what it signs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from secpipe.cli.options import passphrase_option
from secpipe.cli.verdict.options import named, rules_options
from secpipe.core.errors import ConfigError


@click.command(short_help="Judge kept evidence again and sign the verdict.")
@click.argument("place", metavar="ENTRY", type=click.Path(path_type=Path))
@click.option("--key", "identity", required=True, metavar="IDENTITY", help="Sign as this identity of the ring.")
@click.option(
    "--evidence", required=True, metavar="sha256:HEX", help="The evidence's digest, from the job that judged."
)
@rules_options
@click.option("--waivers", type=click.Path(path_type=Path), metavar="FILE", help="Waivers that the policy is to take.")
@click.option("--waivers-ref", default="", metavar="PIN", help="sha256:HEX they must have, if nobody signed them.")
@click.option("--verifier-id", default="", metavar="URI", help="Who verified; ends in the identity's name.")
@click.option("--tsa", metavar="URL", help="Ask this RFC 3161 authority for a timestamp over each signature.")
@passphrase_option
def sign(
    place: Path,
    identity: str,
    evidence: str,
    verifier_id: str,
    tsa: str | None,
    passphrase_file: str | None,
    **options: Any,
) -> int:
    """Judge the evidence kept in ENTRY again, by the pinned policy, and sign what that gives.

    `secpipe check --store FOLDER` prints ENTRY and the evidence's digest. Nothing else in ENTRY is believed: a stored
    verdict that is not what evidence, policy and trust give is refused.
    """
    from secpipe.cli.check.store import Seal, sign_into, signer
    from secpipe.gate.storing import rederive
    from secpipe.gate.verdicts.store import entry_at
    from secpipe.system.clock import SystemClock

    digest = evidence.removeprefix("sha256:").lower()
    if len(digest) != 64 or not options["policy"]:
        raise ConfigError(
            "what is signed is computed from evidence and policy, both named from outside",
            hint="--evidence sha256:HEX --policy FILE --policy-ref PIN",
        )
    now = SystemClock().now()
    entry = entry_at(place)
    outcome, kept = rederive(entry, digest, named(options).request(entry.environment, now))
    if outcome.rules.trust is None:
        raise ConfigError("there is no trust root to sign under", hint="--trust FOLDER")
    who = signer(outcome.rules.trust, identity)
    sign_into(entry.folder, outcome, kept, who, Seal(verifier_id, passphrase_file, tsa), now)
    return 0
