"""Small real objects for the audit tests: records, stores, inventories, a signed feed and the server that serves it."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from secpipe.core.inventory import Component, ComponentKind, Inventory
from secpipe.formats.packages import purl
from secpipe.scan.vulnerabilities.local import open_store
from secpipe.scan.vulnerabilities.store import AdvisoryStore

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


@pytest.fixture
def now() -> datetime:
    return NOW


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    place = tmp_path / "home"
    monkeypatch.setenv("SECPIPE_HOME", str(place))
    monkeypatch.setenv("SECPIPE_CACHE", str(tmp_path / "cache"))
    return place


@pytest.fixture
def record() -> Callable[..., dict[str, Any]]:
    """Make an OSV record: `record("GHSA-1", "torch", events, aliases=[...])`."""

    def make(identity: str, name: str, *events: dict[str, str], ecosystem: str = "PyPI", **rest: Any) -> dict[str, Any]:
        affected: dict[str, Any] = {"package": {"ecosystem": ecosystem, "name": name}}
        if events:
            affected["ranges"] = [{"type": "ECOSYSTEM", "events": list(events)}]
        if "versions" in rest:
            affected["versions"] = rest.pop("versions")
        return {"id": identity, "modified": "2026-11-01T00:00:00Z", "affected": [affected], **rest}

    return make


@pytest.fixture
def store_of(tmp_path: Path, now: datetime) -> Callable[..., AdvisoryStore]:
    """Open a store over records, as a user would: a folder of OSV files."""

    def make(*records: Any) -> AdvisoryStore:
        folder = tmp_path / "osv"
        folder.mkdir(exist_ok=True)
        for number, value in enumerate(records):
            (folder / f"{number}.json").write_text(json.dumps(value))
        return open_store(folder, now=now)

    return make


@pytest.fixture
def library() -> Callable[..., Component]:
    def make(name: str, version: str = "", *, ecosystem: str = "PyPI", **rest: Any) -> Component:
        named = purl.for_ecosystem(ecosystem, name, version)
        fields = {"ref": named, "purl": named, "path": "requirements.txt", **rest}
        return Component(kind=ComponentKind.LIBRARY, name=name, version=version, ecosystem=ecosystem, **fields)

    return make


@pytest.fixture
def inventory_of(library: Callable[..., Component]) -> Callable[..., Inventory]:
    """Make an inventory of `("torch", "2.0.0")` pairs or components."""

    def make(*items: Any) -> Inventory:
        return Inventory(tuple(item if isinstance(item, Component) else library(*item) for item in items))

    return make


class Site:
    """A loopback HTTP server over a dictionary; a value may be bytes or "endless"."""

    def __init__(self) -> None:
        self.files: dict[str, bytes | str] = {}
        self.short = ""  # a path whose body is cut in half
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                body = outer.files.get(self.path)
                if body is None:
                    self.send_error(404)
                    return
                self.send_response(200)
                if isinstance(body, bytes):
                    self.send_header("Content-Length", str(len(body)))
                    self.end_headers()
                    self.wfile.write(body[: len(body) // 2] if self.path == outer.short else body)
                    return
                self.end_headers()
                try:
                    while True:
                        self.wfile.write(b"x" * 65_536)
                except OSError:
                    return

            def log_message(self, *args: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True)
        self.thread.start()

    def serve(self, folder: Path) -> None:
        """Serve the files of a folder, and nothing else."""
        self.files = {f"/{path.name}": path.read_bytes() for path in folder.iterdir()}
        self.short = ""


@pytest.fixture
def site() -> Iterator[Site]:
    served = Site()
    yield served
    served.server.shutdown()
    served.server.server_close()
