"""A package index on loopback (PEP 503), with tiny wheels that are made here."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import html
import io
import re
import threading
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import distribution


def wheel(
    name: str, version: str, *, requires: tuple[str, ...] = (), extras: tuple[str, ...] = (), code: str = ""
) -> bytes:
    """Return a wheel with one module."""
    info = f"{name}-{version}.dist-info"
    metadata = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}"]
    metadata += [f"Provides-Extra: {extra}" for extra in extras] + [f"Requires-Dist: {need}" for need in requires]
    return _zipped(
        info,
        {
            f"{name}.py": f"VERSION = {version!r}\n{code}".encode(),
            f"{info}/METADATA": ("\n".join(metadata) + "\n").encode(),
            f"{info}/WHEEL": b"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        },
    )


def wheel_of_installed(name: str) -> tuple[str, bytes]:
    """Return (version, wheel) of a pure package that this environment holds."""
    here = distribution(name)
    kept = [
        path for path in here.files or () if ".." not in path.parts and path.suffix != ".pyc" and path.name != "RECORD"
    ]
    return here.version, _zipped(f"{name}-{here.version}.dist-info", {str(path): path.read_binary() for path in kept})


def _zipped(info: str, members: Mapping[str, bytes]) -> bytes:
    rows = []
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for path, data in members.items():
            digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
            rows.append(f"{path},sha256={digest},{len(data)}\n")
            archive.writestr(zipfile.ZipInfo(path), data)
        archive.writestr(zipfile.ZipInfo(f"{info}/RECORD"), "".join(rows) + f"{info}/RECORD,,\n")
    return buffer.getvalue()


@dataclass
class Index:
    """What an index serves, file name -> content, and which paths were asked for."""

    files: dict[str, bytes] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    url: str = ""

    def add(self, name: str, version: str, data: bytes, tag: str = "py3-none-any") -> str:
        """Serve a wheel; return its line in a lock."""
        self.files[f"{name}-{version}-{tag}.whl"] = data
        return f"{name}=={version} \\\n    --hash=sha256:{hashlib.sha256(data).hexdigest()}\n"

    def page(self, project: str) -> bytes | None:
        """Return the page of a project with links to its files, None for one that nobody knows."""
        names = [name for name in self.files if re.sub(r"[-_.]+", "-", name.split("-")[0]).lower() == project]
        links = [f'<a href="/files/{html.escape(name)}">{html.escape(name)}</a>' for name in names]
        return f"<!DOCTYPE html><html><body>{''.join(links)}</body></html>".encode() if names else None


@contextlib.contextmanager
def serving(index: Index) -> Iterator[Index]:
    """Serve an index on a free port of the loopback address."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            index.asked.append(self.path)
            kind, _, rest = self.path.strip("/").partition("/")
            body = index.page(rest) if kind == "simple" else index.files.get(rest)
            self.send_response(200 if body is not None else 404)
            self.send_header("Content-Type", "text/html" if kind == "simple" else "application/octet-stream")
            self.send_header("Content-Length", str(len(body or b"")))
            self.end_headers()
            self.wfile.write(body or b"")

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        index.url = f"http://127.0.0.1:{server.server_port}/simple/"
        try:
            yield index
        finally:
            server.shutdown()
            thread.join()
