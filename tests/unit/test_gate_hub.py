"""`check hf://...` against a hub on loopback that speaks the Hub's API: judged is what was promised, nothing else."""

from __future__ import annotations

import hashlib
import json
import pickle
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import pytest

from secpipe.core.errors import NetworkError
from secpipe.gate.images.hub import _within
from tests import skips
from tests.unit.image_world import EVIL
from tests.unit.test_gate_images import judged, said

COMMIT, NAME = "a" * 40, "acme/tiny"
TEXT = b'{"model_type": "bert"}\n'
WEIGHTS = pickle.dumps({"w": [1.0, 2.0]})


def row(path: str, data: bytes, large: bool = False, **changes: Any) -> dict[str, Any]:
    """Return one file as the listing of a commit has it; of a large one `oid` is that of its pointer."""
    one: dict[str, Any] = {"type": "file", "path": path, "size": len(data)}
    if large:
        lfs = {"oid": hashlib.sha256(data).hexdigest(), "size": len(data), "pointerSize": 134}
        return {**one, "oid": "b" * 40, "lfs": lfs, "xetHash": "c" * 64, **changes}
    return {**one, "oid": hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest(), **changes}


class Hub:
    """A hub, and another host that large files are kept on."""

    def __init__(self) -> None:
        self.files = {"config.json": TEXT, "model.pkl": WEIGHTS}
        self.rows = [
            {"type": "directory", "path": "sub", "oid": "d" * 40, "size": 0},
            row("config.json", TEXT),
            row("model.pkl", WEIGHTS, large=True),
        ]
        self.sha = COMMIT
        self.refs = ["main", COMMIT]
        self.page = 2
        self.next = ""
        self.asked: list[tuple[str, str]] = []
        self.elsewhere: list[str] = []
        self.servers = [self._serve(self._hub), self._serve(self._store)]
        self.url, self.store = (f"http://127.0.0.1:{one.server_address[1]}" for one in self.servers)

    def _serve(self, answer: Any) -> ThreadingHTTPServer:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                status, body, headers = answer(self.path, self.headers)
                self.send_response(status)
                for name, value in {"Content-Length": str(len(body)), **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        return server

    def _hub(self, path: str, headers: Any) -> tuple[int, bytes, dict[str, str]]:
        parts, query = urlsplit(path), parse_qs(urlsplit(path).query)
        self.asked.append((path, headers.get("Authorization", "")))
        kind, _, rest = parts.path.removeprefix("/api/").partition("/")
        if rest.startswith(f"{NAME}/revision/") and kind == "models" and unquote(rest.rpartition("/")[2]) in self.refs:
            return 200, json.dumps({"id": NAME, "sha": self.sha}).encode(), {}
        if rest == f"{NAME}/tree/{COMMIT}":
            start = int(query.get("cursor", ["0"])[0])
            end, more = start + self.page, {}
            if end < len(self.rows):
                url = self.next or f"{self.url}{parts.path}?recursive=true&cursor={end}"
                more = {"Link": f'<{url}>; rel="next"'}
            return 200, json.dumps(self.rows[start:end]).encode(), more
        name = unquote(parts.path).removeprefix(f"/{NAME}/resolve/{COMMIT}/")
        if name in self.files:
            if name.endswith(".pkl"):
                return 302, b"", {"Location": f"{self.store}/{name}"}
            return 200, self.files[name], {}
        return 404, b"{}", {"X-Error-Code": "RepoNotFound"}

    def _store(self, path: str, headers: Any) -> tuple[int, bytes, dict[str, str]]:
        self.elsewhere.append(headers.get("Authorization", ""))
        return 200, self.files[path[1:]], {}


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    constants = skips.module("huggingface_hub.constants")
    one = Hub()
    monkeypatch.setattr(constants, "ENDPOINT", one.url)
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    yield one
    for server in one.servers:
        server.shutdown()
        server.server_close()


def place(revision: str = COMMIT) -> str:
    return f"hf://{NAME}@{revision}" if revision else f"hf://{NAME}"


def test_what_the_hub_promised_is_judged(hub: Hub) -> None:
    code, document = judged(place())
    assert (document["subject"]["name"], document["subject"]["files"]) == (NAME, 2)
    assert not any(one["rule"] == "models/dangerous-call" for one in document["findings"])
    hub.files["sub/evil.pkl"] = EVIL
    hub.rows.append(row("sub/evil.pkl", EVIL, large=True))
    code, document = judged(place())
    assert code == 1
    assert {one["path"] for one in document["findings"] if one["rule"] == "models/dangerous-call"} == {"sub/evil.pkl"}


def test_the_token_stays_with_the_hub(hub: Hub) -> None:
    judged(place())
    # A port is used again: a client of a test before this one may still knock.
    ours = [(path, token) for path, token in hub.asked if NAME in path]
    assert len(ours) > 3
    assert {token for _, token in ours} == {"Bearer hf_secret"}, hub.asked
    assert hub.elsewhere == [""]


@pytest.mark.parametrize("revision", ["", "main"])
def test_a_floating_name_is_resolved_once_and_said(hub: Hub, revision: str) -> None:
    _, out, err = said("check", place(revision), "-f", "json")
    assert f"{place(revision)} is {place()} now" in err
    assert json.loads(out)["subject"]["name"] == NAME
    assert sum("/revision/" in path for path, _ in hub.asked) == 1
    assert not any("main" in path for path, _ in hub.asked if "/revision/" not in path)


CHANGED = {"small": ("config.json", TEXT[:-2] + b" }"), "large": ("model.pkl", WEIGHTS[:-1] + b" "),
           "longer": ("model.pkl", WEIGHTS + b"x"), "shorter": ("model.pkl", WEIGHTS[:-1])}  # fmt: skip


@pytest.mark.parametrize("how", CHANGED)
def test_other_bytes_than_promised_are_refused(hub: Hub, how: str) -> None:
    name, data = CHANGED[how]
    hub.files[name] = data
    code, found = judged(place())
    assert code == 3
    assert "promises" in found["error"] or "ended" in found["error"]


ODD: dict[str, dict[str, Any]] = {
    "leaves": row("../x", TEXT), "rooted": row("/x", TEXT), "dots": row("a/./b", TEXT), "empty": row("", TEXT),
    "backslash": row("a\\b", TEXT), "git": row(".git/config", TEXT), "twice": row("config.json", TEXT),
    "no digest": row("y", TEXT, oid="x"), "no sha256": row("y", TEXT, large=True, lfs={"oid": "1" * 40}),
    "negative": row("y", TEXT, size=-1), "huge": row("y", TEXT, size=1 << 50), "no size": row("y", TEXT, size=None),
    "true": row("y", TEXT, size=True),
}  # fmt: skip


@pytest.mark.parametrize("how", ODD)
def test_a_listing_that_no_folder_can_hold_is_refused(hub: Hub, how: str) -> None:
    hub.rows.append(ODD[how])
    code, found = judged(place())
    assert code == 3
    assert "the hub" in found["error"]


def test_answers_that_name_something_else_are_refused(hub: Hub) -> None:
    hub.sha = "e" * 40
    assert "answers with commit" in judged(place())[1]["error"]
    hub.sha = "main"
    assert "no commit" in judged(place("main"))[1]["error"]
    hub.sha, hub.page, hub.next = COMMIT, 1, f"{hub.store}/api/models/x"
    assert "elsewhere" in judged(place())[1]["error"]
    assert hub.elsewhere == []
    code, found = judged("hf://acme/other@main")
    assert (code, "answered 404" in found["error"]) == (3, True)
    assert "hf_secret" not in found["error"]


@pytest.mark.parametrize("text", ["hf://tiny", "hf://acme/../x", "hf://acme/tiny@", "hf://acme/tiny@../x",
                                  "hf://acme/tiny/config.json", "hf://u:p@acme/tiny"])  # fmt: skip
def test_no_other_spelling_names_a_repository(hub: Hub, text: str) -> None:
    assert judged(text)[0] != 0
    assert hub.asked == []


def test_nothing_is_reached_without_leave_or_in_the_clear(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "network" in judged(place(), "--offline")[1]["error"]
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", "http://hub.example")
    assert "HTTPS" in judged(place())[1]["error"]
    assert hub.asked == []


def test_without_the_library_that_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    code, found = judged(place())
    assert code == 3
    assert "secpipe[hub]" in found["error"]


def test_a_byte_now_and_then_is_no_answer() -> None:
    def drip() -> Iterator[bytes]:
        while True:
            time.sleep(0.05)
            yield b" "

    with pytest.raises(NetworkError, match="took longer"):
        list(_within(drip(), 0.2))
    assert list(_within(iter([b"a", b"", b"b"]), 60)) == [b"a", b"b"]


def test_a_dataset_is_named_as_one(hub: Hub) -> None:
    assert judged(f"hf://datasets/{NAME}@{COMMIT}")[0] == 3
    assert hub.asked[0][0] == f"/api/datasets/{NAME}/revision/{COMMIT}"
