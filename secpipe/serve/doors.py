"""The doors: a body in, an answer out. Pure but for the shelf they are given; nothing a client sends raises.

Sources: Kubernetes admission.k8s.io/v1 AdmissionReview; Gatekeeper externaldata.gatekeeper.sh/v1beta1.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from secpipe.core import times
from secpipe.core.documents import parse_json
from secpipe.core.errors import InputError
from secpipe.core.text import printable
from secpipe.serve.shelf import FOLDER, IMAGE, Key, Reply, Shelf, ask
from secpipe.serve.subjects import Subject, digest, image, of_object

_MOST = 1000  # digests of one question
_TOLD = 5  # refusals that one message names


@dataclass(frozen=True, slots=True)
class Said:
    """A document to send, whether everything asked about may run (None: nothing was asked), and a line for the log."""

    document: Mapping[str, Any]
    allowed: bool | None
    line: str = ""
    status: int = 200


@dataclass(frozen=True, slots=True)
class Heard:
    """What is said of one subject."""

    subject: Subject
    allowed: bool
    sentence: str
    do: str = ""
    reply: Reply | None = None


def judge(shelf: Shelf, subject: Subject, now: datetime) -> Heard:
    """Return whether a subject may run now, and if not, the command that helps."""
    if subject.guarded:
        return Heard(subject, True, "storage without a digest is verified by the guard that fetches it")
    if subject.key is None:
        return Heard(subject, False, f"NOT DECIDED for {shelf.environment}: {subject.why}", _command(shelf, subject))
    reply = ask(shelf, subject.key, now)
    sentence = printable(reply.answer.sentence, 600)
    return Heard(subject, reply.allowed, sentence, "" if reply.allowed else _command(shelf, subject), reply)


def verdict(shelf: Shelf, body: bytes, now: datetime, guarded: bool = False) -> Said:
    """Answer `{"digest": "sha256:HEX"}` or `{"digests": [...]}`; `environment` must be the one served, if given."""
    try:
        asked = _table(body)
        unknown = set(asked) - {"digest", "digests", "environment"}
        names = asked.get("digests", [asked["digest"]] if "digest" in asked else None)
        if unknown or ("digest" in asked) == ("digests" in asked) or not isinstance(names, list) or not names:
            raise InputError('ask {"digest": "sha256:HEX"} or {"digests": ["sha256:HEX", ...]}')
        if len(names) > _MOST:
            raise InputError(f"more than {_MOST:,} digests in one question")
        where = asked.get("environment", shelf.environment)
        if where != shelf.environment:
            raise InputError(f"this server answers for {shelf.environment} alone")
    except InputError as error:
        return _refused(error)
    rows = [judge(shelf, digest(name), now) for name in names]
    return Said(
        {
            "schema": "secpipe.served/1",
            "at": times.rfc3339(now),
            "environment": shelf.environment,
            "allowed": all(row.allowed for row in rows),
            "answers": [_row(row) for row in rows],
        },
        all(row.allowed for row in rows),
        _line("verdict", rows),
    )


def admission(shelf: Shelf, body: bytes, now: datetime, guarded: bool = False) -> Said:
    """Answer an AdmissionReview: every image and storage that the object would start must have a verdict.

    An object that is deleted starts nothing. What cannot be understood is not allowed.
    """
    try:
        review = _table(body)
        if (review.get("apiVersion"), review.get("kind")) != ("admission.k8s.io/v1", "AdmissionReview"):
            raise InputError("this is no AdmissionReview of admission.k8s.io/v1")
        request = review.get("request")
        uid = request.get("uid") if isinstance(request, Mapping) else None
        if not isinstance(request, Mapping) or not isinstance(uid, str) or not 0 < len(uid) <= 256:
            raise InputError("the AdmissionReview has no request with a uid")
    except InputError as error:
        return _refused(error)
    if request.get("operation") == "DELETE":
        return Said(_reviewed(uid, True, ""), True)
    try:
        kind = request.get("kind")
        kind = kind if isinstance(kind, Mapping) else {}
        group, name = kind.get("group", ""), kind.get("kind", "")
        if not isinstance(group, str) or not isinstance(name, str):
            raise InputError("the request does not say of which kind the object is")
        rows = [judge(shelf, one, now) for one in of_object(group, name, request.get("object"), guarded=guarded)]
    except InputError as error:
        why = f"secpipe: NOT DECIDED for {shelf.environment}: {error.message}"
        return Said(_reviewed(uid, False, why), False, f"admission: {printable(error.message, 200)}")
    refused = [row for row in rows if not row.allowed]
    told = "; ".join(f"{row.subject.text}: {row.sentence}{_do(row)}" for row in refused[:_TOLD])
    more = f"; and {len(refused) - _TOLD} more" if len(refused) > _TOLD else ""
    warned = [f"secpipe: {row.subject.text}: {row.sentence}" for row in rows if row.subject.guarded]
    return Said(
        _reviewed(uid, not refused, f"secpipe: {told}{more}" if refused else "", warned[:_TOLD]),
        not refused,
        _line("admission", rows),
    )


def gatekeeper(shelf: Shelf, body: bytes, now: datetime, guarded: bool = False) -> Said:
    """Answer a ProviderRequest: each key is an image, or a digest; one that may not run has an error."""
    try:
        asked = _table(body)
        request = asked.get("request")
        keys = request.get("keys") if isinstance(request, Mapping) else None
        told = isinstance(keys, list) and len(keys) <= _MOST and all(isinstance(key, str) for key in keys)
        if asked.get("kind") != "ProviderRequest" or not isinstance(keys, list) or not told:
            raise InputError("this is no ProviderRequest with at most 1,000 keys, which are strings")
    except InputError as error:
        return _refused(error)
    rows = [judge(shelf, _key(key), now) for key in keys]
    items = [
        {"key": key, "value": "allowed", "error": ""} if row.allowed
        else {"key": key, "value": None, "error": f"{row.sentence}{_do(row)}"}
        for key, row in zip(keys, rows, strict=True)
    ]  # fmt: skip
    document = {
        "apiVersion": "externaldata.gatekeeper.sh/v1beta1",
        "kind": "ProviderResponse",
        "response": {"idempotent": True, "items": items, "systemError": ""},
    }
    return Said(document, all(row.allowed for row in rows), _line("gatekeeper", rows))


Door = Callable[[Shelf, bytes, datetime, bool], Said]
#: path -> (name in the metrics, what answers there).
DOORS: dict[str, tuple[str, Door]] = {
    "/v1/verdict": ("verdict", verdict),
    "/v1/admission": ("admission", admission),
    "/v1/gatekeeper": ("gatekeeper", gatekeeper),
}


def _key(key: str) -> Subject:
    return digest(key) if key.startswith((f"{IMAGE}:", f"{FOLDER}:")) else image(key)


def _table(body: bytes) -> Mapping[str, Any]:
    value = parse_json(body, "the body")
    if not isinstance(value, Mapping):
        raise InputError("the body is no JSON object")
    return value


def _refused(error: InputError) -> Said:
    return Said({"schema": "secpipe.served/1", "allowed": False, "error": printable(error.message, 300)}, None, "", 400)


def _reviewed(uid: str, allowed: bool, message: str, warnings: Sequence[str] = ()) -> dict[str, Any]:
    response: dict[str, Any] = {"uid": uid, "allowed": allowed}
    if not allowed:
        response["status"] = {"status": "Failure", "reason": "Forbidden", "code": 403, "message": message}
    if warnings:
        response["warnings"] = list(warnings)
    return {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "response": response}


def _row(row: Heard) -> dict[str, Any]:
    answer = row.reply.answer if row.reply else None
    held = answer.verdict if answer else None
    results = {0: "passed", 1: "blocked"}
    result = "undecided" if answer is None else results.get(answer.exit_code, "undecided")
    return {
        "asked": row.subject.text,
        "allowed": row.allowed,
        "result": "overridden" if answer and answer.overridden else result,
        "sentence": row.sentence,
        "do": row.do,
        "rollback_to": _named(row.reply.back) if row.reply and row.reply.back else None,
        "verdict": None if held is None else {
            "name": printable(held.name), "digest": f"sha256:{held.digest}", "identity": held.identity.name,
            "verifier": printable(held.summary.verifier, 200), "policy": f"sha256:{held.summary.policy}",
            "given": times.rfc3339(held.summary.at), "valid_until": times.rfc3339(held.summary.valid_until),
        },
    }  # fmt: skip


def _named(key: Key) -> dict[str, str]:
    return {key[0]: key[1]}


def _do(row: Heard) -> str:
    back = f"; roll back to {':'.join(row.reply.back)}" if row.reply and row.reply.back else ""
    return f" (do: {row.do}{back})" if row.do else back


def _command(shelf: Shelf, subject: Subject) -> str:
    """Return the command that judges a subject, "" where none can be named."""
    end = f"--env {shlex.quote(shelf.environment)} --store VERDICTS --sign verdict"
    if subject.image:
        named = subject.image if _has_host(subject.image) else f"docker.io/{_library(subject.image)}"
        which = f"@{':'.join(subject.key)}" if subject.key else f":{subject.tag or 'latest'}"
        return f"secpipe check {shlex.quote(f'oci://{named}{which}')} {end}"
    return f"secpipe check {'IMAGE' if subject.key and subject.key[0] == IMAGE else 'FOLDER'} {end}"


def _has_host(name: str) -> bool:
    first, slash, _ = name.partition("/")
    return bool(slash) and ("." in first or ":" in first or first == "localhost")


def _library(name: str) -> str:
    return name if "/" in name else f"library/{name}"


def _line(door: str, rows: Sequence[Heard]) -> str:
    """Return what the log says of a refusal: what was asked about, and why not."""
    refused = [row for row in rows if not row.allowed]
    return f"{door}: refused {refused[0].subject.text}: {refused[0].sentence}" if refused else ""
