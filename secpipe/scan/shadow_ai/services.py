"""The uses of AI as CycloneDX services: one for each destination, with the places that call it."""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from secpipe.core import times

_PREFIX = "secpipe:shadow-ai:"


def services(uses: Iterable[Mapping[str, Any]], now: datetime, *, version: str = "") -> dict[str, Any]:
    """Return a CycloneDX 1.6 document whose services are the remote and local AI services in `uses`.

    The serial number is derived from the content, so the same uses give the same document at the same time.
    """
    groups: dict[tuple[str, str], list[Mapping[str, Any]]] = defaultdict(list)
    for use in uses:
        if not use["context"]:
            groups[use["provider"], use["host"]].append(use)
    rows = [_service(provider, host, members) for (provider, host), members in sorted(groups.items())]
    digest = hashlib.sha256(json.dumps(rows, sort_keys=True).encode()).hexdigest()
    serial = f"urn:uuid:{digest[:8]}-{digest[8:12]}-5{digest[13:16]}-8{digest[17:20]}-{digest[20:32]}"
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": serial,
        "version": 1,
        "metadata": {
            "timestamp": times.rfc3339(now),
            "tools": {"components": [{"type": "application", "name": "secpipe", "version": version}]},
        },
        "services": rows,
    }


def _service(provider: str, host: str, members: list[Mapping[str, Any]]) -> dict[str, Any]:
    first = members[0]
    properties = [{"name": f"{_PREFIX}kind", "value": first["kind"]}]
    properties += [
        {"name": f"{_PREFIX}model", "value": model}
        for model in sorted({use["model"] for use in members if use["model"]})
    ]
    places = sorted({f"{use['path']}:{use['line']}" for use in members})
    properties += [{"name": f"{_PREFIX}use", "value": place} for place in places[:200]]
    if first["jurisdiction"]:
        properties.append({"name": f"{_PREFIX}jurisdiction", "value": first["jurisdiction"]})
    row: dict[str, Any] = {
        "bom-ref": f"service:{provider}:{host}",
        "provider": {"name": first["name"]},
        "name": provider,
    }
    if host:
        row["endpoints"] = [f"http://{host}" if first["local"] else f"https://{host}"]
    row["x-trust-boundary"] = not first["local"]
    row["properties"] = properties
    return row
