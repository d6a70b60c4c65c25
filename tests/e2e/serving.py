"""A cluster's side of `secpipe serve`: images with verdicts of today, the server as a process, and questions to it."""

from __future__ import annotations

import http.client
import json
import os
import queue
import ssl
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.test_verdict_acts import Pipeline
from tests.e2e.transcript import ROOT, Shell
from tests.unit.image_world import Blobs, tar

LINES = 30.0  # seconds that a line of the log may take on a busy machine


def files_of(folder: Path) -> dict[str, bytes]:
    """Return the files of a project as they stand in an image."""
    return {f"app/{path.relative_to(folder)}": path.read_bytes() for path in folder.rglob("*") if path.is_file()}


class Cluster(Pipeline):
    """The pipeline of today, which judges images, and the server that answers by its store."""

    def __init__(self, shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
        shell.now = datetime.now(UTC).replace(microsecond=0)
        super().__init__(shell, monkeypatch)
        self.count = 0

    def image(self, extra: dict[str, bytes] | None = None, code: int = 0, sign: str = "--sign verdict") -> str:
        """Make an image of the project, judge it, and return the digest of its manifest."""
        self.count += 1
        blobs = Blobs()
        root = blobs.image([tar(files_of(self.tree)), *([tar(extra)] if extra else [])])
        layout = blobs.write(self.shell.cwd / f"layout{self.count}", root)
        where = f"--advisories advisories --store verdicts {sign} --passphrase-file env:PW" if sign else ""
        self.run(code, f"secpipe check {layout} --name chat {self.pins} --env staging {where}")
        self.shell.sleep(seconds=1)
        return str(root["digest"])


class Server:
    """`secpipe serve` as a process of its own; every line of its log is kept."""

    def __init__(self, folder: Path, *words: str, tls: ssl.SSLContext | None = None) -> None:
        self.tls = tls
        self.log: list[str] = []
        self._lines: queue.Queue[str] = queue.Queue()
        command = [sys.executable, "-P", "-m", "secpipe", "serve", "--listen", "127.0.0.1:0", *words]
        self.process = subprocess.Popen(
            command,
            cwd=folder,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(ROOT), "SECPIPE_HOME": str(folder / "a-home-without-memory")},
        )
        threading.Thread(target=self._read, daemon=True).start()
        self.port = int(self.wait_for("listening on").rpartition(":")[2])

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.log.append(line.rstrip())
            self._lines.put(line.rstrip())

    def wait_for(self, text: str) -> str:
        """Return the next line of the log that holds a text."""
        end = time.monotonic() + LINES
        while time.monotonic() < end:
            try:
                line = self._lines.get(timeout=0.2)
            except queue.Empty:
                assert self.process.poll() is None, "\n".join(self.log)
                continue
            if text in line:
                return line
        pytest.fail(f"no line with {text!r}:\n" + "\n".join(self.log))

    def reload(self) -> None:
        """Have it look again, and wait until it has."""
        while not self._lines.empty():
            self._lines.get()
        self.process.send_signal(1)
        self.wait_for("serve: load")

    def connect(self) -> http.client.HTTPConnection:
        """Return a connection."""
        if self.tls is not None:
            return http.client.HTTPSConnection("127.0.0.1", self.port, timeout=20, context=self.tls)
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)

    def send(self, path: str, body: bytes | None = None, method: str = "") -> tuple[int, bytes]:
        """Send one request and return status and body."""
        connection = self.connect()
        connection.request(method or ("GET" if body is None else "POST"), path, body)
        answer = connection.getresponse()
        data = answer.read()
        connection.close()
        return answer.status, data

    def post(self, path: str, document: Any) -> Any:
        """Return the answer to a document."""
        status, data = self.send(path, json.dumps(document).encode())
        assert status == 200, data
        return json.loads(data)

    def ask(self, digest: str) -> dict[str, Any]:
        """Return what is said of one digest."""
        (answer,) = self.post("/v1/verdict", {"digest": digest})["answers"]
        return dict(answer)

    def admit(self, *images: str, **spec: Any) -> dict[str, Any]:
        """Return the response on a pod of these images."""
        containers = [{"name": f"c{number}", "image": image} for number, image in enumerate(images)]
        return dict(self.post("/v1/admission", review({"spec": {"containers": containers, **spec}}))["response"])

    def end(self) -> int:
        """End it, as its init system does, and return its exit code."""
        if self.process.poll() is None:
            self.process.terminate()
        return self.process.wait(20)


def review(value: Any, kind: str = "Pod", group: str = "", operation: str = "CREATE") -> dict[str, Any]:
    """Return an AdmissionReview."""
    request = {
        "uid": "705ab4f5-6393-11e8-b7cc-42010a800002", "kind": {"group": group, "version": "v1", "kind": kind},
        "operation": operation, "object": value, "oldObject": None, "namespace": "prod",
    }  # fmt: skip
    return {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": request}
