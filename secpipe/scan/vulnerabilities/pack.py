"""Making a feed ready to sign: records reduced to a zip of OSV files, and the manifest that describes them."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

from secpipe.core import times
from secpipe.core.errors import InputError
from secpipe.core.limits import DEFAULT, Limits
from secpipe.scan.vulnerabilities import exploits, manifest
from secpipe.scan.vulnerabilities.feed import Harvest, check_readable, harvest
from secpipe.scan.vulnerabilities.manifest import FeedFile, Manifest
from secpipe.scan.vulnerabilities.osv import Advisory
from secpipe.system import files

_EPOCH = (1980, 1, 1, 0, 0, 0)


def pack(
    sources: Sequence[Path],
    target: Path,
    *,
    name: str,
    source: str,
    version: int,
    lifetime: timedelta,
    partial: bool = False,
    now: datetime,
    limits: Limits = DEFAULT,
) -> Manifest:
    """Write a feed into the folder `target`: `osv.zip`, `kev.json`, `epss.csv`, and `advisories.json` last.

    Of every record only the facts are kept. The same sources at the same time give the same bytes. `version` must rise
    with every feed of that `name`; receivers refuse a lower one. The feed claims to cover each ecosystem that it names,
    with `partial` just the packages. Raises InputError.
    """
    records: dict[str, Advisory] = {}
    dates: list[str] = []
    extra: dict[str, bytes] = {}
    for path in sources:
        kind = ""
        if path.is_file():
            with files.open_regular(path) as file:
                kind = exploits.kind_of(file.read(65_536))
        if kind:
            data = files.read_bytes(path, limits.document_bytes)
            (exploits.parse_kev if kind == "kev" else exploits.parse_epss)(data)
            extra[kind] = data
            continue
        found = harvest(path, now, limits)
        check_readable(found, str(path))
        dates.append(found.newest)
        for advisory in found.advisories.values():
            if advisory.id not in records or records[advisory.id].modified <= advisory.modified:
                records[advisory.id] = advisory
    if not dates or not min(dates):
        raise InputError("the sources hold no OSV records dated before now")
    parts = {"osv.zip": ("osv", _zip(records))}
    parts |= {("kev.json" if kind == "kev" else "epss.csv"): (kind, data) for kind, data in sorted(extra.items())}
    coverage = Harvest(records).coverage(partial=partial)
    made = Manifest(
        name,
        source,
        version,
        min(dates),
        times.rfc3339(now + lifetime),
        len(records),
        coverage,
        tuple(FeedFile(n, kind, hashlib.sha256(data).hexdigest(), len(data)) for n, (kind, data) in parts.items()),
    )
    text = json.dumps(made.to_dict(), indent=1, ensure_ascii=False).encode() + b"\n"
    manifest.parse_manifest(text)  # what nobody could read is not written
    files.make_folder(target)
    for stale in manifest.signatures(target):
        files.remove(stale)
    for file_name, (_, data) in parts.items():
        files.write_atomic(target / file_name, data)
    files.write_atomic(target / manifest.NAME, text)
    return made


def to_osv(advisory: Advisory) -> dict[str, object]:
    """Return the facts of an advisory as an OSV record."""
    record: dict[str, object] = {
        "schema_version": "1.6.0",
        "id": advisory.id,
        "modified": advisory.modified,
        "published": advisory.published,
        "withdrawn": advisory.withdrawn,
        "aliases": list(advisory.aliases),
        "severity": [{"type": _vector_type(vector), "score": vector} for vector in advisory.vectors],
        "affected": [
            {
                "package": {"ecosystem": affected.ecosystem, "name": affected.name},
                "ranges": [
                    {"type": "ECOSYSTEM", "events": [{kind: text} for kind, text in span.events]}
                    for span in affected.ranges
                ],
                "versions": list(affected.versions),
            }
            for affected in advisory.affected
        ],
        "database_specific": {"severity": advisory.level.upper(), "cwe_ids": list(advisory.weaknesses)},
    }
    return {key: value for key, value in record.items() if value}


def _vector_type(vector: str) -> str:
    return {"CVSS:4": "CVSS_V4", "CVSS:3": "CVSS_V3"}.get(vector[:6], "CVSS_V2")


def _zip(records: dict[str, Advisory]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for identity in sorted(records):
            text = json.dumps(to_osv(records[identity]), separators=(",", ":"), ensure_ascii=False)
            archive.writestr(zipfile.ZipInfo(f"{identity}.json", _EPOCH), text, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()
