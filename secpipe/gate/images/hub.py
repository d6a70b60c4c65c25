"""A repository of a Hugging Face Hub written out to be judged as a folder: the only importer of `huggingface_hub`.

That library knows the hub's address, the user's token and its client; what is asked, how much is read and for how long
is bounded here. Source: the Hub API (`/api/models`, `/resolve`), as huggingface-hub 2.4 speaks it.
"""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final
from urllib.parse import quote, urlsplit

from secpipe.core.documents import parse_json
from secpipe.core.errors import ConfigError, InputError, MissingDependency, NetworkError, SecpipeError, UnsafeInput
from secpipe.core.limits import DEFAULT, MIB, Limits
from secpipe.core.shape import mapping
from secpipe.core.text import printable
from secpipe.formats import overlay
from secpipe.system import files, outputs

SCHEME: Final = "hf://"
_PLACE: Final = re.compile(
    r"hf://(?P<kind>datasets/)?(?P<name>\w[\w.-]{0,95}/\w[\w.-]{0,95})(?:@(?P<revision>\w[\w./-]{0,199}))?", re.ASCII
)
_COMMIT: Final = re.compile(r"[0-9a-f]{40}")
_SHA256: Final = re.compile(r"[0-9a-f]{64}")
_LOOPBACK: Final = re.compile(r"127(\.\d{1,3}){3}|localhost")
_SILENCE: Final = 30.0  # seconds without a byte
_PATIENCE: Final = 120.0  # seconds of one exchange, and of a file one more for each MiB


@dataclass(frozen=True, slots=True)
class Fetched:
    """A repository at one commit, in a scratch folder; `place` names that commit."""

    name: str
    folder: Path
    place: str


@dataclass(frozen=True, slots=True)
class _File:
    path: str
    size: int
    blob: str  # git's own SHA-1 of the content
    sha256: str  # of a large file, "" for others

    def promises(self, data: hashlib._Hash, git: hashlib._Hash) -> bool:
        return data.hexdigest() == self.sha256 if self.sha256 else git.hexdigest() == self.blob


@contextmanager
def fetched(place: str, limits: Limits = DEFAULT) -> Iterator[Fetched]:
    """Write `hf://org/name@commit` (or `hf://datasets/...`) into a scratch folder; a branch or tag is resolved once.

    Every file is held against what the hub's listing of that commit promises. Uses the network. Raises ConfigError for
    another spelling, InputError for what is not as promised, UnsafeInput over `tree_files` or `image_bytes`,
    NetworkError where the hub does not answer, MissingDependency without the extra.
    """
    match = _PLACE.fullmatch(place)
    if match is None or ".." in (match["revision"] or ""):
        raise ConfigError(f"{printable(place, 200)} names no repository of a hub", hint="hf://ORG/NAME@COMMIT")
    hub = _Hub("datasets" if match["kind"] else "models", match["name"])
    commit = hub.commit(match["revision"] or "main")
    named = f"{SCHEME}{match['kind'] or ''}{match['name']}@{commit}"
    if named != place:
        outputs.tell(f"secpipe: {printable(place, 200)} is {named} now")
    with TemporaryDirectory(prefix="secpipe-hub-") as scratch:
        folder = Path(scratch)
        for one in hub.files(commit, limits):
            files.make_folder((folder / one.path).parent)
            with hub.content(commit, one) as stream:
                files.write_stream(folder / one.path, stream, one.size)  # type: ignore[arg-type]
                stream.finish()
        yield Fetched(match["name"], folder, named)


class _Hub:
    """One repository of a hub."""

    def __init__(self, kind: str, name: str) -> None:
        try:
            import huggingface_hub
            from huggingface_hub.utils import build_hf_headers
        except ImportError:
            hint = "pip install 'secpipe[hub]'"
            raise MissingDependency("hf:// needs the package huggingface-hub", hint=hint) from None
        self._kind, self._name = kind, name
        self._endpoint = str(huggingface_hub.HfApi().endpoint).rstrip("/")
        address = urlsplit(self._endpoint)
        if address.scheme != "https" and not _LOOPBACK.fullmatch(address.hostname or ""):
            raise ConfigError(f"the hub {printable(self._endpoint, 100)} is not reached over HTTPS", hint="HF_ENDPOINT")
        self._session = huggingface_hub.get_session()
        self._headers = {**build_hf_headers(), "Accept-Encoding": "identity"}

    def commit(self, revision: str) -> str:
        """Return the commit that a revision names now."""
        told = self._document(f"{self._api}/revision/{quote(revision, safe='')}")[0]
        commit = mapping(told).get("sha")
        if not isinstance(commit, str) or not _COMMIT.fullmatch(commit):
            raise InputError("the hub names no commit")
        if _COMMIT.fullmatch(revision) and commit != revision:
            raise InputError(f"the hub answers with commit {commit} for {revision}")
        return commit

    def files(self, commit: str, limits: Limits) -> list[_File]:
        """Return every file of a commit, by the hub's listing; raises InputError for one that no folder can hold."""
        url, found, total = f"{self._api}/tree/{commit}?recursive=true&expand=false", dict[str, _File](), 0
        while url:
            rows, url = self._document(url)
            if not isinstance(rows, list):
                raise InputError("the hub's listing is no list")
            for row in map(mapping, rows):
                if row.get("type") == "directory":
                    continue
                one = _file(row, limits)
                total += one.size
                if one.path in found or len(found) >= limits.tree_files or total > limits.image_bytes:
                    raise UnsafeInput(f"the hub's listing is too large, or names {printable(one.path, 100)} twice")
                found[one.path] = one
        return list(found.values())

    @contextmanager
    def content(self, commit: str, one: _File) -> Iterator[_Content]:
        """Open a file for reading once."""
        kind = "datasets/" if self._kind == "datasets" else ""
        url = f"{self._endpoint}/{kind}{self._name}/resolve/{commit}/{quote(one.path)}"
        with self._answer(url) as answer:
            yield _Content(answer, one)

    @property
    def _api(self) -> str:
        return f"{self._endpoint}/api/{self._kind}/{self._name}"

    def _document(self, url: str) -> tuple[Any, str]:
        """Return a JSON document and the address of its next page, "" for none."""
        with self._answer(url) as answer:
            parts, size = [], 0
            for part in _within(answer.iter_raw(1 << 16), _PATIENCE):
                parts.append(part)
                size += len(part)
                if size > 16 * MIB:
                    raise UnsafeInput("an answer of the hub is too large")
            following = str(mapping(answer.links.get("next") or {}).get("url") or "")
        if following and not following.startswith(f"{self._api}/"):
            raise InputError("the hub's next page is elsewhere")
        return parse_json(b"".join(parts), "the hub's answer"), following

    @contextmanager
    def _answer(self, url: str) -> Iterator[Any]:
        """Ask for `url`; a redirect elsewhere takes no token along. Raises NetworkError for whatever goes wrong."""
        try:
            with self._session.stream(
                "GET", url, headers=self._headers, timeout=_SILENCE, follow_redirects=True
            ) as answer:
                if answer.status_code != 200:
                    hint = "a gated or private one needs `hf auth login`" if answer.status_code in (401, 403) else ""
                    raise NetworkError(f"the hub answered {answer.status_code} for {printable(self._name)}", hint=hint)
                yield answer
        except SecpipeError:
            raise
        except Exception as error:  # of the library, of its client, of the connection
            raise NetworkError(f"the hub does not serve {printable(self._name)}: {type(error).__name__}") from None


class _Content:
    """The bytes of a file, which must be those that were promised; `finish` says whether they were."""

    def __init__(self, answer: Any, one: _File) -> None:
        patience = _PATIENCE + one.size / MIB
        self._parts, self._one = _within(answer.iter_raw(1 << 20), patience), one
        self._rest, self._size = b"", 0
        self._data = hashlib.sha256()
        self._git = hashlib.sha1(b"blob %d\0" % one.size, usedforsecurity=False)

    def read(self, count: int, /) -> bytes:
        """Return up to `count` bytes."""
        self._rest = self._rest or next(self._parts, b"")
        data, self._rest = self._rest[:count], self._rest[count:]
        self._size += len(data)
        self._data.update(data)
        self._git.update(data)
        return data

    def finish(self) -> None:
        """Raise InputError unless nothing follows and the digest is the one promised."""
        if self.read(1) or not self._one.promises(self._data, self._git):
            raise InputError(f"{printable(self._one.path, 200)} is not what the hub's listing promises")


def _within(parts: Iterator[bytes], seconds: float) -> Iterator[bytes]:
    """Yield what comes until `seconds` have passed: a byte now and then is no answer."""
    end = time.monotonic() + seconds
    for part in parts:
        if time.monotonic() > end:
            raise NetworkError(f"the hub took longer than {seconds:.0f} s")
        if part:
            yield part


def _file(row: Any, limits: Limits) -> _File:
    path, size, blob = row.get("path"), row.get("size"), row.get("oid")
    if not (isinstance(path, str) and type(size) is int and size >= 0 and isinstance(blob, str)):
        raise InputError("the hub's listing is malformed")
    parts = path.split("/")
    if "" in parts or ".." in parts or overlay.inside(path, limits.tree_depth) != path or {"\\", "\0"} & {*path}:
        raise InputError(f"the hub lists {printable(path, 200)}, which no folder can hold")
    if ".git" in path.lower().split("/"):
        raise InputError(f"the hub lists {printable(path, 200)}, a part of a git store")
    large = mapping(row.get("lfs") or {})
    digest = large.get("oid", "")
    if large and not (isinstance(digest, str) and _SHA256.fullmatch(digest)):
        raise InputError(f"the hub promises no SHA-256 of {printable(path, 200)}")
    if not large and not _COMMIT.fullmatch(blob):
        raise InputError(f"the hub promises no digest of {printable(path, 200)}")
    return _File(path, size, blob, digest)
