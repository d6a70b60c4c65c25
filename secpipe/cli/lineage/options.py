"""What the `lineage` commands share: the output, who signs, how prompts are sealed, and how a record is told."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from secpipe.cli.options import passphrase_option

if TYPE_CHECKING:
    from datetime import datetime

    from secpipe.api.signing import Unlocked
    from secpipe.lineage.beside import Seal
    from secpipe.lineage.record import Derivation

output_argument = click.argument("asset", metavar="OUTPUT", type=click.Path(path_type=Path))


def sign_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """`--sign`, `--key`, `--trust`, `--passphrase-file`: who signs a record."""
    for option in reversed(
        (
            click.option("--sign", "signs", is_flag=True, help="Sign the record as an attestation of the output."),
            click.option("--key", "identity", metavar="IDENTITY", help="With --sign: as this identity of the ring."),
            click.option(
                "--trust", default="keys", show_default=True, metavar="FOLDER", help="The public trust material."
            ),
            passphrase_option,
        )
    ):
        function = option(function)
    return function


def signing_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """`sign_options`, and how the prompts of a new record are kept."""
    return sign_options(seal_option(function))


def seal_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """`--seal-with REF`: the passphrase of the file that holds the prompts."""
    return click.option(
        "--seal-with",
        metavar="FILE",
        help="Keep prompts in an age file under the passphrase in FILE, env:NAME, exec:...",
    )(function)


def seals(reference: str | None) -> tuple[Seal | None, Seal]:
    """Return what seals prompts (None: they stay plain, mode 0600) and what opens them."""
    from secpipe.keystore import age
    from secpipe.system.secrets import prompt, resolve

    def unseal(data: bytes) -> bytes:
        return age.unseal(data, resolve(reference) if reference else prompt("passphrase of the prompts"), "the prompts")

    if reference is None:
        return None, unseal
    return lambda data: age.seal(data, resolve(reference)), unseal


def signer_of(
    signs: bool, identity: str | None, trust: str, passphrase_file: str | None, now: datetime
) -> Unlocked | None:
    """Return who signs the record, unlocked, or None."""
    if not signs:
        return None
    from secpipe.api.lineage import signer

    return signer(identity, trust, passphrase_file, now)


def told(record: Derivation) -> list[str]:
    """Return a record as lines for a person."""
    from secpipe.core.text import printable

    lines = [f"{printable(record.output.name, 200)}: {record.operation}"]
    for one in record.inputs:
        weight = f" at {one.weight:g}" if one.weight is not None else ""
        digest = f" {one.digests[0].algorithm}:{one.digests[0].value[:16]}" if one.digests else ""
        lines.append(f"  {one.role} {printable(one.name or one.uri, 200)}{weight}{digest} ({one.grade})")
    for each in record.parameters:
        lines.append(f"  {printable(each.name, 80)} = {printable(str(each.value), 120)} ({each.grade})")
    for prompt in record.prompts:
        lines.append(f"  {prompt.role}: committed as {prompt.commitment[:16]} ({prompt.grade})")
    if record.tool:
        lines.append(f"  by {printable(str(record.tool), 200)} ({record.tool.grade})")
    return lines
