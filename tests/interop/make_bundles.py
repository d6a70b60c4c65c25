"""Make one generation of kept bundles: run once a release that changes what is signed, into a folder that is not there.

    python -m tests.interop.make_bundles tests/interop/bundles/v1

Private halves live in memory only and are gone afterwards.
"""

from __future__ import annotations

import json
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from secpipe.sign.attest import attest
from secpipe.sign.sign import sign_artifact
from secpipe.system.tree import open_tree
from tests.unit.sign.tsa import Authority
from tests.unit.sign.world import make_key


def main(folder: Path) -> None:
    """Write artifacts, their bundles, and `trust.json` with the public halves."""
    folder.mkdir(parents=True)
    now = datetime.now(UTC).replace(microsecond=0)
    with tempfile.TemporaryDirectory() as place:
        authority = Authority(Path(place) / "tsa")
        keys = {}
        for pair in ("default", "cnsa2"):
            key = make_key(pair=pair)
            keys[pair] = [{"algorithm": half.algorithm, "pem": half.pem} for half in key.version.halves]
            model, prompt = folder / pair / "tiny-model", folder / pair / "prompt.txt"
            (model / "weights").mkdir(parents=True)
            (model / "config.json").write_text("{}\n")
            (model / "empty").write_bytes(b"")
            (model / "weights" / "caf\u00e9 1.bin").write_bytes(bytes(range(256)))
            prompt.write_text("be kind\n")
            for path in (model, prompt):
                options = {"now": now, "timestamper": authority.stamp}
                sign_artifact(path, open_tree(path), key.signers, key.version, artifact_version="1.0.0", **options)  # type: ignore[arg-type]
                body = b'{"result": "PASSED", "configuration": [{"name": "bias-suite"}]}'
                attest(
                    path, open_tree(path), body, key.signers, key.version, purpose="test-result", kind="bias", **options
                )  # type: ignore[arg-type]
        document = {"signed": now.isoformat(), "authority": authority.pinned.pem, "keys": keys}
    (folder / "trust.json").write_text(json.dumps(document, indent=2) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
