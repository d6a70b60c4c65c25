"""What the `log` commands share: whose keys count, unlocking them, and what a file is logged as."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from secpipe.core.errors import ConfigError

if TYPE_CHECKING:
    from datetime import datetime

    from secpipe.core.trust import PublicHalf
    from secpipe.log.checkpoint import Checkpoint, NoteSigner
    from secpipe.log.note import VerifierKey
    from secpipe.log.ratchet import Ratchet
    from secpipe.log.trusted import Seen, Trusted

folder_argument = click.argument("folder", metavar="LOG", type=click.Path(path_type=Path))
files_argument = click.argument(
    "paths", nargs=-1, required=True, metavar="FILE...", type=click.Path(path_type=Path, exists=True)
)


def keys_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """`--log-key`, `--witness-key`, `--quorum`: whose signatures on a checkpoint count."""
    for option in reversed(
        (
            click.option(
                "--log-key", "keys", multiple=True, metavar="VKEY|FILE", help="A key of the log: all of them."
            ),
            click.option("--witness-key", "witnesses", multiple=True, metavar="VKEY|FILE", help="A key of a witness."),
            click.option(
                "--quorum",
                type=click.IntRange(min=0),
                default=0,
                metavar="N",
                help="Witnesses that must have cosigned.",
            ),
        )
    ):
        function = option(function)
    return function


def spelled(keys: Iterable[str]) -> list[str]:
    """Return verifier keys: those given, and for a word without a plus sign, those in the file of that name."""
    from secpipe.system import files

    found: list[str] = []
    for word in keys:
        found += files.read_bytes(word, 1 << 20).decode("utf-8", "replace").split() if "+" not in word else [word]
    return found


def own_keys(role: str, name: str) -> tuple[VerifierKey, ...]:
    """Return the verifier keys whose private halves this machine has under `name`."""
    from secpipe.keystore import notekeys
    from secpipe.system import places

    return verifier_keys(name, notekeys.public(places.home(), role, name))


def verifier_keys(name: str, halves: tuple[PublicHalf, ...]) -> tuple[VerifierKey, ...]:
    """Return the verifier key of each half: plain Ed25519, and ML-DSA-44 as a cosignature."""
    from secpipe.log import note

    return tuple(note.key_of(name, _types()[half.algorithm], half) for half in halves)


def signers(role: str, name: str, passphrase: Callable[[], bytes]) -> tuple[NoteSigner, ...]:
    """Return the unlocked keys of a log or a witness; raises InputError where they are not here."""
    from secpipe.keystore import notekeys
    from secpipe.log import note
    from secpipe.log.checkpoint import NoteSigner
    from secpipe.system import places

    found = notekeys.unlock(places.home(), role, name, passphrase)
    return tuple(NoteSigner(note.key_of(name, _types()[half.algorithm], half), signer) for half, signer in found)


def ratchet_of(origin: str) -> Ratchet:
    """Return where this machine remembers what it signed of its log `origin`."""
    from secpipe.log.ratchet import Ratchet

    return Ratchet(seen_folder(), "log", origin)


def seen_folder() -> Path:
    """Return the folder of this machine's memory."""
    from secpipe.system import files, places

    files.make_folder(places.home(), mode=0o700)
    return places.home() / "seen"


def trusted_of(origin: str, keys: tuple[str, ...], witnesses: tuple[str, ...], quorum: int) -> Trusted:
    """Return whose signatures count: the keys given, else those that this machine signs the log with."""
    from secpipe.log.trusted import trusted

    texts = spelled(keys) or [key.text() for key in own_keys("log", origin)]
    if not texts:
        raise ConfigError(
            "whose log is this?", hint="--log-key VKEY, both of them, as secpipe log show LOG --keys prints them there"
        )
    return trusted(texts, spelled(witnesses), quorum)


def head_of(data: bytes) -> Checkpoint:
    """Return the checkpoint as it is written; nothing is verified."""
    from secpipe.log import checkpoint

    return checkpoint.read(data)[0]


def digest_of(path: Path) -> tuple[str, str]:
    """Return the hex SHA-256 that a file is logged by, and its type: a bundle by what it signs, others by their bytes.

    Both bundles of one artifact are over the same payload, so one entry is about both. Raises InputError.
    """
    import hashlib

    from secpipe.core.errors import InputError
    from secpipe.sign import bundle
    from secpipe.sign.sidecars import ATTESTATION, is_sidecar
    from secpipe.system import files, tree

    if is_sidecar(path.name) and not path.name.endswith(".tlog-proof"):
        payload = bundle.decode(files.read_bytes(path, 64 << 20, follow=False), path.name).payload
        kind = "attestation" if path.name.endswith(ATTESTATION) else "signature"
        return hashlib.sha256(payload).hexdigest(), kind
    (found,) = tree.single(path).files or (None,)
    if found is None or not found.sha256:
        raise InputError(f"{path} cannot be read")
    return found.sha256, "file"


def told(seen: Seen) -> list[str]:
    """Return what a checkpoint that counts says, a line a fact."""
    from secpipe.core import times
    from secpipe.core.text import plural, printable

    head = seen.head
    lines = [f"log {printable(head.origin, 120)}: {plural(head.size, 'entry', 'entries')}, root {head.root.hex()[:16]}"]
    for line in seen.lines:
        when = f" at {times.rfc3339(line.time)}" if line.time else ""
        lines.append(f"  signed by {printable(line.key.name, 120)} ({line.key.half.algorithm}){when}")
    return lines


def now() -> datetime:
    """Return the time; a log is never written in a simulated one."""
    from secpipe.system.clock import SystemClock

    return SystemClock().now()


def _types() -> dict[str, int]:
    from secpipe.log import note

    return {"ed25519": note.ED25519, "ml-dsa-44": note.ML_DSA_44}
