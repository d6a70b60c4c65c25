"""An OCI registry: manifests, blobs and referrers by digest. The only importer of `oras`, which knows how to log in.

Source: OCI distribution-spec 1.1. Everything read is bounded and checked against the digest it was asked for by.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from secpipe.core.documents import parse_json
from secpipe.core.errors import ConfigError, InputError, MissingDependency, NetworkError, UnsafeInput
from secpipe.core.limits import MIB
from secpipe.core.text import printable
from secpipe.formats.oci import INDEX, INDEXES, MANIFEST, MANIFEST_BYTES, MANIFESTS
from secpipe.formats.stream import Readable
from secpipe.system import net

_ACCEPT = ", ".join(sorted(MANIFESTS | INDEXES))
_REFERENCE = re.compile(
    r"oci://(?P<host>[a-z0-9.-]+(?::\d{1,5})?)/(?P<repository>[a-z0-9]+(?:[._/-]+[a-z0-9]+)*)@(?P<digest>sha256:[0-9a-f]{64})"
)
_TAGGED = re.compile(r"(?P<untagged>oci://[^@]+):(?P<tag>\w[\w.-]{0,127})", re.ASCII)
_LOOPBACK = re.compile(r"(127(\.\d{1,3}){3}|localhost)(:\d+)?")
_REFERRERS = 256


@dataclass(frozen=True, slots=True)
class Reference:
    """An artifact in a registry, by digest: a tag can be moved, so it names nothing that can be signed."""

    host: str
    repository: str
    digest: str

    @property
    def name(self) -> str:
        return f"{self.host}/{self.repository}"

    @classmethod
    def parse(cls, text: str) -> Reference:
        """Return the reference in `oci://host/repository@sha256:HEX`; raises ConfigError."""
        match = _REFERENCE.fullmatch(text)
        if match is None:
            raise ConfigError(
                f"{printable(text, 200)} does not name an artifact by digest", hint="oci://host/repository@sha256:..."
            )
        return cls(**match.groupdict())

    @classmethod
    def tagged(cls, text: str) -> tuple[Reference, str]:
        """Return the reference in `text` and its tag, with an empty digest; or one by digest, and no tag."""
        match = _TAGGED.fullmatch(text) if "@" not in text else None
        if match is None:
            return cls.parse(text), ""
        named = cls.parse(f"{match['untagged']}@sha256:{'0' * 64}")
        return cls(named.host, named.repository, ""), match["tag"]


@dataclass(frozen=True, slots=True)
class Registry:
    """One repository. Plain http is used for loopback only."""

    reference: Reference
    client: Any = field(repr=False)

    @classmethod
    def open(cls, reference: Reference) -> Registry:
        """Return the repository, with the credentials of the user's container tools; raises MissingDependency."""
        try:
            from oras.provider import Registry as Client
        except ImportError:
            raise MissingDependency("registries need the package oras", hint="pip install 'secpipe[oci]'") from None
        insecure = _LOOPBACK.fullmatch(reference.host) is not None
        registry = cls(reference, Client(hostname=reference.host, insecure=insecure))
        registry.reach()
        return registry

    def reach(self) -> None:
        """Raise NetworkError where nobody answers: the library would try again for minutes."""
        try:
            net.fetch(f"{self._scheme}://{self.reference.host}/v2/", limit=MIB, timeout=30)
        except NetworkError as error:
            if " answered " not in error.message:  # 401 is an answer: it asks to log in
                raise

    def manifest(self, digest: str) -> tuple[bytes, str]:
        """Return a manifest's bytes and media type; raises InputError unless it has that digest."""
        answer = self._ask("GET", f"manifests/{digest}", {"Accept": _ACCEPT})
        data = self._body(answer, MANIFEST_BYTES)
        _check(data, digest)
        return data, _type(answer)

    def resolve(self, reference: str) -> tuple[bytes, str, str]:
        """Return bytes, media type and digest of what a digest or a tag names now."""
        if reference.startswith("sha256:"):
            return *self.manifest(reference), reference
        answer = self._ask("GET", f"manifests/{reference}", {"Accept": _ACCEPT})
        data = self._body(answer, MANIFEST_BYTES)
        return data, _type(answer), digest_of(data)

    @contextmanager
    def stream(self, digest: str) -> Iterator[Readable]:
        """Open a blob of any size; whoever reads it holds it against its digest."""
        answer = self._ask("GET", f"blobs/{digest}")
        try:
            yield _Body(answer.iter_content(1 << 20), self.reference.host)
        finally:
            answer.close()

    def blob(self, digest: str, limit: int) -> bytes:
        """Return a blob of at most `limit` bytes; raises InputError unless it has that digest."""
        data = self._body(self._ask("GET", f"blobs/{digest}"), limit)
        _check(data, digest)
        return data

    def referrers(self, digest: str) -> list[str]:
        """Return the digests of what refers to `digest`, by the referrers API or else by the fallback tag."""
        answer = self._ask("GET", f"referrers/{digest}", {"Accept": INDEX}, missing=True)
        if answer.status_code == 404:
            answer = self._ask("GET", f"manifests/{_fallback(digest)}", {"Accept": INDEX}, missing=True)
        if answer.status_code == 404:
            return []
        return [row["digest"] for row in self._index(answer)]

    def put_blob(self, data: bytes) -> str:
        """Upload a blob and return its digest."""
        digest = digest_of(data)
        if self._ask("HEAD", f"blobs/{digest}", missing=True).status_code == 200:
            return digest
        place = str(self._ask("POST", "blobs/uploads/").headers.get("Location", ""))
        if place.startswith("/"):
            place = f"{self._scheme}://{self.reference.host}{place}"
        separator = "&" if "?" in place else "?"
        self._send("PUT", f"{place}{separator}digest={digest}", {"Content-Type": "application/octet-stream"}, data)
        return digest

    def put_referrer(self, data: bytes, subject: str, artifact_type: str) -> str:
        """Upload a manifest that refers to `subject`; list it under the fallback tag where the registry does not."""
        digest = digest_of(data)
        answer = self._ask("PUT", f"manifests/{digest}", {"Content-Type": MANIFEST}, data)
        if "OCI-Subject" not in answer.headers:
            row = {"mediaType": MANIFEST, "size": len(data), "digest": digest, "artifactType": artifact_type}
            self._list(row, subject)
        return digest

    def _list(self, row: dict[str, Any], subject: str) -> None:
        import json

        tag = _fallback(subject)
        answer = self._ask("GET", f"manifests/{tag}", {"Accept": INDEX}, missing=True)
        rows = [] if answer.status_code == 404 else self._index(answer)
        rows = [old for old in rows if old["digest"] != row["digest"]] + [row]
        index = {"schemaVersion": 2, "mediaType": INDEX, "manifests": rows}
        self._ask("PUT", f"manifests/{tag}", {"Content-Type": INDEX}, json.dumps(index).encode())

    def _index(self, answer: Any) -> list[dict[str, Any]]:
        index = parse_json(self._body(answer, MANIFEST_BYTES), "the list of referrers")
        rows = index.get("manifests") if isinstance(index, dict) else None
        if not isinstance(rows, list) or len(rows) > _REFERRERS:
            raise UnsafeInput(f"the list of referrers is malformed or longer than {_REFERRERS}")
        if not all(
            isinstance(row, dict) and re.fullmatch(r"sha256:[0-9a-f]{64}", str(row.get("digest"))) for row in rows
        ):
            raise InputError("the list of referrers names something without a digest")
        return rows

    @property
    def _scheme(self) -> str:
        return "http" if _LOOPBACK.fullmatch(self.reference.host) else "https"

    def _ask(
        self,
        method: str,
        path: str,
        headers: dict[str, str] | None = None,
        data: bytes | None = None,
        *,
        missing: bool = False,
    ) -> Any:
        url = f"{self._scheme}://{self.reference.host}/v2/{self.reference.repository}/{path}"
        return self._send(method, url, headers or {}, data, missing=missing)

    def _send(
        self, method: str, url: str, headers: dict[str, str], data: bytes | None = None, *, missing: bool = False
    ) -> Any:
        try:
            answer = self.client.do_request(url, method, data=data, headers=headers, stream=method == "GET")
        except Exception as error:  # the library's errors may carry credentials: only the type is told
            raise NetworkError(f"{self.reference.host} cannot be reached: {type(error).__name__}") from None
        if answer.status_code >= 400 and not (missing and answer.status_code == 404):
            raise NetworkError(f"{self.reference.host} answered {answer.status_code} to {method}")
        return answer

    def _body(self, answer: Any, limit: int) -> bytes:
        parts, size = [], 0
        for part in answer.iter_content(65536):
            size += len(part)
            if size > limit:
                raise UnsafeInput(f"{self.reference.host} sends more than {limit:,} bytes")
            parts.append(part)
        return b"".join(parts)


class _Body:
    """What a registry sends, as a forward stream; raises NetworkError where the connection breaks."""

    def __init__(self, parts: Iterator[bytes], host: str) -> None:
        self._parts, self._host, self._left = parts, host, b""

    def read(self, count: int, /) -> bytes:
        """Return up to `count` bytes, none only at the end."""
        try:
            while not self._left:
                self._left = next(self._parts)
        except StopIteration:
            return b""
        except Exception as error:  # the library's errors may carry credentials: only the type is told
            raise NetworkError(f"{self._host} broke off: {type(error).__name__}") from None
        data, self._left = self._left[:count], self._left[count:]
        return data


def _type(answer: Any) -> str:
    return str(answer.headers.get("Content-Type", MANIFEST)).split(";")[0]


def digest_of(data: bytes) -> str:
    """Return `sha256:HEX`."""
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def _check(data: bytes, digest: str) -> None:
    if digest_of(data) != digest:
        raise InputError(f"the registry sent something else than {digest[:19]}…")


def _fallback(digest: str) -> str:
    return digest.replace(":", "-")
