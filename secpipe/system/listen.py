"""The one place that listens: a small HTTP server with bounds on bodies, time and clients, on loopback by default."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from secpipe.core.errors import ConfigError
from secpipe.core.text import printable
from secpipe.system import files

#: (method, path, body) -> (status, content type, body). It must not raise.
Handle = Callable[[str, str, bytes], tuple[int, str, bytes]]

_CLIENTS = 16  # at a time; more are told to come back
_SECONDS = 10.0  # a client that is silent for longer is left
_LONGEST = 30.0  # and one that is not done by then, however often it says something
_BUSY = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
_PATH = 512


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, place: tuple[str, int], handle: Handle, limit: int) -> None:
        self.handle_one, self.limit = handle, limit
        self.clients = threading.BoundedSemaphore(_CLIENTS)
        super().__init__(place, _Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Give a client a thread, as long as there are few."""
        if not self.clients.acquire(blocking=False):
            with contextlib.suppress(OSError):
                request.setblocking(False)
                request.send(_BUSY)
            return self.shutdown_request(request)
        try:
            super().process_request(request, client_address)
        except BaseException:
            self.clients.release()
            raise

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Serve a client for so long."""
        timer = threading.Timer(_LONGEST, _hang_up, (request,))
        timer.daemon = True
        timer.start()
        try:
            super().process_request_thread(request, client_address)
        finally:
            timer.cancel()
            self.clients.release()

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
        size = int(length) if length.isascii() and length.isdigit() and len(length) < 20 else -1
        if not 0 <= size <= self.server.limit:
            with contextlib.suppress(OSError):  # who is still sending hears no answer
                self.rfile.read(max(min(size, 2 * self.server.limit), 0))
            self._answer(413, "text/plain", b"the body is too large, or has no length\n")
            return
        body = self.rfile.read(size)
        if len(body) == size:
            self._serve(body)

    def _serve(self, body: bytes) -> None:
        if len(self.path) > _PATH:
            self._answer(414, "text/plain", b"the path is too long\n")
        else:
            self._answer(*self.server.handle_one(self.command, self.path, body))

    def _answer(self, status: int, content_type: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Connection", "close")  # who comes back waits as others do
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # the name that the base class gives it
        """Nothing of a request is written anywhere: it is foreign text."""


def _hang_up(request: socket.socket) -> None:
    with contextlib.suppress(OSError):
        request.shutdown(socket.SHUT_RDWR)


@contextlib.contextmanager
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
