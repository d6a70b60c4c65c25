"""`secpipe keys revoke`, `reinstate`, `renew`, `time-authority`: what else only the root's people do."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from secpipe.cli.keys.options import dir_option
from secpipe.cli.keys.quorum import carry_out
from secpipe.cli.keys.rotate import schedule_of
from secpipe.cli.options import passphrase_option, tell
from secpipe.core.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from secpipe.core.trust import Identity
    from secpipe.keystore.quorum import TrustChange
    from secpipe.keystore.trusted import Opened


@click.command("revoke")
@click.argument("name", metavar="IDENTITY")
@click.option(
    "--compromised-since", "since", required=True, metavar="TIME", help="From when on nothing it signed counts."
)
@click.option("--reason", required=True, metavar="TEXT", help="Stands in the keyring, for those who ask later.")
@click.option("--version", "number", type=int, help="Only this key version (default: all).")
@click.option("--no-replacement", is_flag=True, help="Make no new key for it.")
@dir_option
@passphrase_option
def revoke(
    name: str,
    since: str,
    reason: str,
    number: int | None,
    no_replacement: bool,
    folder: str,
    passphrase_file: str | None,
) -> int:
    """Declare keys of IDENTITY compromised since a time, and give it a new key."""
    from secpipe.keystore.quorum import revoked
    from secpipe.system.clock import parse_time

    instant, schedule = parse_time(since), schedule_of(folder)
    return carry_out(
        folder,
        passphrase_file,
        lambda found, home, ask, now: revoked(
            found, home, name, number, instant, reason[:500], schedule, None if no_replacement else ask, now
        ),
        kind="revocation",
    )


@click.command("reinstate")
@click.argument("name", metavar="IDENTITY")
@dir_option
@passphrase_option
def reinstate(name: str, folder: str, passphrase_file: str | None) -> int:
    """Take back the suspension of IDENTITY."""
    from secpipe.keystore.quorum import reinstated

    return carry_out(folder, passphrase_file, lambda found, home, ask, now: reinstated(found, name))


@click.command("time-authority")
@click.argument("name")
@click.argument("certificate", required=False)
@click.option("--remove", is_flag=True, help="Trust its time stamps no more.")
@dir_option
@passphrase_option
def time_authority(name: str, certificate: str | None, remove: bool, folder: str, passphrase_file: str | None) -> int:
    """Let the root trust the time stamps of an RFC 3161 authority: its root CERTIFICATE in PEM.

    A signing certificate in the same file narrows that to stamps by this very certificate.
    """
    from secpipe.keys.wire import NAME
    from secpipe.keystore.quorum import with_time_authority
    from secpipe.sign.timestamps import check_pin
    from secpipe.system import files
    from secpipe.system.clock import SystemClock

    if not NAME.match(name) or bool(certificate) == remove:
        raise ConfigError(
            "give a name and a certificate, or a name and --remove", hint="keys time-authority acme tsa.pem"
        )
    pem = files.read_bytes(certificate, 1 << 20).decode("ascii", "replace") if certificate else None
    if pem is not None:
        tell(f"note: stamps count until {check_pin(pem.encode(), SystemClock().now()):%Y-%m-%d}, then pin the next one")
    return carry_out(folder, passphrase_file, lambda found, home, ask, now: with_time_authority(found, name, pem))


@click.command("renew")
@click.option("--root", is_flag=True, help="Also make a new root version with a new expiry.")
@click.option(
    "--rotation-key", is_flag=True, help="Make a new rotation key on this machine; the old one is worthless then."
)
@click.option(
    "--rotation-key-of", "own", metavar="IDENTITY", help="Make a rotation key of its own for IDENTITY, on this machine."
)
@click.option("--adopt-schedule", is_flag=True, help="Let automation do what FOLDER/rotation.toml asks for.")
@click.option("--new-epoch", is_flag=True, help="Set a thief's rotations aside: a new rotation key, numbers anew.")
@dir_option
@passphrase_option
def renew(
    root: bool,
    rotation_key: bool,
    own: str | None,
    adopt_schedule: bool,
    new_epoch: bool,
    folder: str,
    passphrase_file: str | None,
) -> int:
    """Sign the present keyring again, so that it stays fresh: after a long pause, or before it expires."""
    from secpipe.keystore.quorum import renewed, with_rotation_key

    if own:
        if root or rotation_key or adopt_schedule or new_epoch:
            raise ConfigError("--rotation-key-of goes alone", hint="run secpipe keys renew again afterwards")
        return _own_rotation_key(own, folder, passphrase_file)
    if new_epoch:
        if root or adopt_schedule:
            raise ConfigError("--new-epoch goes alone", hint="run secpipe keys renew again afterwards")
        return _new_epoch(folder, passphrase_file)
    schedule = schedule_of(folder) if adopt_schedule else None
    for stage in schedule.stages if schedule else ():
        if stage.withheld:
            tell(f"note: {stage.withheld}")

    def make(found: Opened, home: Path, ask: Callable[[], bytes], now: datetime) -> TrustChange:
        change = renewed(found, root=root, schedule=schedule)
        return with_rotation_key(found, change, home, ask, now) if rotation_key else change

    return carry_out(folder, passphrase_file, make)


def _own_rotation_key(name: str, folder: str, passphrase_file: str | None) -> int:
    from secpipe.keystore.quorum import with_own_rotation_key

    return carry_out(
        folder, passphrase_file, lambda found, home, ask, now: with_own_rotation_key(found, home, name, ask, now)
    )


def _new_epoch(folder: str, passphrase_file: str | None) -> int:
    from secpipe.keystore import quorum

    kept: list[tuple[Identity, ...]] = []

    def start(target: Path, home: Path, now: datetime) -> Opened:
        found, identities, left_out = quorum.begin_epoch(target, home, now)
        kept.append(identities)
        for line in left_out:
            tell(line)
        return found

    def make(found: Opened, home: Path, ask: Callable[[], bytes], now: datetime) -> TrustChange:
        return quorum.with_rotation_key(found, quorum.new_epoch(found, kept[0]), home, ask, now)

    return carry_out(folder, passphrase_file, make, start=start)


@click.command("replace")
@click.argument("name", metavar="IDENTITY")
@dir_option
@passphrase_option
def replace(name: str, folder: str, passphrase_file: str | None) -> int:
    """Give IDENTITY its next key without the last one: that, or its passphrase, is lost but not stolen."""
    from secpipe.keystore.quorum import replaced

    schedule = schedule_of(folder)
    return carry_out(
        folder, passphrase_file, lambda found, home, ask, now: replaced(found, home, name, schedule, ask, now)
    )
