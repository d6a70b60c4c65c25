"""The verdict that a change is held against: of a commit, by the rules that judge the change, or one that is pinned."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from secpipe.core.documents import parse_json
from secpipe.core.errors import ConfigError, InputError, TrustError
from secpipe.core.limits import DEFAULT
from secpipe.core.shape import Table
from secpipe.core.text import printable
from secpipe.core.verdict import SCHEMA
from secpipe.gate import published
from secpipe.gate.outcome import Outcome
from secpipe.gate.pipeline import Progress, check
from secpipe.gate.policies import pins
from secpipe.gate.request import Request
from secpipe.system import files, git


def of_commit(request: Request, outcome: Outcome, name: str, progress: Progress) -> Mapping[str, Any]:
    """Return the verdict of what a branch or commit holds in the place of `request.path`.

    It is judged by the very rules of `outcome`: what stands in the older tree does not say how strict they were.
    Raises ConfigError where the folder is in no repository or the repository has no such branch or commit.
    """
    try:
        where = git.enclosing(request.path)
        _, commit = git.resolve(where, name)
    except InputError as error:
        raise ConfigError(f"--diff: {error.message}", hint=error.hint or "--diff origin/main") from error
    progress(f"judging {printable(name, 100)} for comparison")
    with published.committed(where, commit) as base:
        asked = replace(
            request, path=base.folder, not_read=base.not_read, name=request.name or request.path.resolve().name,
            repository=request.repository or where.folder, memory="none", parts=False, cache=False,
        )  # fmt: skip
        return check(asked, rules=outcome.rules).document


def of_file(place: Path, reference: str) -> Mapping[str, Any]:
    """Return the verdict in a file, which must have the digest `reference` (`sha256:HEX`).

    Raises ConfigError without a pin, TrustError for another file, InputError for what is no verdict.
    """
    pin = pins.parse(reference)
    if pin.kind != "sha256":
        raise ConfigError(
            "--baseline needs the digest of the verdict: who can write the file could call anything old",
            hint="--baseline-ref sha256:HEX",
        )
    data = files.read_bytes(place, DEFAULT.document_bytes)
    if not hmac.compare_digest(hashlib.sha256(data).hexdigest(), pin.value):
        raise TrustError(f"{printable(str(place))} is not the pinned baseline")
    document = parse_json(data, "the baseline", DEFAULT)
    if not isinstance(document, dict) or document.get("schema") != SCHEMA:
        raise InputError("the baseline is no verdict", hint=f"secpipe check -f json=FILE writes a {SCHEMA}")
    return _whole(document)


def _whole(document: dict[str, Any]) -> Mapping[str, Any]:
    """Return the verdict, its shape checked where it is compared; raises InputError."""
    table = Table(document)
    table.text("at")
    table.table("subject").table("digest")
    for row in table.tables("findings"):
        for key in ("id", "effect", "sha256"):
            row.text(key)
    for row in table.tables("skipped"):
        for key in ("path", "check", "reason", "sha256"):
            row.text(key)
    return document
