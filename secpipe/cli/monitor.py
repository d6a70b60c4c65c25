"""`secpipe monitor`: what is already out, judged again by what is known today."""

from __future__ import annotations

from pathlib import Path

import click

from secpipe.cli.options import at_option, clock_of, emit, output_options
from secpipe.core.errors import ConfigError


@click.command(
    epilog="""\b
Examples:
  secpipe monitor --store verdicts --env prod
  secpipe monitor --store verdicts --trust keys --trust-pin sha256:... -f json -o monitor.json
  secpipe monitor --store verdicts --at 2027-01-01"""
)
@click.option("--store", required=True, type=click.Path(path_type=Path), metavar="FOLDER", help="Verdict store.")
@click.option("--env", "environment", default="", metavar="NAME", help="Only what is out in this environment.")
@click.option(
    "--all", "everything", is_flag=True, help="Every release that ever passed, not only the newest of a name."
)
@click.option("--policy", default="", metavar="FILE", help="Judge by this policy (default: each release by its own).")
@click.option("--policy-ref", default="", metavar="PIN", help="sha256:HEX the policy must have.")
@click.option(
    "--trust", type=click.Path(path_type=Path), metavar="FOLDER", help="Today's trust root: who may still sign."
)
@click.option("--trust-pin", default="", metavar="PIN", help="sha256:HEX of a root in its chain.")
@click.option("--advisories", type=click.Path(path_type=Path), metavar="PATH", help="OSV folder, zip or store to use.")
@click.option(
    "--signals", "heard", type=click.Path(path_type=Path, exists=True, file_okay=False), metavar="FOLDER",
    help="Signed words from production (canary, drift): needs --trust.",
)  # fmt: skip
@at_option
@output_options()
def monitor(
    store: Path,
    environment: str,
    everything: bool,
    policy: str,
    policy_ref: str,
    trust: Path | None,
    trust_pin: str,
    advisories: Path | None,
    heard: Path | None,
    at: str | None,
    formats: tuple[str, ...],
    output: str | None,
) -> int:
    """Judge again, as of now, what verdicts in a store let out: by today's advisories, key ring and expiries.

    Of each subject and environment the newest verdict that let it out counts as deployed; with --trust only a verdict
    whose signature holds. A release that would no
    longer pass is listed with the reasons, since when, and the newest older release that still passes: the rollback
    target. A signal that failed, or whose figures the policy does not allow, withdraws the verdict on what it names.
    Ends with 1 where something deployed is affected, 3 where something could not be judged, otherwise 0.
    """
    from secpipe.gate.after import monitor as room
    from secpipe.gate.after import signals, today
    from secpipe.gate.after.monitor_document import Frame, document
    from secpipe.gate.after.vouched import Vouched
    from secpipe.gate.origin import pinned_policy

    if policy_ref and not policy:
        raise ConfigError("--policy-ref pins a policy file, and none was given", hint="--policy FILE --policy-ref PIN")
    loaded, pinned = pinned_policy(policy, policy_ref) if policy else (None, False)
    now = clock_of(at).now()
    known = today.gather(advisories, trust, trust_pin, now, recall=at is None)
    if heard is not None and known.trust is None:
        raise ConfigError("a signal counts by its signature, and there is no trust root", hint="--trust FOLDER")
    voucher = Vouched(known.trust, now) if known.trust else None
    said = signals.gather(heard, known.trust, now) if heard is not None and known.trust else signals.Signals()
    survey = room.survey(
        store, known, now, policy=loaded, environment=environment, everything=everything, voucher=voucher,
        signals=said,
    )  # fmt: skip
    options = {"--policy": policy, "--policy-ref": policy_ref, "--trust": trust, "--trust-pin": trust_pin}
    frame = Frame(
        now,
        at is not None,
        str(store),
        environment,
        known,
        loaded,
        pinned,
        tuple(str(word) for name, value in options.items() if value for word in (name, value)),
        everything,
    )
    result = document(survey, frame)
    emit(result, formats, output)
    return int(result["exit_code"])
