"""`secpipe keys backup`, `restore` and `custody`: private keys and where they live."""

from __future__ import annotations

from pathlib import Path

import click

from secpipe.cli.keys.options import dir_option, opened, passphrase_of
from secpipe.cli.options import at_option, clock_of, passphrase_option, write_result
from secpipe.core.errors import ConfigError


@click.command("backup")
@click.argument("file")
@passphrase_option
def backup(file: str, passphrase_file: str | None) -> int:
    """Write all private keys of $SECPIPE_HOME into FILE, an age file under a passphrase of its own."""
    from secpipe.keystore.backup import backup as run
    from secpipe.system import places

    ask = passphrase_of(passphrase_file, question="passphrase for the backup", confirm=True)
    count = run(places.home(), Path(file), ask())
    write_result(f"{count} keys in {file}; each needs its own passphrase too\n", "-")
    return 0


@click.command("restore")
@click.argument("file")
@passphrase_option
def restore(file: str, passphrase_file: str | None) -> int:
    """Put the private keys of a backup into $SECPIPE_HOME."""
    from secpipe.keystore.backup import restore as run
    from secpipe.system import places

    count = run(places.home(), Path(file), passphrase_of(passphrase_file, question="passphrase of the backup")())
    write_result(f"{count} keys in {places.home()}/keys\n", "-")
    return 0


@click.command("custody")
@click.argument("name", metavar="IDENTITY")
@click.option(
    "--classical", metavar="REF", help="env:, exec:, pkcs11: or awskms: of the classical half (docs/custody.md)."
)
@click.option("--pq", metavar="REF", help="env:, exec: or awskms: of the post-quantum half (docs/custody.md).")
@dir_option
@at_option
@passphrase_option
def custody(
    name: str, classical: str | None, pq: str | None, folder: str, at: str | None, passphrase_file: str | None
) -> int:
    """Show where the newest key of IDENTITY lives on this machine, or say where it is to be found."""
    from secpipe.keystore import home as store
    from secpipe.keystore.unlock import open_record
    from secpipe.system import places

    home, found = places.home(), opened(folder, clock_of(at).now())
    identity = found.ring.identity(name)
    if identity is None:
        raise ConfigError(f'the keyring knows no identity "{name}"', hint="secpipe keys list")
    version = identity.versions[-1]
    record = store.read_record(home, version.id)
    given = {"classical": classical, "pq": pq}
    if classical or pq:
        if at:
            raise ConfigError("--at simulates, and this changes $SECPIPE_HOME")
        before = dict(
            zip((half.half.value for half in version.halves), record.custody if record else ("", ""), strict=False)
        )
        references = tuple(given[half.half.value] or before.get(half.half.value, "") for half in version.halves)
        if not all(references):
            raise ConfigError("every half needs a place", hint="--classical REF --pq REF")
        record = store.Record("identity", name, found.anchor, version, references)
        open_record(record, home, passphrase_of(passphrase_file))
        store.prepare(home)
        store.write_record(home, record)
    if record is None:
        raise ConfigError(
            f'version {version.version} of "{name}" is not on this machine', hint="--classical REF --pq REF"
        )
    lines = [f"{half.algorithm}: {place}" for half, place in zip(record.halves, record.custody, strict=True)]
    write_result(f"{name} version {version.version}\n" + "\n".join(lines) + "\n", "-")
    return 0
