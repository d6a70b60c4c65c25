"""Proving lineage: copies and casts against SHA-256 over the same bytes, and the memory of a large model.

Ours is the whole proof: digesting output and parent, then comparing them tensor by tensor. The rival is hashlib over
both files. Times are CPU seconds of this process.
"""

from __future__ import annotations

import hashlib
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from bench.measure import Run, claim, info, interleave, median_ratio, not_measured
from secpipe.lineage import beside
from secpipe.lineage.proving import located, numbers
from secpipe.lineage.record import Derivation, Grade, Role
from secpipe.system.tree import open_tree

_TENSORS, _ELEMENTS = 8, 6 << 20
_WIDTH = {"F32": 4, "F16": 2, "BF16": 2}


def write(path: Path, kind: str, make: Callable[[int], bytes | None], count: int = _TENSORS) -> None:
    """Write a safetensors file of equal tensors, one at a time."""
    size = _ELEMENTS * _WIDTH[kind]
    rows = {
        f"layers.{nth}.weight": {"dtype": kind, "shape": [_ELEMENTS], "data_offsets": [nth * size, (nth + 1) * size]}
        for nth in range(count)
    }
    head = json.dumps(rows).encode()
    with path.open("wb") as file:
        file.write(len(head).to_bytes(8, "little") + head)
        for nth in range(count):
            file.write(make(nth) or b"")


def floats(nth: int) -> bytes:
    """Return numbers between one and two, of either sign: any bits but those of infinity."""
    seed = hashlib.shake_128(bytes((nth,))).digest(4 << 20)
    block = bytearray(seed)
    block[3::4] = bytes((byte & 0x80) | 0x3F for byte in block[3::4])
    return bytes(block) * (_ELEMENTS * 4 // len(block))


def proof(output: Path, parent: Path) -> Run:
    """Return a run that proves one file from another, in CPU seconds."""
    record = Derivation(beside.subject(output), "convert", (beside.input_of(str(parent), Role.MODEL),))

    def run() -> float:
        before = time.process_time()
        found, _ = located.proven(output, record, (parent.parent,), open_tree)
        if found.grade is not Grade.RE_DERIVED:
            raise SystemExit(found.said)
        return time.process_time() - before

    return run


def sha256(*paths: Path) -> Run:
    """Return a run that digests files as hashlib does, in CPU seconds."""

    def run() -> float:
        before = time.process_time()
        for path in paths:
            with path.open("rb") as file:
                hashlib.file_digest(file, "sha256")
        return time.process_time() - before

    return run


def peak(folder: Path, count: int) -> float:
    """Return the peak MB of a process that records and proves a cast of so many tensors."""
    write(folder / "parent.safetensors", "F32", floats, count)
    write(folder / "out.safetensors", "F16", lambda nth: numbers.packed(numbers.real(floats(nth), "F32"), "F16"), count)
    for words in (("record", "out.safetensors", "--from", "parent.safetensors"), ("prove", "out.safetensors")):
        argv = [sys.executable, "-m", "secpipe", "lineage", *words]
        subprocess.run(argv, cwd=folder, check=True, capture_output=True)
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024


def main() -> None:
    """Print the claims."""
    try:
        numbers.packed(numbers.real(b"\0\0\0\0", "F32"), "F16")
    except Exception:
        not_measured("proving a copy: speed against sha256", "numpy is not installed")
        return
    with tempfile.TemporaryDirectory() as folder:
        parent = Path(folder, "parent.safetensors")
        write(parent, "F32", floats)
        for kind in ("F32", "F16", "BF16"):
            output = Path(folder, f"{kind}.safetensors")
            write(output, kind, lambda nth, kind=kind: numbers.packed(numbers.real(floats(nth), "F32"), kind))
            rival, ours = interleave([sha256(output, parent), proof(output, parent)], rounds=5)
            what = "a copy" if kind == "F32" else f"a cast to {kind}"
            claim(
                f"proving {what}: speed against sha256 over the same bytes",
                median_ratio(rival, ours),
                0.5,
                at_least=True,
            )
            output.unlink()
        small, large = (peak(Path(folder), count) for count in (1, _TENSORS))
        info("proving a cast of 192 MiB: peak MB of the process", large)
        claim("proving a cast of eight times the size: growth of peak memory", large / small, 1.1)


if __name__ == "__main__":
    main()
