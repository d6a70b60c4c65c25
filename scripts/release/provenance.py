"""Write the SLSA provenance v1 predicate of a build: which commit, which locked wheels, which builder; no times.

Usage: provenance.py OUTPUT COMMIT PLATFORM WHEEL...
SECPIPE_SOURCE (git+ADDRESS) and SECPIPE_BUILDER (a URI) say what only the releaser knows.
Source: slsa.dev/spec/v1.0/provenance.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from pathlib import Path
from typing import Any

BUILD_TYPE = "https://secpipe.dev/make-dist/v1"
LOCAL = "https://secpipe.dev/builder/local"


def predicate(commit: str, platform: str, wheels: list[Path]) -> dict[str, Any]:
    """Return the predicate; without SECPIPE_SOURCE the commit alone names the source."""
    address = os.environ.get("SECPIPE_SOURCE")
    source: dict[str, Any] = {"name": "source", "digest": {"gitCommit": commit}}
    if address:
        source["uri"] = f"{address}@{commit}"
    return {
        "buildDefinition": {
            "buildType": BUILD_TYPE,
            "externalParameters": {
                "python": f"{sys.version_info.major}.{sys.version_info.minor}",
                "platform": platform,
            },
            "resolvedDependencies": [source, *map(_wheel, sorted(wheels, key=lambda path: path.name))],
        },
        "runDetails": {"builder": {"id": os.environ.get("SECPIPE_BUILDER", LOCAL)}},
    }


def _wheel(path: Path) -> dict[str, Any]:
    """Return one material: a wheel, as the lock's digest admitted it."""
    name, version = path.name.split("-")[:2]
    purl = f"pkg:pypi/{name.lower().replace('_', '-')}@{version}?file_name={path.name}"
    return {"uri": purl, "digest": {"sha256": hashlib.sha256(path.read_bytes()).hexdigest()}}


if __name__ == "__main__":
    output, commit, platform, *wheels = sys.argv[1:]
    document = predicate(commit, platform, [Path(wheel) for wheel in wheels])
    Path(output).write_bytes(json.dumps(document, indent=1).encode() + b"\n")
