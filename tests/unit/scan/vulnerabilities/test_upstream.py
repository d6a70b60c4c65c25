"""`advisories update` without a source: a loopback server with the makers' layout, broken in every way."""

from __future__ import annotations

import contextlib
import gzip
import io
import json
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from click.testing import CliRunner

from secpipe.cli.audit.advisories import advisories
from secpipe.core import times
from secpipe.scan.vulnerabilities import upstream
from secpipe.scan.vulnerabilities.local import open_store
from secpipe.scan.vulnerabilities.update import Update

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)
Break = Callable[[BaseHTTPRequestHandler, bytes], bool]


def osv(name: str, package: str, modified: datetime, ecosystem: str = "npm", fixed: str = "2.0.0") -> bytes:
    events = [{"introduced": "0"}, {"fixed": fixed}]
    affected = [
        {"package": {"ecosystem": ecosystem, "name": package}, "ranges": [{"type": "SEMVER", "events": events}]}
    ]
    return json.dumps({"id": name, "modified": times.rfc3339(modified), "affected": affected}).encode()


class Server:
    """The layout of upstream over records held in memory; `broken` may answer in its place."""

    def __init__(self) -> None:
        self.records: dict[str, dict[str, bytes]] = {}
        self.asked: list[str] = []
        self.broken: dict[str, Break] = {}
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                server.asked.append(self.path)
                body = server.answer(self.path)
                breaks = next((how for part, how in server.broken.items() if part in self.path), None)
                if breaks and breaks(self, body or b""):
                    return
                self.send_response(200 if body is not None else 404)
                self.send_header("Content-Length", str(len(body or b"")))
                self.end_headers()
                self.wfile.write(body or b"")

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def answer(self, path: str) -> bytes | None:
        ecosystem, _, name = path.lstrip("/").partition("/")
        if ecosystem == "known_exploited_vulnerabilities.json":
            return json.dumps({"catalogVersion": "1", "dateReleased": "2026-11-28", "vulnerabilities": []}).encode()
        if ecosystem == "epss_scores-current.csv.gz":
            text = "#model_version:v1,score_date:2026-11-28T00:00:00+0000\ncve,epss,percentile\nCVE-2026-0001,0.5,0.5\n"
            return gzip.compress(text.encode())
        held = self.records.get(ecosystem)
        if held is None:
            return None
        if name == "all.zip":
            data = io.BytesIO()
            with zipfile.ZipFile(data, "w") as archive:
                for key, value in held.items():
                    archive.writestr(f"{key}.json", value)
            return data.getvalue()
        if name == "modified_id.csv":
            return "".join(f"{json.loads(value)['modified']},{key}\n" for key, value in held.items()).encode()
        return held.get(name.removesuffix(".json"))


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    made.records["npm"] = {f"GHSA-{at}": osv(f"GHSA-{at}", f"p{at}", NOW - timedelta(days=9 - at)) for at in range(3)}
    yield made
    made.server.shutdown()
    made.server.server_close()


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECPIPE_HOME", str(tmp_path / "home"))
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY"):
        monkeypatch.delenv(name, raising=False)


def take(server: Server, *names: str, now: datetime = NOW) -> dict[str, Update | str]:
    found = upstream.take(names or ("npm",), upstream.addresses(server.url), now=now)
    return {
        getattr(one, "name", "") or one.feed.name: one.why.message if isinstance(one, upstream.Failure) else one  # type: ignore[union-attr]
        for one in found
    }


def ids(package: str) -> list[str]:
    return [item.id for item in open_store().find("npm", package)]


def test_the_whole_first_and_then_only_what_changed(server: Server) -> None:
    done = take(server)
    assert isinstance(done["OSV npm"], Update)
    assert (done["OSV npm"].feed.date, done["OSV npm"].feed.records) == ("2026-11-29T12:00:00Z", 3)
    assert [path for path in server.asked if "npm" in path] == ["/npm/modified_id.csv", "/npm/all.zip"]
    later = NOW + timedelta(days=1)
    server.records["npm"]["MAL-1"] = osv("MAL-1", "evil", later - timedelta(hours=1))
    server.asked.clear()
    assert isinstance(take(server, now=later)["OSV npm"], Update)
    asked = [path for path in server.asked if "npm" in path]
    assert asked[0] == "/npm/modified_id.csv"
    assert "/npm/MAL-1.json" in asked
    assert "/npm/all.zip" not in asked
    assert (ids("evil"), ids("p0")) == (["MAL-1"], ["GHSA-0"])
    covering = open_store().covering("npm", "anything")
    assert covering is not None
    assert (covering.signed, covering.date) == ("", "2026-11-30T12:00:00Z")
    assert open_store().covering("PyPI", "jinja2") is not None  # what the embedded snapshot knows stays


def cut(handler: BaseHTTPRequestHandler, body: bytes) -> bool:
    handler.send_response(200)
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body[: len(body) // 2])
    return True


def short(handler: BaseHTTPRequestHandler, body: bytes) -> bool:
    handler.send_response(200)
    handler.end_headers()
    handler.wfile.write(body[: len(body) // 2])
    return True


def answers(code: int, **headers: str) -> Break:
    def broken(handler: BaseHTTPRequestHandler, body: bytes) -> bool:
        handler.send_response(code)
        for name, value in headers.items():
            handler.send_header(name, value)
        handler.end_headers()
        return True

    return broken


def instead(body: bytes) -> Break:
    def broken(handler: BaseHTTPRequestHandler, _: bytes) -> bool:
        handler.send_response(200)
        handler.end_headers()
        handler.wfile.write(body)
        return True

    return broken


OLD = osv("MAL-1", "evil", NOW - timedelta(days=700))
OTHER = osv("MAL-2", "evil", NOW)


@pytest.mark.parametrize(
    ("part", "how"),
    [
        ("modified_id.csv", cut),
        ("modified_id.csv", instead(b"")),
        ("modified_id.csv", instead(b"<html>")),
        ("modified_id.csv", instead(b"2026-01-01T00:00:00Z,../../etc\n")),
        ("modified_id.csv", instead(b"2020-01-01T00:00:00Z,GHSA-0\n")),  # older than before
        ("modified_id.csv", answers(304)),
        ("modified_id.csv", answers(500)),
        ("modified_id.csv", answers(302, Location="http://198.51.100.1/npm/modified_id.csv")),
        ("modified_id.csv", answers(302, Location="file:///etc/passwd")),
        ("MAL-1", cut),
        ("MAL-1", short),
        ("MAL-1", answers(404)),
        ("MAL-1", instead(b"{}")),
        ("MAL-1", instead(OLD)),
        ("MAL-1", instead(OTHER)),
    ],
)
def test_what_is_broken_is_refused_and_the_old_data_stays(part: str, how: Break, server: Server) -> None:
    take(server)
    server.records["npm"]["MAL-1"] = osv("MAL-1", "evil", NOW)
    server.broken[part] = how
    done = take(server, now=NOW + timedelta(days=1))
    assert isinstance(done["OSV npm"], str)
    assert isinstance(done["KEV"], Update)
    assert (ids("evil"), ids("p0")) == ([], ["GHSA-0"])
    covering = open_store().covering("npm", "anything")
    assert covering is not None
    assert covering.date == "2026-11-29T12:00:00Z"
    server.broken.clear()
    take(server, now=NOW + timedelta(days=1))
    assert ids("evil") == ["MAL-1"]


def fewer(handler: BaseHTTPRequestHandler, body: bytes) -> bool:
    """Answer with a whole export that lacks what the list names: a mirror that is not done."""
    data = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(body)) as whole, zipfile.ZipFile(data, "w") as archive:
        archive.writestr("GHSA-0.json", whole.read("GHSA-0.json"))
    return instead(data.getvalue())(handler, b"")


def older(handler: BaseHTTPRequestHandler, body: bytes) -> bool:
    """Answer with an export of before: each record is there, one is not what the list says it is by now."""
    data = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(body)) as whole, zipfile.ZipFile(data, "w") as archive:
        for name in ("GHSA-0.json", "GHSA-1.json"):
            archive.writestr(name, whole.read(name))
        archive.writestr("GHSA-2.json", osv("GHSA-2", "p2", NOW - timedelta(days=400)))
    return instead(data.getvalue())(handler, b"")


def drips(handler: BaseHTTPRequestHandler, body: bytes) -> bool:
    """Answer without end, a byte at a time."""
    handler.send_response(200)
    handler.end_headers()
    with contextlib.suppress(OSError):
        while True:
            handler.wfile.write(b"2")
            time.sleep(0.05)
    return True


def _drip(handler: BaseHTTPRequestHandler, begin: bytes, again: bytes) -> bool:
    with contextlib.suppress(OSError):
        handler.wfile.write(begin)
        while True:
            handler.wfile.write(again)
            time.sleep(0.05)
    return True


def headers_drip(handler: BaseHTTPRequestHandler, body: bytes) -> bool:
    return _drip(handler, b"HTTP/1.1 200 OK\r\nX-A: ", b"a")


def status_drips(handler: BaseHTTPRequestHandler, body: bytes) -> bool:
    return _drip(handler, b"HTTP/1.1 200 ", b"O")


def interim_answers(handler: BaseHTTPRequestHandler, body: bytes) -> bool:
    return _drip(handler, b"", b"HTTP/1.1 100 Continue\r\n\r\n")


def chunks_drip(handler: BaseHTTPRequestHandler, body: bytes) -> bool:
    return _drip(handler, b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\n2\r\n")


def is_silent(handler: BaseHTTPRequestHandler, body: bytes) -> bool:
    return _drip(handler, b"", b"")


@pytest.mark.parametrize("how", [fewer, older])
def test_what_a_whole_export_lacks_of_its_list_is_fetched_by_itself(how: Break, server: Server) -> None:
    server.broken["npm/all.zip"] = how
    assert isinstance(take(server)["OSV npm"], Update)
    assert [ids(f"p{at}") for at in range(3)] == [["GHSA-0"], ["GHSA-1"], ["GHSA-2"]]
    assert open_store().find("npm", "p2")[0].modified == "2026-11-22T12:00:00Z"


@pytest.mark.parametrize("how", [fewer, older])
def test_an_export_far_behind_its_list_is_refused(how: Break, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upstream, "_ONE_BY_ONE", 0)
    server.broken["npm/all.zip"] = how
    assert "than it lists" in str(take(server)["OSV npm"])
    assert open_store().covering("npm", "p0") is None


@pytest.mark.parametrize("how", [drips, headers_drip, status_drips, interim_answers, chunks_drip, is_silent])
@pytest.mark.parametrize("part", ["modified_id.csv", "all.zip"])
def test_a_server_that_drips_is_left_in_time(
    part: str, how: Break, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upstream, "_SECONDS", 0.5)
    server.broken[part] = how
    assert "took longer" in str(take(server)["OSV npm"])
    assert open_store().covering("npm", "p0") is None


def test_very_many_slow_records_end_as_well(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    take(server)
    later = NOW + timedelta(days=1)
    for at in range(200):
        server.records["npm"][f"MAL-{at}"] = osv(f"MAL-{at}", "evil", later - timedelta(hours=1))
    monkeypatch.setattr(upstream, "_PATIENCE", 0.5)
    server.broken["npm/MAL-"] = lambda handler, body: bool(time.sleep(0.05))
    server.asked.clear()
    assert "took longer" in str(take(server, now=later)["OSV npm"])
    assert len(server.asked) < 200
    assert ids("evil") == []


@pytest.mark.parametrize("how", [cut, short, instead(b"PK\x03\x04"), answers(503), answers(304)])
def test_a_broken_export_leaves_the_other_ecosystems(how: Break, server: Server) -> None:
    server.records["crates.io"] = {"RUSTSEC-1": osv("RUSTSEC-1", "serde", NOW, "crates.io")}
    server.broken["npm/all.zip"] = how
    done = take(server, "npm", "crates.io", "nonsense")
    assert isinstance(done["OSV npm"], str)
    assert isinstance(done["OSV crates.io"], Update)
    assert "no ecosystem" in str(done["OSV nonsense"])
    assert open_store().covering("npm", "p0") is None
    server.broken.clear()  # the next run goes on with what is missing
    assert isinstance(take(server, "npm")["OSV npm"], Update)


def test_the_command_finds_the_ecosystems_and_says_what_failed(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "tree").mkdir()
    monkeypatch.chdir(tmp_path / "tree")
    run = CliRunner()
    assert run.invoke(advisories, ["update", "--mirror", server.url], standalone_mode=False).exception is not None
    Path("package-lock.json").write_text("{}")
    good = run.invoke(advisories, ["update", "--mirror", server.url], standalone_mode=False)
    assert (good.return_value, good.exception) == (0, None)
    assert "OSV npm: 3 records" in good.stdout
    assert "not signed" in good.stdout
    server.broken["npm"] = answers(500)
    assert run.invoke(advisories, ["update", "--mirror", server.url], standalone_mode=False).return_value == 3
    plain = run.invoke(advisories, ["update", "--mirror", "http://h.example"], standalone_mode=False)
    assert plain.return_value == 3
    assert "is not https" in plain.stderr
