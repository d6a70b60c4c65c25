"""The server under load: answers a second, how late the slowest is, and how long 5,000 verdicts take to load.

    python -m bench.serve

Load comes over 16 kept connections from a process of its own; on two cores it competes with the server. nginx, where
there is one, answers a static 200 beside it, under the same load.
"""

from __future__ import annotations

import asyncio
import json
import os
import resource
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from datetime import timedelta
from pathlib import Path

from bench.measure import claim, info, not_measured
from bench.verdicts import world
from secpipe.gate.deploying import Named, Pinned
from secpipe.gate.policies import policy_file
from secpipe.serve import loading
from secpipe.serve.app import Listening, run
from secpipe.serve.loading import Sources
from secpipe.serve.state import Serving
from secpipe.system.clock import FixedClock
from tests.unit.gate_builders import NOW
from tests.unit.verdict_world import DIGEST, POLICY

CONNECTIONS, SECONDS, LOADED = 16, 5.0, 5_000
BODY = json.dumps({"digest": f"dirHash:{DIGEST}"}).encode()


def served(folder: Path, port: int) -> None:
    """Serve one verdict from memory, until killed."""
    gate = world(folder, 0)
    policy = policy_file.parse(POLICY, "policy.toml").resolve("prod")
    loading.pinned = lambda *_: Pinned(None, gate.trust, policy, "", "")  # type: ignore[assignment,arg-type]
    sources = Sources(gate.store, Named(), fresh_for=timedelta(days=1))
    run(Serving.begun(sources, FixedClock(NOW)), Listening("127.0.0.1", port, every=3600))


def load_seconds(folder: Path) -> float:
    """Return how long the first load of many verdicts takes."""
    gate = world(folder, 0)
    entry = next(gate.store.glob("prod/*/*"))
    for number in range(LOADED - 1):
        shutil.copytree(entry, entry.with_name(f"20261120T120000Z-{number:08x}"), copy_function=os.link)
    policy = policy_file.parse(POLICY, "policy.toml").resolve("prod")
    loading.pinned = lambda *_: Pinned(None, gate.trust, policy, "", "")  # type: ignore[assignment,arg-type]
    before = time.perf_counter()
    shelf = loading.load(Sources(gate.store, Named()), NOW)
    spent = time.perf_counter() - before
    if loading.holds(shelf) != LOADED:
        raise RuntimeError("not every verdict holds")
    return spent


async def _client(port: int, request: bytes, end: float, pause: float, spent: list[float]) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    while time.perf_counter() < end:
        before = time.perf_counter()
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r")[0])
        await reader.readexactly(length)
        if not head.startswith(b"HTTP/1.1 200"):
            raise RuntimeError(head.decode())
        spent.append(time.perf_counter() - before)
        if pause:
            await asyncio.sleep(max(0.0, pause - (time.perf_counter() - before)))
    writer.close()


async def _load(port: int, request: bytes, rate: float) -> list[float]:
    spent: list[float] = []
    end, pause = time.perf_counter() + SECONDS, CONNECTIONS / rate if rate else 0.0
    await asyncio.gather(*(_client(port, request, end, pause, spent) for _ in range(CONNECTIONS)))
    return sorted(spent)


def loaded(port: int, request: bytes, rate: float = 0.0) -> tuple[float, float]:
    """Return answers a second and the 99th percentile in ms."""
    spent = asyncio.run(_load(port, request, rate))
    return len(spent) / SECONDS, 1000 * spent[int(len(spent) * 0.99)]


def _cpu(process: int) -> float:
    """Return the CPU seconds that a process has used (proc(5))."""
    words = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


def _free() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def _wait(port: int) -> None:
    for _ in range(600):
        with socket.socket() as one:
            if one.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise RuntimeError("nobody listens")


def _nginx(folder: Path, port: int) -> subprocess.Popen[bytes] | None:
    program = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
    if program is None:
        return None
    (folder / "nginx.conf").write_text(
        f"daemon off; worker_processes 1; pid {folder}/pid; error_log {folder}/error; events {{}}\n"
        f"http {{ access_log off; keepalive_requests 10000000; server {{ listen 127.0.0.1:{port}; "
        'location / { return 200 "yes"; } } }\n'
    )
    return subprocess.Popen([program, "-c", str(folder / "nginx.conf"), "-p", str(folder)], stderr=subprocess.DEVNULL)


def main() -> int:
    """Print the numbers."""
    if sys.argv[1:2] == ["serve"]:
        served(Path(sys.argv[2]), int(sys.argv[3]))
        return 0
    head = f"POST /v1/verdict HTTP/1.1\r\nHost: x\r\nContent-Length: {len(BODY)}\r\n\r\n".encode()
    with tempfile.TemporaryDirectory() as name:
        folder, port, other = Path(name), _free(), _free()
        command = [sys.executable, "-m", "bench.serve", "serve", str(folder / "one"), str(port)]
        server = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        beside = _nginx(folder, other)
        try:
            _wait(port)
            before = _cpu(server.pid)
            rate, late = loaded(port, head + BODY)
            info("CPU microseconds of the server for one answer", 1e6 * (_cpu(server.pid) - before) / (rate * SECONDS))
            claim("answers a second from memory, 16 connections", rate, 3000, at_least=True)
            info("ms, 99th percentile of that", late)
            claim("ms, 99th percentile at 1,000 a second", loaded(port, head + BODY, 1000)[1], 15)
            claim("ms, 99th percentile at 200 a second", loaded(port, head + BODY, 200)[1], 5)
            if beside is None:
                not_measured("answers a second against nginx with a static 200", "nginx is not here")
            else:
                _wait(other)
                info("nginx, a static 200: answers a second", loaded(other, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")[0])
        finally:
            server.kill()
            server.wait()
            if beside is not None:
                beside.terminate()
                beside.wait()
        info(f"seconds, first load of {LOADED:,} signed verdicts", load_seconds(folder / "many"))
    info("MB, peak memory of that", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
