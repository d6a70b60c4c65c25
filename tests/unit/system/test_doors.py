"""Files, processes, secrets and the network: what the doors refuse, and that they leave nothing behind."""

from __future__ import annotations

import http.server
import os
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import pytest

from secpipe.core.errors import ConfigError, InputError, MissingDependency, NetworkError, SecpipeError, UnsafeInput
from secpipe.system import files, locks, net, process, secrets
from secpipe.system.clock import parse_time
from tests import skips


def test_a_failed_write_keeps_the_old_content_and_leaves_no_temporary_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "report.json"
    target.write_bytes(b"old")

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(SecpipeError, match="no space left"):
        files.write_atomic(target, b"new")
    assert target.read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["report.json"]


def test_writing_to_a_full_device_is_an_error_with_its_reason() -> None:
    if not Path("/dev/full").exists():
        skips.cannot("this system has no /dev/full")
    with pytest.raises(SecpipeError):
        files.write_atomic("/dev/full/x", b"1")


def test_create_exclusive_never_replaces(tmp_path: Path) -> None:
    files.create_exclusive(tmp_path / "key", b"1")
    assert (tmp_path / "key").stat().st_mode & 0o777 == 0o600
    with pytest.raises(InputError, match="exists already"):
        files.create_exclusive(tmp_path / "key", b"2")


def test_a_lock_is_exclusive_and_released(tmp_path: Path) -> None:
    second = locks.lock(tmp_path / "lock", wait=False)
    with locks.lock(tmp_path / "lock"), pytest.raises(SecpipeError, match="locked by another"), second:
        pass
    with locks.lock(tmp_path / "lock", wait=False):
        pass


def test_a_process_sees_a_scrubbed_environment_and_an_empty_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_TOKEN", "secret")
    monkeypatch.setenv("PYTHONPATH", "/evil")
    code = "import os; print(sorted(k for k in os.environ if k in ('GITHUB_TOKEN', 'PYTHONPATH', 'X')), os.listdir())"
    done = process.run([sys.executable, "-c", code], extra={"X": "1"})
    assert done.stdout.decode().strip() == "['X'] []"


def test_a_process_that_hangs_is_killed_with_its_children() -> None:
    started = time.monotonic()
    with pytest.raises(SecpipeError, match="took longer"):
        process.run(["sh", "-c", "sleep 60 & sleep 60"], timeout=0.3)
    assert time.monotonic() - started < 30


def test_output_is_capped_and_an_absent_program_is_named() -> None:
    done = process.run([sys.executable, "-c", "print('x' * 100000)"], limit=10)
    assert (len(done.stdout), done.truncated) == (10, True)
    with pytest.raises(MissingDependency, match="cannot start no-such-program"):
        process.run(["no-such-program"])


def test_a_program_in_the_tree_under_test_is_never_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for folder in ("tree/bin", "ok"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "tool-x").write_text("#!/bin/sh\n")
        (tmp_path / folder / "tool-x").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}/tree/bin{os.pathsep}.{os.pathsep}{tmp_path}/ok")
    monkeypatch.chdir(tmp_path / "tree/bin")
    assert process.find_program("tool-x", outside=tmp_path / "tree") == str(tmp_path / "ok/tool-x")
    (tmp_path / "ok/tool-x").unlink()
    (tmp_path / "ok/tool-x").symlink_to(tmp_path / "tree/bin/tool-x")
    assert process.find_program("tool-x", outside=tmp_path / "tree") is None


def test_secrets_by_reference(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = tmp_path / "pass"
    place.write_bytes(b"hunter2\n")
    place.chmod(0o600)
    monkeypatch.setenv("PASS", "hunter3")
    assert secrets.resolve(str(place)) == secrets.resolve(f"file:{place}") == b"hunter2"
    assert secrets.resolve("env:PASS") == b"hunter3"
    assert secrets.resolve("exec:printf hunter4") == b"hunter4"
    for reference in ("env:ABSENT", f"file:{tmp_path}/absent", "exec:false", "exec:true"):
        with pytest.raises(InputError):
            secrets.resolve(reference)
    if sys.platform != "win32":
        place.chmod(0o640)
        with pytest.raises(InputError, match="can be read by others") as caught:
            secrets.resolve(str(place))
        assert "hunter" not in str(caught.value) + caught.value.hint


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers by path: well, with an error, too much, too slowly, cut short, with a redirect elsewhere."""

    answers: ClassVar[dict[str, tuple[int, dict[str, str], bytes]]] = {
        "/ok": (200, {}, b"hello"),
        "/error": (500, {}, b""),
        "/short": (200, {"Content-Length": "100"}, b"hello"),
        "/away": (302, {"Location": "http://127.0.0.2:9/"}, b""),
        "/file": (302, {"Location": "file:///etc/passwd"}, b""),
    }

    def do_GET(self) -> None:
        if self.path == "/endless":
            self.send_response(200)
            self.end_headers()
            try:
                while True:
                    self.wfile.write(b"x" * 4096)
                    time.sleep(0.01)
            except OSError:
                return
        code, headers, body = self.answers[self.path]
        self.send_response(code)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[str]:
    made = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made.daemon_threads = True
    threading.Thread(target=made.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{made.server_address[1]}"
    made.shutdown()
    made.server_close()


def test_the_network_door(server: str) -> None:
    assert net.fetch(f"{server}/ok", limit=10) == b"hello"
    for path in ("/error", "/short", "/away", "/file"):
        with pytest.raises(NetworkError):
            net.fetch(server + path, limit=1000, timeout=5)
    with pytest.raises(UnsafeInput, match="more than"):
        net.fetch(f"{server}/ok", limit=4)
    with pytest.raises(UnsafeInput):
        net.fetch(f"{server}/endless", limit=100_000)
    with pytest.raises(NetworkError, match="took longer"):
        net.fetch(f"{server}/endless", limit=1 << 30, timeout=0.5)
    for url in ("http://example.com/", "file:///etc/passwd", "ftp://localhost/x"):
        with pytest.raises(NetworkError, match="not https"):
            net.fetch(url, limit=10)


def test_times() -> None:
    assert parse_time("2027-01-01").isoformat() == "2027-01-01T00:00:00+00:00"
    assert parse_time("2027-01-01T12:00:00+02:00").isoformat() == "2027-01-01T10:00:00+00:00"
    for text in ("", "tomorrow", "2027-01-01T12:00:00", "2027-13-01", "20270101"):
        with pytest.raises(ConfigError):
            parse_time(text)
