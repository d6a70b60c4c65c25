"""conda-meta/*.json: one package of an installed conda environment, with the artifact that it was taken from."""

from __future__ import annotations

from secpipe.core.documents import parse_json
from secpipe.formats.locks.conda import conda_package
from secpipe.formats.locks.lock import Lock


def read(found: Lock) -> None:
    """Read the record of one installed package; a JSON file of another kind gives nothing."""
    record = parse_json(found.data, found.name, found.limits)
    if not isinstance(record, dict) or not isinstance(record.get("name"), str) or "build" not in record:
        return
    hashes = [f"{kind}:{record[kind]}" for kind in ("sha256", "md5") if record.get(kind)]
    url, version = str(record.get("url") or ""), str(record.get("version") or "")
    name = record["name"].lower()
    found.add(conda_package(name, version, url, path=found.path, hashes=hashes[:1]))
