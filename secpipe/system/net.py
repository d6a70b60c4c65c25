"""The one socket: HTTPS (plain HTTP on loopback only), a timeout, a size cap, no redirects to elsewhere."""

from __future__ import annotations

import ipaddress
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from http.client import HTTPException, HTTPMessage
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
    deadline = time.monotonic() + timeout
    try:
        with _opened(request, timeout) as answer:
            body = _body(answer, url, limit, deadline, timeout)
            expected, status = answer.headers.get("Content-Length"), int(answer.status or 0)
    except (urllib.error.URLError, HTTPException, OSError, ValueError) as error:
        raise NetworkError(
            f"{url} cannot be reached: {getattr(error, 'reason', error)}", hint="work offline, or check the address"
        ) from error
    if expected is not None and expected.isdigit() and int(expected) != len(body):
        raise NetworkError(f"{url} ended early: {len(body):,} of {int(expected):,} bytes")
    return status, body


def _opened(request: urllib.request.Request, timeout: float) -> Any:
    try:
        return urllib.request.build_opener(_SameOrigin).open(request, timeout=timeout)
    except urllib.error.HTTPError as error:
        return error  # an answer as well


def _body(answer: Any, url: str, limit: int, deadline: float, timeout: float) -> bytes:
    parts: list[bytes] = []
    size = 0
    while chunk := answer.read1(65536):
        size += len(chunk)
        if size > limit:
            raise UnsafeInput(f"{url} sends more than {limit:,} bytes")
        if time.monotonic() > deadline:
            raise NetworkError(f"{url} took longer than {timeout:.0f} s")
        parts.append(chunk)
    return b"".join(parts)


def _loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
