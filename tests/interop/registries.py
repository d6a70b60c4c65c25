"""A real OCI registry on loopback: `docker-registry` (SECPIPE_REGISTRY or PATH), and an artifact pushed to it."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from secpipe.formats.oci import MANIFEST
from secpipe.sign.registry import Reference, Registry, digest_of

WHY_NOT = "docker-registry is not here: put it on PATH or set SECPIPE_REGISTRY"
CONFIG = """version: 0.1
log: {{level: error}}
storage: {{filesystem: {{rootdirectory: {data}}}}}
http: {{addr: 127.0.0.1:{port}}}
"""


def find() -> str | None:
    """Return the program, or None where it cannot be had."""
    return os.environ.get("SECPIPE_REGISTRY") or shutil.which("docker-registry")


@contextlib.contextmanager
def serving(folder: Path) -> Iterator[str]:
    """Run a registry over `folder` and yield its `host:port`."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    (folder / "config.yml").write_text(CONFIG.format(data=folder / "data", port=port))
    quiet = subprocess.DEVNULL
    process = subprocess.Popen([find() or "", "serve", folder / "config.yml"], stdout=quiet, stderr=quiet)
    try:
        for _ in range(100):
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/v2/", timeout=1)
                break
            except OSError:
                time.sleep(0.1)
        yield f"127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()


def push(host: str, layer: bytes) -> str:
    """Push an artifact with one layer and return `oci://...@sha256:...`."""
    registry = Registry.open(Reference(host, "ai/model", "sha256:" + "0" * 64))
    config = {"mediaType": "application/vnd.oci.empty.v1+json", "size": 2, "digest": registry.put_blob(b"{}")}
    content = {"mediaType": "application/octet-stream", "size": len(layer), "digest": registry.put_blob(layer)}
    kind = "application/vnd.example.model"
    document = {"schemaVersion": 2, "mediaType": MANIFEST, "artifactType": kind, "config": config, "layers": [content]}
    manifest = json.dumps(document).encode()
    url = f"http://{host}/v2/ai/model/manifests/{digest_of(manifest)}"
    answer = registry.client.do_request(url, "PUT", data=manifest, headers={"Content-Type": MANIFEST})
    if answer.status_code != 201:
        raise RuntimeError(f"the registry answered {answer.status_code}")
    return f"oci://{host}/ai/model@{digest_of(manifest)}"
