"""Kept results of `secpipe scan shadow-ai`: a folder whose files bear the same stamps is not searched twice.

Stamps can be forged by whoever can set the clock: the gate believes them only where nothing is enforced (ADR 30).
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from secpipe.core.errors import SecpipeError
from secpipe.core.evidence import Evidence, State
from secpipe.scan.shadow_ai.remembered import Remembered
from secpipe.system import diskcache, files, places
from secpipe.system.tree import stamps

#: A file changed more recently than this (ns) may change again within one tick of its file system's clock (FAT: 2 s).
SETTLED = 2_000_000_000


@dataclass(frozen=True, slots=True)
class Question:
    """Where the result for a folder is kept (`entry`: engine, catalogue, options) and how its files are stamped."""

    folder: Path
    entry: Path
    stamped: str
    settled: bool


def question_of(path: str, catalogues: Sequence[str]) -> Question | None:
    """Return what a kept result must answer, or None where none can: a single file, a cache inside the folder."""
    try:
        folder = Path(path).resolve()
        stores = (places.home().resolve(), places.cache_folder().resolve())
        if not folder.is_dir() or any(store.is_relative_to(folder) for store in stores):
            return None
        parts = [diskcache.engine().encode(), diskcache.machine().encode(), os.fsencode(folder)]
        parts += [files.read_bytes(file, 1 << 24) for file in catalogues]
        begun = time.time_ns()
        stamped, newest = stamps(folder)
        entry = places.cache_folder() / "shadow-ai" / diskcache.digest(parts)
        return Question(folder, entry, stamped, settled=newest <= begun - SETTLED)
    except (SecpipeError, OSError):
        return None


def find(question: Question) -> Evidence | None:
    """Return the evidence kept for exactly this question, or None."""
    from secpipe.gate.record import read_evidence

    document = diskcache.find(question.entry)
    try:
        fits = document is not None and document["stamped"] == question.stamped
        return read_evidence("shadow-ai", document["evidence"]) if document and fits else None
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def memory_of(question: Question) -> Remembered:
    """Return what was found in single files of the folder when it was last searched."""
    try:
        document = diskcache.find(question.entry)
        return Remembered(document["files"] if document else None)
    except (ValueError, KeyError, TypeError):
        return Remembered()


def keep(question: Question, evidence: Evidence, single: Any = None) -> None:
    """Keep evidence, and what was found in single files (`Remembered.kept`).

    Not if the folder changed meanwhile, or so shortly before that its stamps prove nothing.
    """
    if not question.settled or evidence.state is not State.OK:
        return
    from secpipe.gate.record import evidence_row

    try:
        if stamps(question.folder)[0] == question.stamped:
            diskcache.keep(
                question.entry, {"stamped": question.stamped, "evidence": evidence_row(evidence), "files": single}
            )
    except (SecpipeError, OSError):
        return
