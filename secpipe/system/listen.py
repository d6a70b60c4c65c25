"""The one place that listens: a small HTTP server with bounds on bodies, time and clients, on loopback by default."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from secpipe.core.errors import ConfigError
from secpipe.core.text import printable
from secpipe.system import files

#: (method, path, body) -> (status, content type, body). It must not raise.
Handle = Callable[[str, str, bytes], tuple[int, str, bytes]]

_CLIENTS = 16  # at a time; more are told to come back
_SECONDS = 10.0  # a client that is silent for longer is left
_PATH = 512


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, place: tuple[str, int], handle: Handle, limit: int) -> None:
        self.handle_one, self.limit = handle, limit
        self.clients = threading.BoundedSemaphore(_CLIENTS)
        super().__init__(place, _Handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away is no news."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    server_version, sys_version = "secpipe", ""
    protocol_version = "HTTP/1.1"
    timeout = _SECONDS

    def do_GET(self) -> None:
        self._serve(b"")

    def do_POST(self) -> None:
        length = self.headers.get("Content-Length", "")
        if not (length.isascii() and length.isdigit()) or int(length) > self.server.limit:
            self._answer(413, "text/plain", b"the body is too large, or has no length\n")
            self.close_connection = True
            return
        body = self.rfile.read(int(length))
        if len(body) == int(length):
            self._serve(body)

    def _serve(self, body: bytes) -> None:
        if len(self.path) > _PATH:
            self._answer(414, "text/plain", b"the path is too long\n")
        elif not self.server.clients.acquire(blocking=False):
            self._answer(503, "text/plain", b"busy\n")
        else:
            try:
                self._answer(*self.server.handle_one(self.command, self.path, body))
            finally:
                self.server.clients.release()

    def _answer(self, status: int, content_type: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # the name that the library gives it
        """Nothing of a request is written anywhere: it is foreign text."""


@contextmanager
def listening(host: str, port: int, handle: Handle, limit: int) -> Iterator[str]:
    """Serve in the background while the block runs, and yield the address. `limit` bounds a body (bytes).

    Raises ConfigError where nobody can listen there.
    """
    try:
        server = _Server((host, port), handle, limit)
    except OSError as error:
        raise ConfigError(f"cannot listen on {printable(host)}:{port}: {files.reason(error)}") from error
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True)
    thread.start()
    try:
        yield f"http://{host}:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
