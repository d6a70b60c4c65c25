"""`sbom upload` against loopback servers with the shape of Dependency-Track's and GitHub's API."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from secpipe.cli.main import run

KEY = "odt_Zx81KeyOfNobodyAtAll0000"
BOM = {"bomFormat": "CycloneDX", "specVersion": "1.6", "version": 1, "components": [
    {"type": "library", "bom-ref": "a", "name": "jinja2", "version": "3.1.4", "purl": "pkg:pypi/jinja2@3.1.4",
     "evidence": {"occurrences": [{"location": "requirements.txt", "line": 1}]}},
    {"type": "library", "bom-ref": "b", "name": "markupsafe", "version": "3.0.2", "purl": "pkg:pypi/markupsafe@3.0.2"},
    {"type": "machine-learning-model", "bom-ref": "m", "name": "base"}],
    "dependencies": [{"ref": "a", "dependsOn": ["b"]}]}  # fmt: skip


class Server:
    """Remembers what it was asked, and answers by path."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, dict[str, str], Any]] = []
        self.states = [True, False]
        self.answers: dict[str, tuple[int, bytes]] = {}
        server = self

        class Handler(BaseHTTPRequestHandler):
            def _do(self) -> None:
                data = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                server.asked.append((self.command, self.path, dict(self.headers), json.loads(data) if data else None))
                code, body = server.answer(self.path)
                self.send_response(code)
                if code == 302:
                    self.send_header("Location", "http://127.0.0.1:9/elsewhere")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def do_GET(self) -> None:
                self._do()

            def do_PUT(self) -> None:
                self._do()

            def do_POST(self) -> None:
                self._do()

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def answer(self, path: str) -> tuple[int, bytes]:
        for part, given in self.answers.items():
            if part in path:
                return given
        if path == "/api/v1/bom":
            return 200, b'{"token": "5d1f"}'
        if path.startswith("/api/v1/event/token/"):
            return 200, json.dumps({"processing": self.states.pop(0) if self.states else False}).encode()
        return 201, b'{"id": 1, "result": "ACCEPTED"}'


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    yield made
    made.server.shutdown()
    made.server.server_close()


@pytest.fixture
def words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    monkeypatch.setenv("UPLOAD_KEY", KEY)
    (tmp_path / "bom.json").write_text(json.dumps(BOM))
    return ["sbom", "upload", str(tmp_path / "bom.json"), "--key-file", "env:UPLOAD_KEY"]


TRACK = ["--as", "dependency-track", "--project", "shop", "--project-version", "1.2", "--create"]
GITHUB = ["--as", "github", "--project", "acme/shop", "--sha", "a" * 40, "--ref", "refs/heads/main"]


def test_dependency_track_is_asked_until_it_has_read_it(server: Server, words: list[str]) -> None:
    assert run([*words, *TRACK, "--to", server.url]) == 0
    method, path, headers, body = server.asked[0]
    assert (method, path, headers["X-Api-Key"]) == ("PUT", "/api/v1/bom", KEY)
    assert (body["projectName"], body["projectVersion"], body["autoCreate"]) == ("shop", "1.2", True)
    assert json.loads(base64.b64decode(body["bom"]))["components"][0]["name"] == "jinja2"
    assert [path for _, path, _, _ in server.asked[1:]] == ["/api/v1/event/token/5d1f"] * 2


def test_github_gets_packages_by_lock_file(server: Server, words: list[str]) -> None:
    assert run([*words, *GITHUB, "--to", server.url]) == 0
    ((method, path, headers, body),) = server.asked
    assert (method, path) == ("POST", "/repos/acme/shop/dependency-graph/snapshots")
    assert headers["Authorization"] == f"Bearer {KEY}"
    assert (body["version"], body["sha"], body["ref"], body["detector"]["name"]) == (
        0, "a" * 40, "refs/heads/main", "secpipe",
    )  # fmt: skip
    assert body["manifests"]["requirements.txt"]["resolved"]["pkg:pypi/jinja2@3.1.4"] == {
        "package_url": "pkg:pypi/jinja2@3.1.4", "relationship": "direct", "scope": "runtime",
        "dependencies": ["pkg:pypi/markupsafe@3.0.2"],
    }  # fmt: skip
    assert body["manifests"]["sbom"]["resolved"]["pkg:pypi/markupsafe@3.0.2"]["relationship"] == "indirect"


@pytest.mark.parametrize(
    ("part", "given"),
    [
        ("/api/v1/bom", (401, b"")), ("/api/v1/bom", (200, b"{}")), ("/api/v1/bom", (200, b"<html>")),
        ("/api/v1/bom", (302, b"")), ("/event/token", (200, b'{"processing": "no"}')), ("/event/token", (500, b"")),
    ],
)  # fmt: skip
def test_whatever_else_is_answered_is_not_taken_for_a_yes(
    server: Server, words: list[str], capsys: pytest.CaptureFixture[str], part: str, given: tuple[int, bytes]
) -> None:
    server.answers[part] = given
    assert run([*words, *TRACK, "--to", server.url]) in (2, 3)
    told = capsys.readouterr()
    assert KEY not in told.out + told.err


def test_one_that_is_not_read_in_time_is_undecided(server: Server, words: list[str]) -> None:
    server.states = [True] * 9
    assert run([*words, *TRACK, "--to", server.url, "--wait", "1"]) == 3


def test_a_dry_run_sends_nothing_and_no_secret_of_the_document_leaves(
    server: Server, words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    place = Path(words[2])
    secret = "ghp_" + "Ab1" * 12
    place.write_text(json.dumps({**BOM, "properties": [{"name": "x", "value": secret}]}))
    assert run([*words, *TRACK, "--to", server.url, "--dry-run"]) == 0
    body = json.loads(capsys.readouterr().out)
    assert secret.encode() not in base64.b64decode(body["bom"])
    assert server.asked == []


@pytest.mark.parametrize(
    "more",
    [
        ["--as", "dependency-track", "--project", "x"],  # no server
        [*GITHUB[:4], "--sha", "main", "--ref", "refs/heads/main"],
        ["--as", "github", "--project", "../../etc", "--sha", "a" * 40, "--ref", "refs/heads/main"],
        [*TRACK, "--to", "http://dtrack.example"],  # no TLS
    ],
)
def test_what_would_go_nowhere_or_in_the_clear_is_refused(words: list[str], more: list[str]) -> None:
    assert run([*words, *more]) in (2, 3)
