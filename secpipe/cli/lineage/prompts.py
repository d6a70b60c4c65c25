"""`secpipe lineage reveal` and `erase`: the private texts that a record commits to."""

from __future__ import annotations

from pathlib import Path

import click

from secpipe.cli.lineage.options import output_argument, seal_option, seals
from secpipe.cli.options import plain_format, say, write_json, write_result
from secpipe.core.errors import EXIT_PASS, EXIT_UNDECIDED, ConfigError


@click.command("reveal")
@output_argument
@click.option(
    "--prompts", "where", metavar="FILE", type=click.Path(path_type=Path, exists=True),
    help="The prompts file that was handed over, instead of the one beside OUTPUT.",
)  # fmt: skip
@seal_option
@plain_format
def reveal(asset: Path, where: Path | None, seal_with: str | None, form: str, output: str) -> int:
    """Show the prompts of OUTPUT whose texts are here, each held against the commitment in its record.

    What is written to a file is readable for its owner alone. To show them to somebody else, hand over the prompts
    file. Exit code 3 where a text is not here or does not fit.
    """
    from secpipe.core.text import printable
    from secpipe.lineage import beside, commit

    asset = beside.output_of(asset)
    record = beside.read(asset)
    found = commit.reveal(record, beside.openings(asset, seals(seal_with)[1], where))
    if form == "json":
        rows = [{"role": one.prompt.role, "commitment": one.prompt.commitment, "text": one.text} for one in found]
        write_json(
            {"schema": "secpipe.revealed/1", "output": record.output.name, "prompts": rows}, output, private=True
        )
    else:
        lines = [
            f"{one.prompt.role} {one.prompt.commitment[:16]}: "
            + (
                "not here: erased, or never on this machine"
                if one.text is None
                else printable(one.text, commit.TEXT_BYTES)
            )
            for one in found
        ]
        write_result("\n".join(lines or ["the record names no prompt"]) + "\n", output, private=True)
    return EXIT_PASS if all(one.text is not None for one in found) else EXIT_UNDECIDED


@click.command("erase")
@output_argument
@click.option("--prompt", "commitments", multiple=True, metavar="HEX", help="Only the prompt of this commitment.")
@seal_option
def erase(asset: Path, commitments: tuple[str, ...], seal_with: str | None) -> int:
    """Erase texts and salts of the prompts of OUTPUT from this folder; nothing brings them back.

    The record, its signature and every log that holds them stay as they are and still verify. Copies, backups and the
    free space of a disk are not reached.
    """
    from secpipe.core.text import plural, printable
    from secpipe.lineage import beside

    asset = beside.output_of(asset)
    record = beside.read(asset)
    known = {one.commitment for one in record.prompts}
    for word in commitments:
        if len(word) < 8 or sum(digest.startswith(word) for digest in known) != 1:
            raise ConfigError(
                f'"{word[:64]}" names no one prompt of the record', hint="its commitment, 8 digits or more"
            )
    seal, unseal = seals(seal_with)
    went, gone = beside.erase(asset, record, commitments, unseal, seal)
    told = f"{plural(went, 'prompt')} erased" if went else "nothing erased"
    if gone and went:
        told += f", {gone:,} {'was' if gone == 1 else 'were'} gone before; the record stays"
    elif gone:
        told += f", {plural(gone, 'prompt')} {'was' if gone == 1 else 'were'} gone before; the record stays"
    else:
        told += ", the record stays" if went else ": the record names no prompt"
    say(f"{printable(record.output.name, 200)}: {told}")
    return EXIT_PASS
