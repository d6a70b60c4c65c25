"""Model scan against picklescan (`make rivals`) on opcode-dense pickles: CPU, the same bytes in the same run.

Before that PyTorch archives of 512 MiB and 2 GiB against reads of the same file, and the peak of memory.
"""

from __future__ import annotations

import io
import pickle
import pickletools
import random
import resource
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bench.measure import claim, info, not_measured
from bench.measure import rival as rival_program
from secpipe.core.limits import DEFAULT
from secpipe.scan.models.allow import shipped_list
from secpipe.scan.models.context import Context, Sink
from secpipe.scan.models.routes import LOOK, look_into

ROUNDS = 5


def ours(data: bytes) -> None:
    sink = Sink("x", DEFAULT, LOOK)
    look_into(Context(sink, shipped_list()), io.BytesIO(data), len(data))


RIVAL = """
import io, logging, sys, time
from picklescan.scanner import scan_pickle_bytes
logging.disable(logging.CRITICAL)
data, times = sys.stdin.buffer.read(), []
for _ in range(int(sys.argv[1])):
    start = time.process_time()
    scan_pickle_bytes(io.BytesIO(data), "x")
    times.append(time.process_time() - start)
print(min(times))
"""


def theirs(python: Path, data: bytes) -> float:
    """Return what `best` does, of picklescan in its own environment."""
    return float(subprocess.run([python, "-c", RIVAL, str(ROUNDS)], input=data, capture_output=True, check=True).stdout)


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


def torch_pickle(tensors: int) -> bytes:
    """A state_dict as torch.save writes it: every tensor a call of `_rebuild_tensor_v2` on a storage of 1 MiB."""

    def text(value: str) -> bytes:
        return b"X" + len(value).to_bytes(4, "little") + value.encode()

    def tensor(key: int) -> bytes:
        storage = b"((" + text("storage") + b"ctorch\nFloatStorage\n" + text(str(key)) + text("cpu") + b"J\0\0\4\0tQ"
        shape = b"K\0M\0\2M\0\2\x86M\0\2K\1\x86\x89ccollections\nOrderedDict\n)RtR"
        return text(f"model.layers.{key}.weight") + b"ctorch._utils\n_rebuild_tensor_v2\n" + storage + shape

    return b"\x80\x02ccollections\nOrderedDict\n)R(" + b"".join(map(tensor, range(tensors))) + b"u."


def seconds(work: Callable[[], object]) -> float:
    """Return the least wall-clock seconds of three runs; the files are then in the page cache for all."""
    times = []
    for _ in range(3):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times)


def torch_layout(mebibytes: int) -> None:
    """Scan a PyTorch archive against reads of it: of all its bytes, of its other members, and of their opcodes."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.pt"
        block = random.Random(2).randbytes(1 << 20)
        with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
            archive.writestr("m/data.pkl", torch_pickle(mebibytes))
            archive.writestr("m/version", "3\n")
            for i in range(mebibytes):
                archive.writestr(f"m/data/{i}", block)

        def scan() -> None:
            with path.open("rb", buffering=0) as file:
                sink = Sink("model.pt", DEFAULT, LOOK)
                look_into(Context(sink, shipped_list(), name="model.pt"), file, path.stat().st_size)  # type: ignore[arg-type]
            if sink.findings:
                raise SystemExit(f"the honest archive has findings: {next(iter(sink.findings.values())).message}")

        def others() -> bytes:
            with zipfile.ZipFile(path) as archive:
                return b"".join(archive.read(name) for name in archive.namelist() if "/data/" not in name)

        def opcodes() -> None:
            for _ in pickletools.genops(others()):
                pass

        def whole() -> None:
            with path.open("rb", buffering=0) as file:
                while file.read(1 << 20):
                    pass

        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        mine = seconds(scan)
        after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        what = f"PyTorch archive of {mebibytes} MiB: scan"
        info(f"{what}: MiB by which the peak of memory grew", (after - before) / 1024)
        info(f"{what} against a read of the members that are no tensors", mine / seconds(others))
        info(f"{what} against pickletools over those", mine / seconds(opcodes))
        claim(f"{what} against one read of all bytes", mine / seconds(whole), 1.1)


def main() -> None:
    for mebibytes in (512, 2048):
        torch_layout(mebibytes)
    program = rival_program("picklescan")
    python = Path(program).with_name("python") if program else None
    for name, data in samples().items():
        text = f"opcode-dense pickle ({name}, {len(data) / 1e6:.0f} MB): MB/s against picklescan"
        if python is None:
            not_measured(text, "no picklescan here (make rivals)")
        else:
            claim(text, theirs(python, data) / best(ours, data), 2, at_least=True)


if __name__ == "__main__":
    main()
