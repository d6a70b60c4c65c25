"""Semgrep as a second reader of candidate files: a process of its own, over copies, with nothing of the tree
believed.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from secpipe.core.errors import SecpipeError
from secpipe.core.finding import Confidence
from secpipe.scan.shadow_ai.catalogue import Catalogue
from secpipe.scan.shadow_ai.hosts import counts, resolve
from secpipe.scan.shadow_ai.places import ai_path, destination_signal
from secpipe.scan.shadow_ai.signal import Signal
from secpipe.system import process
from secpipe.system.files import create_exclusive
from secpipe.system.places import shipped

#: Endings whose languages the shipped rules cover; Python is read by its own parser.
SUFFIXES = (".js", ".mjs", ".cjs", ".jsx", ".ts", ".tsx", ".go", ".java", ".kt", ".cs", ".rb", ".rs", ".php", ".swift")
_ENVIRONMENT = {"SEMGREP_SEND_METRICS": "off", "SEMGREP_ENABLE_VERSION_CHECK": "0", "SEMGREP_DISABLE_NOSEM": "1"}
_FLAGS = (
    "--json",
    "--metrics=off",
    "--disable-version-check",
    "--disable-nosem",
    "--quiet",
    "--jobs=1",
    "--timeout=20",
    "--no-rewrite-rule-ids",
)
_MAX_FILES = 5000
_SECONDS = 300.0


def look(
    program: str, files: Mapping[str, bytes], catalogue: Catalogue, rules: Sequence[Path] = ()
) -> dict[str, list[Signal]]:
    """Return the signs Semgrep finds in `files` (path -> content), by path.

    The files are copied under names of our own, so no ignore file, configuration or link of the tree is seen.
    `rules` are the user's own rule files, beside the shipped ones. Raises SecpipeError when Semgrep is absent, crashes,
    hangs, or did not read a file it was given: nothing may be concluded then.
    """
    chosen = [path for path in sorted(files) if path.lower().endswith(SUFFIXES)]
    if not chosen:
        return {}
    if len(chosen) > _MAX_FILES:
        raise SecpipeError(f"semgrep would have to read {len(chosen):,} files, more than {_MAX_FILES:,}")
    with tempfile.TemporaryDirectory(prefix="secpipe-semgrep-") as folder:
        names: dict[str, str] = {}
        for index, path in enumerate(chosen):
            name = f"{index:06d}{Path(path.lower()).suffix}"
            names[name] = path
            create_exclusive(Path(folder) / name, files[path])
        configs = [shipped() / "semgrep", *rules]
        argv = [program, "scan", *(f"--config={config}" for config in configs), *_FLAGS, "--", *names]
        result = process.run(argv, cwd=folder, extra={**_ENVIRONMENT, "HOME": folder}, timeout=_SECONDS)
    if result.code not in {0, 1} or result.truncated:
        raise SecpipeError(f"semgrep ended with code {result.code}")
    return _signals(result.stdout, names, catalogue)


def _signals(output: bytes, names: Mapping[str, str], catalogue: Catalogue) -> dict[str, list[Signal]]:
    try:
        document = json.loads(output)
        results, scanned = document["results"], set(document["paths"]["scanned"])
    except (ValueError, KeyError, TypeError, RecursionError):
        raise SecpipeError("semgrep's answer cannot be read") from None
    if missing := sorted(set(names) - {Path(name).name for name in scanned}):
        raise SecpipeError(f"semgrep did not read {names[missing[0]]} and {len(missing) - 1} more")
    found: dict[str, list[Signal]] = {}
    for row in results if isinstance(results, list) else ():
        sign = _signal(row, catalogue)
        if sign is not None and Path(str(row.get("path"))).name in names:
            found.setdefault(names[Path(str(row["path"])).name], []).append(sign)
    return found


def _signal(row: Any, catalogue: Catalogue) -> Signal | None:
    """A result of the shipped rules says an address in its message; of a user's rule, perhaps a provider in its
    metadata.
    """
    if not isinstance(row, dict):
        return None
    extra = row.get("extra", {})
    line = row.get("start", {}).get("line", 0)
    meta = extra.get("metadata", {}).get("secpipe", {})
    provider = meta.get("provider", "") if isinstance(meta, dict) else ""
    if provider in catalogue.providers:
        host = catalogue.providers[provider].host
        return Signal(
            "endpoint",
            "http",
            provider,
            line=line,
            host=host,
            evidence=f"semgrep rule {row.get('check_id')}",
            confidence=Confidence.HIGH,
        )
    message = str(extra.get("message", ""))
    if not message.startswith("address "):
        return None
    destination = resolve(message.removeprefix("address ").strip("`\"' "), catalogue)
    if destination is None:
        return None
    known = destination.provider in catalogue.providers
    if not (counts(destination, catalogue) if known else ai_path(destination.path, catalogue, message)):
        return None
    return destination_signal("endpoint", "http", destination, line, f"calls {destination.host} (semgrep)")
