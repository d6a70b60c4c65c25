"""The server: HTTP by uvicorn (extra `serve`), bounded in bodies, time and clients. The one file that imports it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from secpipe.core.errors import ConfigError, MissingDependency
from secpipe.core.limits import MIB
from secpipe.serve.doors import DOORS
from secpipe.serve.metrics import CONTENT_TYPE
from secpipe.serve.state import Serving
from secpipe.system import files, places
from secpipe.system.hashing import folder_stamp
from secpipe.system.outputs import tell

_BODY = 3 * MIB + MIB // 2  # an object of Kubernetes has at most 1.5 MiB, an UPDATE brings two
_SECONDS = 5.0  # for one request, from its first byte to the end of its body
_CLIENTS = 1000
_JSON = "application/json"
Send = Callable[[dict[str, Any]], Awaitable[None]]
Receive = Callable[[], Awaitable[dict[str, Any]]]


@dataclass(frozen=True, slots=True)
class Listening:
    """Where the server listens, and how. `every` is how often it looks for changes, in seconds."""

    host: str
    port: int
    certificate: Path | None = None
    key: Path | None = None
    every: float = 5.0
    guarded: bool = False


class App:
    """The ASGI application (ASGI 3.0): four doors, health, readiness, metrics and its own description."""

    def __init__(self, serving: Serving, *, guarded: bool) -> None:
        self._serving = serving
        self._guarded = guarded
        self._described = files.read_bytes(places.shipped() / "schema" / "serve.openapi.json", MIB)

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        """Answer one request; a defect of ours is a 500, and so no yes."""
        if scope["type"] != "http":
            return
        try:
            async with asyncio.timeout(_SECONDS):
                status, kind, body = await self._answer(scope, receive)
        except TimeoutError:
            status, kind, body = self._refuse("slow", 408, "the body took too long")
        except Exception as error:
            status, kind, body = self._refuse("defect", 500, f"unexpected {type(error).__name__}")
        headers = [(b"content-type", kind.encode()), (b"content-length", str(len(body)).encode())]
        if status in (408, 413):
            headers.append((b"connection", b"close"))
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})

    async def _answer(self, scope: dict[str, Any], receive: Receive) -> tuple[int, str, bytes]:
        method, path = scope["method"], scope["path"]
        if path in DOORS:
            if method != "POST":
                return self._refuse("method", 405, "ask with POST")
            body = await _body(receive)
            if body is None:
                return self._refuse("large", 413, "the body is too large")
            return self._asked(path, body)
        if method not in ("GET", "HEAD"):
            return self._refuse("method" if path in _PAGES else "path", 405 if path in _PAGES else 404, "no such page")
        return self._page(path)

    def _asked(self, path: str, body: bytes) -> tuple[int, str, bytes]:
        """Answer at one of the doors, from one shelf."""
        serving = self._serving
        begun = time.perf_counter()
        name, door = DOORS[path]
        said = door(serving.shelf, body, serving.now(), self._guarded)
        result = {True: "allowed", False: "refused", None: "malformed"}[said.allowed]
        serving.metrics.answers[name, result] += 1
        serving.metrics.seconds += time.perf_counter() - begun
        if said.line:
            serving.tell(said.line)
        return said.status, _JSON, _encoded(said.document)

    def _page(self, path: str) -> tuple[int, str, bytes]:
        serving = self._serving
        if path == "/healthz":
            return 200, _JSON, b'{"alive": true}\n'
        if path == "/readyz":
            why = serving.shelf.stale(serving.now())
            return (503 if why else 200), _JSON, _encoded({"ready": not why, "why": why})
        if path == "/metrics":
            return 200, CONTENT_TYPE, serving.metrics.text(serving.shelf, serving.now()).encode()
        if path == "/openapi.json":
            return 200, _JSON, self._described
        return self._refuse("path", 404, "no such page")

    def _refuse(self, reason: str, status: int, why: str) -> tuple[int, str, bytes]:
        self._serving.metrics.refused[reason] += 1
        return status, _JSON, _encoded({"schema": "secpipe.served/1", "allowed": False, "error": why})


_PAGES = frozenset({"/healthz", "/readyz", "/metrics", "/openapi.json"})


async def _body(receive: Receive) -> bytes | None:
    """Return the whole body, None where it is larger than any that is answered; no more of it is held."""
    parts, size = [], 0
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return b""
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > _BODY:
            return None
        if not message.get("more_body", False):
            return b"".join(parts)


def _encoded(document: Any) -> bytes:
    return json.dumps(document).encode("ascii") + b"\n"


def run(serving: Serving, place: Listening) -> None:
    """Serve until the process is told to end (SIGTERM, SIGINT); SIGHUP loads again.

    Raises MissingDependency without uvicorn, ConfigError where nobody can listen or a certificate cannot be used.
    """
    try:
        import uvicorn
        from uvicorn.protocols.http.h11_impl import H11Protocol
    except ImportError as error:
        raise MissingDependency("the server needs uvicorn", hint="pip install 'secpipe[serve]'") from error

    class Patient(H11Protocol):
        """Whoever does not send the head of a request in time is left."""

        def connection_made(self, transport: Any) -> None:
            super().connection_made(transport)
            self.late = self.loop.call_later(_SECONDS, self._leave)

        def data_received(self, data: bytes) -> None:
            before = self.cycle
            super().data_received(data)
            if self.cycle is not before:
                self.late.cancel()
            elif getattr(before, "response_complete", False) and self.late.cancelled():
                self.late = self.loop.call_later(_SECONDS, self._leave)

        def connection_lost(self, exc: Exception | None) -> None:
            self.late.cancel()
            super().connection_lost(exc)

        def _leave(self) -> None:
            serving.metrics.refused["slow"] += 1
            self.transport.abort()

    config = uvicorn.Config(
        App(serving, guarded=place.guarded), host=place.host, port=place.port, http=Patient, ws="none",
        lifespan="off", access_log=False, log_config=None, limit_concurrency=_CLIENTS, timeout_keep_alive=65,
        timeout_graceful_shutdown=10, server_header=False, date_header=False, proxy_headers=False, backlog=2048,
        ssl_certfile=place.certificate, ssl_keyfile=place.key,
    )  # fmt: skip
    try:
        config.load()
    except OSError as error:
        raise ConfigError(f"the certificate cannot be used: {files.reason(error)}") from error
    server = uvicorn.Server(config)
    with contextlib.suppress(KeyboardInterrupt, SystemExit):  # it exits where it cannot listen
        asyncio.run(_serve(server, config, serving, place))
    if not server.started:
        raise ConfigError(f"cannot listen on {place.host}:{place.port}", hint="is another server there?")


async def _serve(server: Any, config: Any, serving: Serving, place: Listening) -> None:
    wake = asyncio.Event()

    def told() -> None:
        serving.asked.set()
        wake.set()

    if sys.platform != "win32":
        asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, told)
    looking = asyncio.create_task(_look(server, config, serving, place, wake))
    try:
        await server.serve()
    finally:
        serving.end()
        looking.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await looking


async def _look(server: Any, config: Any, serving: Serving, place: Listening, wake: asyncio.Event) -> None:
    """Load again when told to, and look for changes now and then; requests are answered meanwhile."""
    while not server.started:
        await asyncio.sleep(0.01)
    for socket in (one for each in server.servers for one in each.sockets):
        host, port = socket.getsockname()[:2]
        tell(f"secpipe: serve: listening on http{'s' if config.is_ssl else ''}://{host}:{port}")
    certificate = _certificate(place)
    while True:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(wake.wait(), serving.pause(place.every))
        serving.told_to = wake.is_set()
        wake.clear()
        if place.certificate is not None and _certificate(place) != certificate:
            certificate = _certificate(place)
            _rotate(config, serving, place)
        await asyncio.to_thread(serving.reload)


def _certificate(place: Listening) -> bytes:
    return b"".join(folder_stamp(one.resolve().parent) for one in (place.certificate, place.key) if one is not None)


def _rotate(config: Any, serving: Serving, place: Listening) -> None:
    """Use the new certificate for whoever connects from now on; one that cannot be used changes nothing."""
    try:
        config.ssl.load_cert_chain(place.certificate, place.key)
        serving.tell("the certificate was renewed")
    except (OSError, ValueError) as error:
        serving.tell(f"the new certificate cannot be used, the old one stays: {type(error).__name__}")
