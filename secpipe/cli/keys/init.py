"""`secpipe keys init`: one person gets a sound default and is asked for a passphrase only."""

from __future__ import annotations

import getpass
import re
from pathlib import Path
from typing import TYPE_CHECKING

import click

from secpipe.cli.keys.options import dir_option, passphrase_of
from secpipe.cli.options import passphrase_option, tell, write_result
from secpipe.core.errors import ConfigError

if TYPE_CHECKING:
    from secpipe.core.trust import Authority

ROOT_DAYS = 3652  # ten years: the root is offline, the keyring's own expiry is what keeps trust fresh


@click.command("init")
@dir_option
@click.option("--period", metavar="DURATION", default="P90D", show_default=True, help="How often keys rotate.")
@click.option(
    "--profile", type=click.Choice(["default", "cnsa2"]), default="default", show_default=True, help="The algorithms."
)
@click.option("--holder", metavar="NAME", help="Your name in the trust root (default: your login name).")
@click.option(
    "--identity", "names", multiple=True, metavar="NAME", help="Make this identity instead of the default ones."
)
@click.option("--purpose", "purposes", multiple=True, metavar="PURPOSE", help="What --identity may sign.")
@passphrase_option
def init(
    folder: str,
    period: str,
    profile: str,
    holder: str | None,
    names: tuple[str, ...],
    purposes: tuple[str, ...],
    passphrase_file: str | None,
) -> int:
    """Make a trust root, a keyring and your keys. Public halves go to FOLDER, private ones to $SECPIPE_HOME."""
    from dataclasses import replace

    from secpipe.cli.logged import logged_ring
    from secpipe.cli.next_step import after_keys
    from secpipe.keys.schedule import check_schedule, parse_duration, parse_schedule
    from secpipe.keys.schemes.scheme import PAIRS
    from secpipe.keys.tufkey import ROOT_PAIRS
    from secpipe.keystore.create import Plan, create
    from secpipe.system import files, places
    from secpipe.system.clock import SystemClock

    target, home = Path(folder), places.home()
    template = files.read_bytes(places.shipped() / "schedules" / "rotation.toml", 1 << 20)
    schedule = replace(parse_schedule(template, "rotation.toml"), period=parse_duration(period))
    check_schedule(schedule, "--period")
    plan = Plan(
        holder=_holder(holder),
        identities=_identities(names, purposes),
        root_pair=ROOT_PAIRS[profile],
        pair=PAIRS[profile],
        period=schedule.period,
        overlap=schedule.overlap,
        root_days=ROOT_DAYS,
        ring_days=schedule.ring_validity.days,
    )
    passphrase = passphrase_of(passphrase_file, question="passphrase for the new keys", confirm=True)()
    anchor = create(target, home, plan, passphrase, SystemClock().now(), tell)
    rotation = target / "rotation.toml"
    if not rotation.exists():
        files.write_atomic(rotation, template.replace(b'period = "P90D"', f'period = "{period}"'.encode(), 1))
    lines = [
        f"trust root and keyring in {folder}/: commit it",
        f"private keys in {home}/keys: back them up with secpipe keys backup FILE",
        f"identities: {', '.join(plan.identities)}",
        f"pin: sha256:{anchor}",
    ]
    logged_ring("ceremony", folder, signed_by=plan.holder)
    write_result("\n".join(lines) + "\n", "-")
    after_keys(folder).show()
    return 0


def _holder(given: str | None) -> str:
    from secpipe.keys.wire import NAME

    try:
        name = given or re.sub(r"[^a-z0-9-]+", "-", getpass.getuser().lower()).strip("-") or "holder"
    except (OSError, KeyError):
        name = "holder"
    if not NAME.match(name):
        raise ConfigError(f'"{name}" is not a name', hint="lower-case letters, digits and hyphens")
    return name


def _identities(names: tuple[str, ...], purposes: tuple[str, ...]) -> dict[str, Authority]:
    import tomllib

    from secpipe.core.trust import Authority
    from secpipe.keys.wire import NAME
    from secpipe.system import files, places

    text = files.read_bytes(places.shipped() / "schedules" / "identities.toml", 1 << 20).decode()
    known = {item["name"]: tuple(item["purposes"]) for item in tomllib.loads(text)["identity"]}
    if purposes and len(names) != 1:
        raise ConfigError("--purpose goes with exactly one --identity")
    for name in names:
        if not NAME.match(name):
            raise ConfigError(f'"{name}" is not a name', hint="lower-case letters, digits and hyphens")
    chosen = {name: purposes or known.get(name) or known["builder"] for name in names} if names else known
    return {name: Authority(allowed) for name, allowed in chosen.items()}
