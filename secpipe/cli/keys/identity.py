"""`secpipe keys add-identity` and `set-authority`: who may sign what, decided by the root's people."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from secpipe.cli.keys.options import dir_option, passphrase_of
from secpipe.cli.keys.quorum import carry_out
from secpipe.cli.keys.rotate import schedule_of
from secpipe.cli.options import passphrase_option
from secpipe.core.errors import ConfigError, InputError
from secpipe.core.text import printable

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from secpipe.keystore.quorum import TrustChange
    from secpipe.keystore.trusted import Opened

_SCOPE = (
    click.option("--purpose", "purposes", multiple=True, required=True, metavar="PURPOSE", help="What it may sign."),
    click.option("--namespace", "namespaces", multiple=True, default=("*",), metavar="GLOB", help="Names of subjects."),
    click.option(
        "--env", "environments", multiple=True, default=("*",), metavar="GLOB", help="Only for these environments."
    ),
)


@click.command("add-identity")
@click.argument("name")
@_SCOPE[0]
@_SCOPE[1]
@_SCOPE[2]
@click.option("--holder", default="", help="Who holds the key (default: the first holder of the root).")
@click.option("--algorithm", "algorithms", multiple=True, help="Halves of its key (default: as the other identities).")
@click.option("--classical", metavar="REF", help="Make it there: pkcs11:module=...;token=... or awskms:alias=NAME")
@click.option("--pq", metavar="REF", help="Make the post-quantum half there: awskms:alias=NAME")
@click.option(
    "--import-passphrase-file", metavar="FILE", help="What opens the imported keys (default: asked, or as the others)."
)
@click.option("--import", "paths", multiple=True, metavar="FILE", help="Bring a key along: PEM, or cosign's own.")
@dir_option
@passphrase_option
def add_identity(
    name: str,
    purposes: tuple[str, ...],
    namespaces: tuple[str, ...],
    environments: tuple[str, ...],
    holder: str,
    algorithms: tuple[str, ...],
    classical: str | None,
    pq: str | None,
    paths: tuple[str, ...],
    import_passphrase_file: str | None,
    folder: str,
    passphrase_file: str | None,
) -> int:
    """Make an identity with its first key on this machine and ask the root's people to let it sign."""
    from secpipe.core.trust import Authority, HalfClass, Identity
    from secpipe.keys.schemes.scheme import PAIRS, get
    from secpipe.keys.wire import NAME
    from secpipe.keystore.quorum import Origin, with_identity

    if not NAME.match(name):
        raise ConfigError("an identity's name is lower-case letters, digits and hyphens")

    def make(found: Opened, home: Path, ask: Callable[[], bytes], now: datetime) -> TrustChange:
        imported = tuple(_bring(path, import_passphrase_file or passphrase_file) for path in paths)
        others = [[half.algorithm for half in item.versions[-1].halves] for item in found.ring.identities]
        halves = list(algorithms) or (others[0] if others else list(PAIRS["default"]))
        for one in imported:  # what is brought along takes the place of the half of its class
            halves = [one.algorithm if get(name).half == get(one.algorithm).half else name for name in halves]
        places = {HalfClass.CLASSICAL: classical, HalfClass.PQ: pq}
        origin = Origin({half: place for half, place in places.items() if place}, imported)
        blank = Identity(name, Authority(purposes, namespaces, environments), (), holder or found.root.quorum.names[0])
        return with_identity(found, home, blank, halves, schedule_of(folder), ask, now, origin)

    return carry_out(folder, passphrase_file, make)


def _bring(path: str, reference: str | None) -> Any:
    """Read a key that others made; its passphrase is its own, and asked for apart from that of the home."""
    from secpipe.keystore.importing import import_key
    from secpipe.system import files, secrets

    secrets.check_private(path)
    ask = passphrase_of(reference, question=f"passphrase of {printable(path, 80)}")
    try:
        return import_key(files.read_bytes(path, 1 << 20), ask)
    except InputError as error:
        hint = error.hint or "--import-passphrase-file FILE, if it has a passphrase of its own"
        raise InputError(error.message, hint=hint) from None


@click.command("set-authority")
@click.argument("name", metavar="IDENTITY")
@_SCOPE[0]
@_SCOPE[1]
@_SCOPE[2]
@dir_option
@passphrase_option
def set_authority(
    name: str,
    purposes: tuple[str, ...],
    namespaces: tuple[str, ...],
    environments: tuple[str, ...],
    folder: str,
    passphrase_file: str | None,
) -> int:
    """Change what IDENTITY may sign."""
    from secpipe.core.trust import Authority
    from secpipe.keystore.quorum import with_authority

    authority = Authority(purposes, namespaces, environments)
    return carry_out(folder, passphrase_file, lambda found, home, ask, now: with_authority(found, name, authority))
