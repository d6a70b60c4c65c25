"""A derivation record as an in-toto statement with SLSA provenance's field names (docs/spec/derivation.md)."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

from secpipe.core import times
from secpipe.core.artifact import Digest
from secpipe.core.documents import canonical, parse_json
from secpipe.core.errors import InputError
from secpipe.core.limits import DEFAULT, MIB, Limits
from secpipe.core.shape import Fields
from secpipe.lineage.record import Derivation, Grade, Input, Malformed, Parameter, Prompt, Subject, Tool

PREDICATE = "https://secpipe.dev/derivation/v1"
_STATEMENT = "https://in-toto.io/Statement/v1"
#: Bytes of one record that is read.
RECORD_BYTES = 4 * MIB
_MOST = 10_000  # inputs, parameters or prompts of one record
_TEXT = 4096  # characters of one name or value
_WORD = re.compile(r"[a-z0-9][a-z0-9-]{0,63}\Z")
_ALGORITHM = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,31}\Z")
_HEX = re.compile(r"[0-9a-f]{8,128}\Z")
_HEX256 = re.compile(r"[0-9a-f]{64}\Z")
_WHOLE = ("sha256", "dirHash")
_GRADES = re.compile("(" + "|".join(Grade) + r")\Z")
_GREATEST = 2**64 - 1  # a seed is an unsigned 64-bit number in most generators


def predicate(record: Derivation) -> dict[str, Any]:
    """Return the predicate of a record: what the attestation machinery signs about the output."""
    metadata = {"finishedOn": times.rfc3339(record.made)} if record.made else {}
    builder: dict[str, Any] = {"id": record.tool.name if record.tool else ""}
    if record.tool:
        builder |= {"version": {record.tool.name: record.tool.version}, "grade": str(record.tool.grade)}
    return {
        "buildDefinition": {
            "buildType": f"{PREDICATE}#{record.operation}",
            "externalParameters": {one.name: {"value": one.value, "grade": one.grade} for one in record.parameters},
            "resolvedDependencies": [_written(one) for one in record.inputs],
        },
        "prompts": [{"role": one.role, "commitment": one.commitment, "grade": one.grade} for one in record.prompts],
        "runDetails": {"builder": builder, "metadata": metadata},
        "source": record.source,
    }


def encode(record: Derivation) -> bytes:
    """Return the record as canonical JSON with a line end; raises InputError for what `parse` would not take."""
    subject = {"name": record.output.name, "digest": {one.algorithm: one.value for one in record.output.digests}}
    document = {
        "_type": _STATEMENT, "predicateType": PREDICATE, "subject": [subject], "predicate": predicate(record),
    }  # fmt: skip
    try:
        data = canonical(document) + b"\n"
    except TypeError:
        raise InputError("the record holds something that is neither text, number nor flag") from None
    except ValueError:
        raise InputError("the record holds text that is not Unicode, or a number that is not finite") from None
    found = parse(data)
    if isinstance(found, Malformed):
        raise InputError(found.reason)
    return data


def parse(
    document: bytes | Mapping[str, Any], what: str = "the record", limits: Limits = DEFAULT
) -> Derivation | Malformed:
    """Return the record in a statement (bytes, or the JSON object), or why it is none; never raises.

    Unknown keys, annotations beside ours and several subjects are refused; a statement as `secpipe attest` signs it has
    annotations on its subject and is read as well.
    """
    try:
        if isinstance(document, bytes):
            if len(document) > RECORD_BYTES:
                return Malformed(f"{what} is larger than {RECORD_BYTES:,} bytes")
            document = parse_json(document, what, limits)
        return _record(document, what)
    except InputError as error:
        return Malformed(error.message)


def _record(document: object, what: str) -> Derivation:
    top = Fields(document, what)
    if top.text("_type") != _STATEMENT or top.text("predicateType") != PREDICATE:
        raise InputError(f"{what} is no derivation statement")
    subjects, body = top.listing("subject", 1), top.fields("predicate")
    if len(subjects) != 1:
        raise InputError(f"{what} must name exactly one output")
    top.close()
    build, run, source = body.fields("buildDefinition"), body.fields("runDetails"), body.text("source", limit=64)
    prompts = tuple(_prompt(Fields(row, f"{what}, a prompt")) for row in body.listing("prompts", _MOST))
    body.close()
    kind, _, operation = build.text("buildType").partition("#")
    if kind != PREDICATE or not _WORD.match(operation):
        raise InputError(f"{what} has no valid buildType")
    rows, parameters = build.listing("resolvedDependencies", _MOST), build.mapping("externalParameters")
    build.close()
    if len(parameters) > _MOST:
        raise InputError(f"{what} has more than {_MOST:,} parameters")
    tool = _tool(run.fields("builder"))
    metadata = run.fields("metadata")
    made = metadata.maybe_time("finishedOn")
    metadata.close()
    run.close()
    return Derivation(
        _subject(Fields(subjects[0], f"{what}, the subject")), operation,
        tuple(_input(Fields(row, f"{what}, an input")) for row in rows),
        tuple(_parameter(name, Fields(row, f"{what}, a parameter")) for name, row in sorted(parameters.items())),
        prompts, tool, made, source,
    )  # fmt: skip


def _subject(row: Fields) -> Subject:
    row.asked.add("annotations")
    name, digests = row.text("name", limit=_TEXT), _digests(row)
    row.close()
    if not any(one.algorithm in _WHOLE for one in digests):
        raise InputError(f"{row.what} has neither sha256 nor dirHash")
    return Subject(name, digests)


def _written(one: Input) -> dict[str, Any]:
    annotations: dict[str, Any] = {"role": one.role, "grade": one.grade}
    if one.weight is not None:
        annotations["weight"] = one.weight
    row: dict[str, Any] = {"name": one.name, "annotations": annotations}
    if one.digests:
        row["digest"] = {each.algorithm: each.value for each in one.digests}
    return row | ({"uri": one.uri} if one.uri else {})


def _input(row: Fields) -> Input:
    notes = row.fields("annotations")
    weight = None
    if "weight" in notes.table:
        notes.asked.add("weight")
        weight = _number(notes.table["weight"], notes.what)
    role, grade = notes.text("role", _WORD), _grade(notes)
    notes.close()
    name, uri = row.text("name", limit=_TEXT), row.text("uri", limit=_TEXT) if "uri" in row.table else ""
    digests = _digests(row) if "digest" in row.table else ()
    row.close()
    return Input(name, role, digests, weight, uri, grade)


def _digests(row: Fields) -> tuple[Digest, ...]:
    found = []
    for algorithm, value in sorted(row.mapping("digest").items()):
        whole = _HEX256 if algorithm in _WHOLE else _HEX
        if not (isinstance(value, str) and _ALGORITHM.match(algorithm) and whole.match(value)):
            raise InputError(f"{row.what} has no valid digest")
        found.append(Digest(algorithm, value))
    if not 1 <= len(found) <= 16:
        raise InputError(f"{row.what} has no valid digest")
    return tuple(found)


def _parameter(name: str, row: Fields) -> Parameter:
    value = row.table.get("value")
    row.asked.add("value")
    if isinstance(value, int | float) and not isinstance(value, bool):
        value = _number(value, row.what)
    elif not isinstance(value, str | bool) or (isinstance(value, str) and len(value) > _TEXT):
        raise InputError(f"{row.what} is neither text, number nor flag")
    if not name or len(name) > 256:
        raise InputError(f"{row.what} has no valid name")
    grade = _grade(row)
    row.close()
    return Parameter(name, value, grade)


def _prompt(row: Fields) -> Prompt:
    found = Prompt(row.text("role", _WORD), row.text("commitment", _HEX256), _grade(row))
    row.close()
    return found


def _tool(row: Fields) -> Tool | None:
    name = row.text("id", limit=_TEXT)
    if not name:
        row.close()
        return None
    version = row.mapping("version").get(name)
    if not isinstance(version, str) or len(version) > _TEXT or len(row.table["version"]) != 1:
        raise InputError(f"{row.what} has no valid version")
    found = Tool(name, version, _grade(row))
    row.close()
    return found


def _grade(row: Fields) -> Grade:
    return Grade(row.text("grade", _GRADES))


def _number(value: object, what: str) -> int | float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InputError(f"{what} holds no number where one belongs")
    if abs(value) > _GREATEST if isinstance(value, int) else not math.isfinite(value):
        raise InputError(f"{what} holds a number that is too large")
    return value
