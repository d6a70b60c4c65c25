"""The derivation records of a release as a fact: what each output was made from, and how far that may be believed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from secpipe.core.artifact import FileEntry
from secpipe.core.errors import InputError
from secpipe.core.evidence import Evidence, State
from secpipe.core.protocols import Tree
from secpipe.core.text import printable
from secpipe.gate import facts
from secpipe.lineage import statement
from secpipe.lineage.record import SUFFIX, Derivation, Grade, Malformed
from secpipe.sign import bundle
from secpipe.sign.attest import digests_of
from secpipe.sign.sidecars import ATTESTATION

_RECORDS, _INPUTS = 200, 50  # of one release, of one record


def with_lineage(evidence: Evidence, tree: Tree, attested: Evidence | None) -> Evidence:
    """Return the evidence with the fact `lineage`: a row for each record in the tree; the same where there is none."""
    found = [entry for entry in tree.files if entry.path.endswith(SUFFIX)]
    if not found:
        return evidence
    signers = {
        str(one.get("path")): printable(str(one.get("identity", ""))) or "a key of the ring"
        for one in (facts.each(attested) if attested else ())
        if one.get("state") == State.OK
    }
    rows = list(_rows(tree, found[:_RECORDS], signers))
    return replace(evidence, facts={**evidence.facts, "lineage": rows, "lineage_untold": len(found) - len(rows)})


def _rows(tree: Tree, found: list[FileEntry], signers: dict[str, str]) -> Iterator[dict[str, Any]]:
    for entry in found:
        output = entry.path.removesuffix(SUFFIX)
        signed = signers.get(output, "")
        row: dict[str, Any] = {"output": output, "operation": "", "signed": signed, "inputs": [], "problem": ""}
        try:
            record = _record(tree, entry, output, signed=bool(signed))
        except InputError as error:
            yield row | {"problem": error.message}
            continue
        if isinstance(record, Malformed):
            yield row | {"problem": record.reason}
            continue
        inputs = [
            {"name": one.name or one.uri, "role": one.role, "grade": str(_believed(one.grade, bool(signed)))}
            for one in record.inputs[:_INPUTS]
        ]
        row |= {"operation": record.operation, "inputs": inputs}
        if not _is_about(tree, record, output):
            changed = [one | {"grade": str(Grade.CONTRADICTED)} for one in inputs]
            row |= {"inputs": changed, "problem": "the record is about other bytes"}
        yield row


def _record(tree: Tree, entry: FileEntry, output: str, *, signed: bool) -> Derivation | Malformed:
    """Return the record that is signed, where one is: the file beside it may say anything."""
    if not signed:
        return statement.parse(tree.read(entry, statement.RECORD_BYTES), entry.name)
    beside = tree.find(f"{output}.derivation{ATTESTATION}")
    if beside is None:
        raise InputError("the signed record is not there")
    return statement.parse(
        bundle.decode(tree.read(beside, 2 * statement.RECORD_BYTES), beside.name).payload, beside.name
    )


def _believed(grade: Grade, signed: bool) -> Grade:
    """Who can write the file can write a grade: unsigned it is a claim, unless it speaks against itself."""
    return grade if signed or grade is Grade.CONTRADICTED else Grade.CLAIMED


def _is_about(tree: Tree, record: Derivation, output: str) -> bool:
    try:
        have = digests_of(tree, path=output, directory=tree.find(output) is None)
    except InputError:
        return False
    directory = tree.find(output) is None
    wanted = {one.algorithm: one.value for one in record.output.digests}
    key = "dirHash" if directory else "sha256"
    return wanted.get(key) == have.get(key)
