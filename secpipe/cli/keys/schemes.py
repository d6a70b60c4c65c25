"""`secpipe keys schemes`: every signature algorithm, the library behind it, and why one cannot be used."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from secpipe.cli.keys.options import write_text_or_json
from secpipe.cli.options import plain_format


@click.command("schemes")
@plain_format
def schemes(form: str, output: str) -> int:
    """List algorithms and their backends: version, library file with its SHA-256, usable or why not."""
    from secpipe.keys.schemes import scheme

    backends = _backends()
    rows = [_row(name) for name in scheme.SCHEMES]
    hybrids = {name: list(pair) for name, pair in scheme.PAIRS.items()}
    document = {"schema": "secpipe.schemes/1", "backends": backends, "schemes": rows, "hybrids": hybrids}
    width = max(len(row["id"]) for row in rows)
    lines = [f"{row['id'].ljust(width)}  {row['class']:9}  {row['backend'] or 'unusable (see below)'}" for row in rows]
    lines += ["", *(f"hybrid {name}: {' + '.join(pair)}" for name, pair in hybrids.items()), ""]
    for item in backends:
        place = f" {item['path']} sha256:{item['sha256']}" if item["path"] else ""
        lines.append(
            f"{item['name']} {item['version'] or '-'}{place}{' (' + item['reason'] + ')' if item['reason'] else ''}"
        )
    write_text_or_json(document, lines, form, output)
    return 0


def _backends() -> list[dict[str, str]]:
    import cryptography
    from cryptography.hazmat import bindings

    from secpipe.keystore.backends import asked

    native = sorted(path for folder in bindings.__path__ for path in Path(folder).glob("*rust*.*") if path.is_file())
    place = str(native[0]) if native else ""
    found = [{"name": "cryptography", "version": cryptography.__version__, "path": place, "reason": ""}]
    for state in (one.backend for one in asked()):
        found.append({"name": state.name, "version": state.version, "path": state.path, "reason": state.reason})
    return [item | {"sha256": _digest(item["path"])} for item in found]


def _digest(path: str) -> str:
    import hashlib

    from secpipe.core.errors import SecpipeError
    from secpipe.system import files

    if not path.startswith("/"):
        return ""
    try:
        return hashlib.sha256(files.read_bytes(path, 1 << 28)).hexdigest()
    except SecpipeError:
        return ""


def _row(name: str) -> dict[str, Any]:
    from secpipe.keys.schemes import raw, scheme
    from secpipe.keystore.backends import asked, unable

    half = scheme.get(name).half.value
    if name not in raw.RAW:
        return {"id": name, "class": half, "backend": "cryptography", "reason": ""}
    usable = next((one.backend.name for one in asked() if not one.algorithms[name]), "")
    return {"id": name, "class": half, "backend": usable, "reason": unable(name)}
