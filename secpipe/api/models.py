"""`scan_models`: code in model files, found without loading them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from os import PathLike, fspath
from typing import TYPE_CHECKING

from secpipe.api.findings import merged_models
from secpipe.api.results import Findings, findings_of
from secpipe.core.errors import EXIT_DENY, EXIT_PASS, EXIT_UNDECIDED
from secpipe.core.findings import document
from secpipe.core.text import printable

if TYPE_CHECKING:
    from secpipe.scan.models.additions import Addition


def scan_models(
    *paths: str | PathLike[str],
    allow: Iterable[str] = (),
    allow_list: str | PathLike[str] | None = None,
    at: datetime | None = None,
) -> Findings:
    """Scan the model files under `paths` (folders or files), by allow-list, as `secpipe scan models` does.

    `allow` adds dotted names that pickles may call, `allow_list` a TOML file of them. Exit codes: 0 nothing found, 1
    something malicious or for review, 3 something was not looked at. Raises InputError for a path or list that cannot
    be read.
    """
    from secpipe.core.limits import DEFAULT
    from secpipe.scan.models.additions import read_additions
    from secpipe.scan.models.scan import scan
    from secpipe.system.aliases import aliased
    from secpipe.system.clock import SystemClock
    from secpipe.system.files import read_bytes
    from secpipe.system.tree import open_tree

    now = at or SystemClock().now()
    extra: list[str | Addition] = [*allow]
    if allow_list is not None:
        extra += read_additions(read_bytes(allow_list, DEFAULT.text_bytes), now)
    evidence = merged_models([(fspath(path), scan(aliased(open_tree(path)), extra_allow=extra)) for path in paths])
    files = {printable(path): facts for path, facts in evidence.facts["files"].items()}
    told = document(replace(evidence, facts={"files": files}), "scan models", now, simulated=at is not None)
    if {facts["outcome"] for facts in files.values()} & {"malicious", "review"}:
        return findings_of(told, EXIT_DENY)
    return findings_of(told, EXIT_UNDECIDED if evidence.skips else EXIT_PASS)
