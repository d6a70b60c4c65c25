"""Model scan against picklescan, same bytes, same run: `python -m bench.models` in an environment that has both.

Prints MB/s of CPU time and the ratio, for opcode-dense pickles of several protocols; then the time for a PyTorch layout
of 512 MiB against one sequential read of its members that are no tensors, and the peak of memory.
"""

from __future__ import annotations

import io
import logging
import pickle
import random
import resource
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from secpipe.core.limits import DEFAULT
from secpipe.scan.models.allow import shipped_list
from secpipe.scan.models.context import Context, Sink
from secpipe.scan.models.routes import look_into

ROUNDS = 5


def ours(data: bytes) -> None:
    sink = Sink("x", DEFAULT)
    look_into(Context(sink, shipped_list()), io.BytesIO(data), len(data))


def theirs() -> Callable[[bytes], object] | None:
    try:
        from picklescan.scanner import scan_pickle_bytes
    except ImportError:
        return None
    logging.disable(logging.CRITICAL)
    return lambda data: scan_pickle_bytes(io.BytesIO(data), "x")


def best(work: Callable[[bytes], object], data: bytes) -> float:
    """Return the least CPU seconds of several rounds."""
    times = []
    for _ in range(ROUNDS):
        start = time.process_time()
        work(data)
        times.append(time.process_time() - start)
    return min(times)


def samples() -> dict[str, bytes]:
    pick = random.Random(1)
    rows = [
        {
            f"a{i}": pick.random(),
            "b": [pick.randrange(100_000) for _ in range(5)],
            "n": "x" * pick.randrange(20),
            "t": (i, None, True),
        }
        for i in range(30_000)
    ]
    found = {f"dicts, protocol {protocol}": pickle.dumps(rows, protocol) for protocol in (0, 2, 4)}
    found["integers, protocol 4"] = pickle.dumps([pick.randrange(1 << 20) for _ in range(300_000)], 4)
    found["floats, protocol 4"] = pickle.dumps([pick.random() for _ in range(300_000)], 4)
    found["strings, protocol 4"] = pickle.dumps([f"token{i}" for i in range(150_000)], 4)
    found["tuples, protocol 2"] = pickle.dumps([(i, str(i), i * 0.5) for i in range(100_000)], 2)
    return found


def torch_layout() -> None:
    labels = [f"layer.{i}.weight".encode() for i in range(2000)]
    names = b"".join(b"X" + len(label).to_bytes(4, "little") + label + b"K\x01" for label in labels)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.pt"
        block = random.Random(2).randbytes(1 << 20)
        with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
            archive.writestr("m/data.pkl", b"\x80\x02}(" + names + b"u.")
            archive.writestr("m/version", "3\n")
            for i in range(512):
                archive.writestr(f"m/data/{i}", block)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        start = time.perf_counter()
        with path.open("rb", buffering=0) as file:
            sink = Sink("model.pt", DEFAULT)
            look_into(Context(sink, shipped_list(), name="model.pt"), file, path.stat().st_size)  # type: ignore[arg-type]
        scan = time.perf_counter() - start
        after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        start = time.perf_counter()
        with path.open("rb", buffering=0) as file:
            while file.read(1 << 20):
                pass
        whole = time.perf_counter() - start
    print(f"torch layout, 512 MiB: scan {scan * 1e3:.0f} ms, one read of the whole file {whole * 1e3:.0f} ms")
    print(f"memory peak grew by {(after - before) / 1024:.1f} MiB while scanning")


def main() -> None:
    torch_layout()
    rival = theirs()
    for name, data in samples().items():
        mine = best(ours, data)
        line = f"{name:24} {len(data) / 1e6:6.1f} MB   secpipe {len(data) / mine / 1e6:6.1f} MB/s"
        if rival is not None:
            other = best(rival, data)
            line += f"   picklescan {len(data) / other / 1e6:6.1f} MB/s   ratio {other / mine:.1f}"
        print(line)
    if rival is None:
        print("picklescan is not installed here: no ratios")


if __name__ == "__main__":
    main()
