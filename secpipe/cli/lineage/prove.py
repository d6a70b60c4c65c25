"""`secpipe lineage prove`: do the bytes of an output agree with what its record says?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from secpipe.cli.lineage.options import output_argument, sign_options, signer_of
from secpipe.cli.options import plain_format, tell, write_json, write_result
from secpipe.core.errors import EXIT_DENY, EXIT_PASS, EXIT_UNDECIDED

if TYPE_CHECKING:
    from secpipe.lineage.proving.located import FoundParent
    from secpipe.lineage.proving.prove import Proof
    from secpipe.lineage.record import Derivation


@click.command("prove")
@output_argument
@click.option(
    "--parents", "folders", multiple=True, metavar="FOLDER",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Look for the parents here too (default: beside OUTPUT).",
)  # fmt: skip
@click.option("--update", is_flag=True, help="Write the grades into the record; --sign does so too, and signs it.")
@sign_options
@plain_format
def prove(
    asset: Path,
    folders: tuple[Path, ...],
    update: bool,
    signs: bool,
    identity: str | None,
    trust: str,
    passphrase_file: str | None,
    form: str,
    output: str,
) -> int:
    """Recompute the weights of OUTPUT from the parents that its record names, tensor by tensor.

    Byte-equal is re-derived. As near as the step allows is bounded, which proves nothing more. Anything else is
    contradicted, at the tensor that is told. Training stays claimed. Exit codes: 0 re-derived or bounded, 1
    contradicted, 3 claimed or not decided.
    """
    from secpipe.api.lineage import recorded, vouched
    from secpipe.cli.hashed import hashed
    from secpipe.core.text import plural
    from secpipe.lineage import beside
    from secpipe.lineage.proving import located
    from secpipe.lineage.record import Grade
    from secpipe.system.clock import SystemClock

    asset = beside.output_of(asset)
    record, now = beside.read(asset), SystemClock().now()
    who = signer_of(signs, identity, trust, passphrase_file, now)
    proof, found = located.proven(asset, record, (beside.place(asset, "").parent, *folders), hashed)
    if update or who:
        signed, why = vouched(asset, trust, now)
        made = located.graded(record, proof, found, signed)
        lost = [key for key, grade in record.grades.items() if grade is Grade.WITNESSED]
        if lost := [key for key in lost if made.grades[key] is Grade.CLAIMED]:
            why = why or "the signed record says something else"
            tell(f"note: {plural(len(lost), 'witnessed fact')} become claims: {why}")
        recorded(asset, made, [], who=who, now=now)
    if form == "json":
        write_json(_document(record, proof, found), output)
    else:
        write_result("\n".join(_lines(record, proof, found)) + "\n", output)
    if proof.grade is Grade.CONTRADICTED:
        return EXIT_DENY
    return EXIT_UNDECIDED if proof.grade is Grade.CLAIMED else EXIT_PASS


def _lines(record: Derivation, proof: Proof, found: tuple[FoundParent, ...]) -> list[str]:
    from secpipe.core.text import printable

    lines = [f"{printable(proof.output, 200)}: {proof.grade} ({record.operation}): {proof.said}"]
    for one in found:
        told = "" if one.held else " (the record names no digest of it)"
        digest = f"{one.digest.algorithm}:{one.digest.value[:16]}"
        lines.append(f"  from {one.input.role} {printable(one.input.name, 200)}  {digest}...{told}")
    shown = [one for one in proof.tensors if one.grade == proof.grade][:5]
    return [*lines, *(f"  {printable(one.name, 200)}: {one.grade}: {one.said}" for one in shown)]


def _document(record: Derivation, proof: Proof, found: tuple[FoundParent, ...]) -> dict[str, Any]:
    return {
        "schema": "secpipe.lineage-proof/1",
        "output": proof.output,
        "operation": record.operation,
        "grade": proof.grade,
        "said": proof.said,
        "counts": dict(proof.counts),
        "parents": [
            {"name": one.input.name, "role": one.input.role, "digest": str(one.digest), "held": one.held}
            for one in found
        ],
        "tensors": [{"name": one.name, "grade": one.grade, "said": one.said} for one in proof.tensors],
    }
