"""The one socket: HTTPS (plain HTTP on loopback only), a timeout, a size cap, no redirects to elsewhere."""

from __future__ import annotations

import ipaddress
import socket
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from contextlib import suppress
from http.client import HTTPConnection, HTTPException, HTTPMessage, HTTPSConnection
from typing import IO, Any

from secpipe.core.errors import NetworkError, UnsafeInput


class _SameOrigin(urllib.request.HTTPRedirectHandler):
    """Follow a redirect only within the origin it came from."""

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage, newurl: str
    ) -> urllib.request.Request | None:
        old, new = urllib.parse.urlsplit(req.full_url), urllib.parse.urlsplit(newurl)
        if (old.scheme, old.netloc) != (new.scheme, new.netloc):
            raise NetworkError(f"{old.netloc} redirects to {new.netloc}", hint="give the final address")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


class Patience:
    """How long a whole task may take, over all its exchanges."""

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds
        self._seconds = seconds

    def left(self, most: float) -> float:
        """Return what one exchange may take, `most` seconds at most; raises NetworkError when nothing is left."""
        left = self._end - time.monotonic()
        if left <= 0:
            raise NetworkError(f"the whole took longer than {self._seconds:.0f} s", hint="try again later")
        return min(most, left)


class _Deadline:
    """Ends every connection of one exchange at a time, whatever is being waited for: a byte now and then is no answer.

    A twin of each socket is kept: shutting it down ends the connection, also while TLS is being agreed on.
    """

    def __init__(self, seconds: float) -> None:
        self.passed = False
        self._twins: list[socket.socket] = []
        self._timer = threading.Timer(seconds, self._end)
        self._timer.daemon = True

    def __enter__(self) -> _Deadline:
        self._timer.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()
        for twin in self._twins:
            twin.close()

    def _end(self) -> None:
        self.passed = True
        for twin in self._twins:
            with suppress(OSError):
                twin.shutdown(socket.SHUT_RDWR)

    def connect(self, *arguments: Any, **more: Any) -> socket.socket:
        """Connect as `socket.create_connection` does, and keep a twin."""
        made = socket.create_connection(*arguments, **more)
        self._twins.append(made.dup())
        if self.passed:
            self._end()
        return made

    def handlers(self) -> list[urllib.request.BaseHandler]:
        """Return handlers of urllib whose connections end in time."""
        deadline = self

        def made(kind: type[HTTPConnection], host: str, **more: Any) -> HTTPConnection:
            connection = kind(host, **more)
            vars(connection)["_create_connection"] = deadline.connect
            return connection

        class Plain(urllib.request.HTTPHandler):
            def http_open(self, req: urllib.request.Request) -> Any:
                return self.do_open(lambda host, **more: made(HTTPConnection, host, **more), req)

        class Tls(urllib.request.HTTPSHandler):
            def https_open(self, req: urllib.request.Request) -> Any:
                return self.do_open(lambda host, **more: made(HTTPSConnection, host, **more), req)

        return [_SameOrigin(), Plain(), Tls()]


def fetch(
    url: str, *, limit: int, timeout: float = 30.0, data: bytes | None = None, content_type: str = "application/json",
    method: str | None = None, headers: Mapping[str, str] | None = None,
) -> bytes:  # fmt: skip
    """GET `url` (POST where `data` is given, or by `method`) and return the body of a 2xx answer.

    Raises as `exchange` does, and NetworkError for any other answer.
    """
    status, body = exchange(
        url, limit=limit, timeout=timeout, data=data, content_type=content_type, method=method, headers=headers
    )
    if not 200 <= status < 300:
        raise NetworkError(f"{url} answered {status}")
    return body


def exchange(
    url: str, *, limit: int, timeout: float = 30.0, data: bytes | None = None, content_type: str = "application/json",
    method: str | None = None, headers: Mapping[str, str] | None = None,
) -> tuple[int, bytes]:  # fmt: skip
    """GET `url` (POST where `data` is given, or by `method`) and return status and body, whatever the status is.

    `timeout` (seconds) bounds the whole exchange, `limit` (bytes) the body. Only called when a flag or the user's own
    configuration asked for the network. Raises NetworkError, or UnsafeInput over the limit.
    """
    parts = urllib.parse.urlsplit(url)
    if parts.scheme != "https" and not (parts.scheme == "http" and _loopback(parts.hostname or "")):
        raise NetworkError(f"{url} is not https", hint="plain http is accepted for loopback addresses only")
    request = urllib.request.Request(url, data=data, headers={"User-Agent": "secpipe"}, method=method)
    for name, value in (headers or {}).items():
        if not value.isascii() or not value.isprintable():
            raise NetworkError(f"the value for {name} cannot stand in a header", hint="is the key file the right one?")
        request.add_unredirected_header(name, value)
    if data is not None:
        request.add_header("Content-Type", content_type)
    with _Deadline(timeout) as deadline:
        try:
            with _opened(request, timeout, deadline) as answer:
                body = _body(answer, url, limit)
                expected, status = answer.headers.get("Content-Length"), int(answer.status or 0)
        except (urllib.error.URLError, HTTPException, OSError, ValueError) as error:
            why = getattr(error, "reason", error)
            if deadline.passed or isinstance(why, TimeoutError):
                raise NetworkError(f"{url} took longer than {timeout:.0f} s", hint="try again later") from error
            raise NetworkError(f"{url} cannot be reached: {why}", hint="work offline, or check the address") from error
    if deadline.passed:
        raise NetworkError(f"{url} took longer than {timeout:.0f} s", hint="try again later")
    if expected is not None and expected.isdigit() and int(expected) != len(body):
        raise NetworkError(f"{url} ended early: {len(body):,} of {int(expected):,} bytes")
    return status, body


def _opened(request: urllib.request.Request, timeout: float, deadline: _Deadline) -> Any:
    try:
        return urllib.request.build_opener(*deadline.handlers()).open(request, timeout=timeout)
    except urllib.error.HTTPError as error:
        return error  # an answer as well


def _body(answer: Any, url: str, limit: int) -> bytes:
    parts: list[bytes] = []
    size = 0
    while chunk := answer.read1(65536):
        size += len(chunk)
        if size > limit:
            raise UnsafeInput(f"{url} sends more than {limit:,} bytes")
        parts.append(chunk)
    return b"".join(parts)


def _loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
