"""`secpipe keys due`, `rotate`, `suspend` and `simulate`: what a scheduler runs, and what it would do."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from secpipe.cli.keys.options import dir_option, opened, passphrase_of, write_text_or_json
from secpipe.cli.keys.stamps import artifacts_options, lapsing, told
from secpipe.cli.logged import logged_ring
from secpipe.cli.options import at_option, clock_of, passphrase_option, plain_format, write_result
from secpipe.core import times
from secpipe.core.errors import EXIT_DENY, EXIT_PASS, EXIT_UNDECIDED, ConfigError

if TYPE_CHECKING:
    from datetime import datetime

    from secpipe.keys.plan import Plan
    from secpipe.keys.schedule import Schedule
    from secpipe.keystore.trusted import Opened


def schedule_of(folder: str) -> Schedule:
    """Return `rotation.toml` of the trust folder, or the shipped default."""
    from secpipe.keys.schedule import parse_schedule
    from secpipe.system import files, places

    own = Path(folder) / "rotation.toml"
    path = own if own.is_file() else places.shipped() / "schedules" / "rotation.toml"
    return parse_schedule(files.read_bytes(path, 1 << 20, follow=False), str(path))


def _plan(found: Opened, schedule: Schedule, now: datetime, force: tuple[str, ...] = ()) -> Plan:
    from secpipe.keys.plan import plan_ring
    from secpipe.keystore.foresight import with_obstacles
    from secpipe.system import places

    return with_obstacles(plan_ring(found.ring, schedule, now, force), found, places.home())


def _statement_due(found: Opened, schedule: Schedule, now: datetime) -> bool:
    from secpipe.keystore.snapshot import snapshot_due

    span = schedule.snapshot
    return span is not None and snapshot_due(found.trust.freshness, found.ring, span, now)


def _document(plan: Plan, schedule: Schedule, *, changed: bool, simulated: bool, ring: int) -> dict[str, Any]:
    return {
        "schema": "secpipe.rotation-plan/1",
        "at": times.rfc3339(plan.now),
        "simulated": simulated,
        "changed": changed,
        "ring": ring,
        "due": [
            {
                "identity": step.identity,
                "version": step.version,
                "algorithms": list(step.algorithms),
                "why": step.why,
                "not_before": times.rfc3339(step.not_before),
                "sign_until": times.rfc3339(step.sign_until),
                "blocked": step.blocked,
            }
            for step in plan.steps
        ],
        "withheld": [stage.withheld for stage in schedule.stages if stage.withheld],
        "next_due": times.rfc3339(plan.next_due) if plan.next_due else None,
    }


def _write(document: dict[str, Any], form: str, output: str, done: str) -> None:
    text = [f"SIMULATED at {document['at']}"] if document["simulated"] else []
    for step in document["due"]:
        what = f"{step['identity']} version {step['version']} ({'+'.join(step['algorithms'])}, {step['why']})"
        text.append(
            f"blocked: {what}: {step['blocked']}" if step["blocked"] else f"{done}: {what} from {step['not_before']}"
        )
    if not document["due"]:
        text.append("nothing is due")
    if document.get("snapshot_due"):
        text.append("due: the statement that this keyring is the newest")
    text += [f"withheld: {why}" for why in document["withheld"]]
    due = {step["identity"] for step in document["due"]}
    obstacles = document.get("obstacles", {})
    text += [f"will not rotate here: {name}: {why}" for name, why in obstacles.items() if name not in due]
    text += document.pop("lines", [])
    if document["next_due"]:
        text.append(f"next: {document['next_due']}")
    write_text_or_json(document, text, form, output)


@click.command("due")
@dir_option
@artifacts_options
@at_option
@plain_format
def due(folder: str, artifacts: tuple[str, ...], policy: str, at: str | None, form: str, output: str) -> int:
    """Say what is due; exit 1 where something is. Needs no private key."""
    from secpipe.keystore.foresight import obstacles
    from secpipe.system import places

    now = clock_of(at).now()
    found = opened(folder, now)
    schedule = schedule_of(folder)
    plan = _plan(found, schedule, now)
    document = _document(plan, schedule, changed=False, simulated=bool(at), ring=found.ring.version)
    document["obstacles"] = obstacles(found, places.home())
    stated = _statement_due(found, schedule, now)
    document["snapshot_due"] = stated
    old = lapsing(artifacts, policy, found.trust, now)
    document["lapsing"] = [{"at": times.rfc3339(one.at), "path": one.path, "digest": one.digest} for one in old]
    document["lines"] = [f"{when:%Y-%m-%d}: {line}" for when, line in told(old)]
    _write(document, form, output, "due")
    return (
        EXIT_DENY
        if plan.steps or stated or any(one.at <= now for one in old) or schedule.withheld_at(now)
        else EXIT_PASS
    )


@click.command("rotate")
@click.argument("names", nargs=-1, metavar="[IDENTITY]...")
@dir_option
@click.option("--if-due", is_flag=True, help="Rotate what the schedule says; do nothing otherwise. For schedulers.")
@click.option("--profile", metavar="NAME", help="With IDENTITY: use the algorithms of this profile (cnsa2, ...).")
@click.option("--dry-run", is_flag=True, help="Only say what would happen.")
@at_option
@plain_format
@passphrase_option
def rotate(
    names: tuple[str, ...],
    folder: str,
    if_due: bool,
    profile: str | None,
    dry_run: bool,
    at: str | None,
    form: str,
    output: str,
    passphrase_file: str | None,
) -> int:
    """Make the next key version of what is due (--if-due) or of IDENTITY now; exit 3 where some could not be made."""
    from secpipe.keystore.commit import rotate as commit
    from secpipe.system import places

    if at and not dry_run:
        raise ConfigError("--at simulates, and a rotation is real", hint="--dry-run --at TIME")
    if bool(names) == if_due:
        raise ConfigError("say --if-due, or name identities to rotate now", hint="secpipe keys rotate --if-due")
    clock, schedule = clock_of(at), schedule_of(folder)
    if profile:
        schedule = _with_profile(schedule, profile, if_due, clock.now())
    if dry_run:
        now = clock.now()
        found = opened(folder, now)
        plan = _plan(found, schedule, now, names)
        _write(
            _document(plan, schedule, changed=False, simulated=bool(at), ring=found.ring.version), form, output,
            "would rotate",
        )  # fmt: skip
        return EXIT_PASS
    outcome = commit(Path(folder), places.home(), schedule, passphrase_of(passphrase_file), clock.now, names)
    if outcome.made:
        logged_ring("rotation", folder)
    document = _document(outcome.plan, schedule, changed=bool(outcome.made), simulated=False, ring=outcome.ring_version)
    _write(document, form, output, "rotated")
    if any(step.blocked for step in outcome.plan.steps):
        return EXIT_UNDECIDED
    return EXIT_DENY if schedule.withheld_at(outcome.plan.now) else EXIT_PASS


def _with_profile(schedule: Schedule, profile: str, if_due: bool, now: datetime) -> Schedule:
    """Return the schedule with the algorithms of `profile` only; raises ConfigError."""
    from dataclasses import replace

    from secpipe.keys.schedule import Stage
    from secpipe.keys.schemes.scheme import PAIRS

    if profile not in PAIRS or if_due:
        hint = f"known: {', '.join(PAIRS)}; a schedule lists its algorithms in rotation.toml"
        raise ConfigError("--profile goes with the names of identities and names a profile", hint=hint)
    return replace(schedule, stages=(Stage(PAIRS[profile], now, now),))


@click.command("suspend")
@click.argument("name", metavar="IDENTITY")
@dir_option
@passphrase_option
def suspend(name: str, folder: str, passphrase_file: str | None) -> int:
    """Take the signing keys of IDENTITY out of use now; only the root's people bring them back (keys reinstate)."""
    from secpipe.keystore.commit import suspend as commit
    from secpipe.system import places
    from secpipe.system.clock import SystemClock

    ask = passphrase_of(passphrase_file)
    version = commit(Path(folder), places.home(), schedule_of(folder), ask, SystemClock().now(), name)
    logged_ring("revocation", folder, suspended=name)
    write_result(f"suspended {name} in ring {version}; publish {folder}/ to every verifier\n", "-")
    return EXIT_PASS


@click.command("snapshot")
@click.option(
    "--valid", default="", metavar="SPAN", help="How long it holds (default: snapshot in rotation.toml, or P7D)."
)
@dir_option
@passphrase_option
def snapshot(valid: str, folder: str, passphrase_file: str | None) -> int:
    """State, signed by the rotation key, that the keyring is the newest: for verifiers that ask --max-ring-age.

    A scheduler makes it in time by itself where rotation.toml says `snapshot = "P7D"`.
    """
    from datetime import timedelta

    from secpipe.keys.schedule import parse_duration
    from secpipe.keystore.commit import state_newest
    from secpipe.system import places
    from secpipe.system.clock import SystemClock

    span = parse_duration(valid) if valid else schedule_of(folder).snapshot or timedelta(days=7)
    ask = passphrase_of(passphrase_file)
    found = state_newest(Path(folder), places.home(), ask, span, SystemClock().now())
    until = found.trust.freshness.expires or found.trust.ring_expires
    write_result(f"ring {found.ring.version} is the newest; stated until {times.rfc3339(until)}\n", "-")
    return EXIT_PASS


@click.command("merge")
@click.option(
    "--keep", metavar="DIGEST", default="", help="The rotation that stays (default: what this machine knows)."
)
@dir_option
def merge(keep: str, folder: str) -> int:
    """Settle two rotations of one ring, made on two branches: one stays, the other is made again."""
    from secpipe.keystore.commit import locked
    from secpipe.keystore.merge import merge as run
    from secpipe.keystore.trusted import anchor_of
    from secpipe.system import places

    home = places.home()
    with locked(home, anchor_of(Path(folder))):
        done = run(Path(folder), home, keep)
    if done is None:
        write_result("there is no rotation to settle\n", "-")
        return EXIT_PASS
    logged_ring("rotation", folder, merged="yes")
    lines = [f"kept ring {done.ring.version}, sha256:{done.ring.newest.digest}; commit {folder}/"]
    lines += [f"next: secpipe keys suspend {name}" for name in done.suspend]
    lines += [f"next: secpipe keys rotate --if-due  (for {', '.join(done.rotate)})"] if done.rotate else []
    write_result("\n".join(lines) + "\n", "-")
    return EXIT_PASS
