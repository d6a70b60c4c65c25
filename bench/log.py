"""Numbers of the log: appends a second, an inclusion proof among 10 million entries, and verifying one.

    python bench/log.py

Appends are wall time, for the disk is part of it; proofs are CPU time. The tree of 10 million holds one entry that many
times, so that only the tiles that a proof reads have to be written: each proof reads, hashes and compares what it would
in any other.
"""

from __future__ import annotations

import hashlib
import random
import resource
import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bench.measure import claim, info
from secpipe.core.trust import PublicHalf
from secpipe.keys.schemes import scheme
from secpipe.keys.schemes.signer import LocalSigner
from secpipe.log import folder, merkle, note, tiles
from secpipe.log.checkpoint import Checkpoint, NoteSigner
from secpipe.log.entry import Entry
from secpipe.log.folder import Log
from secpipe.log.ratchet import Ratchet
from secpipe.log.reader import Reader

ORIGIN = "log.example/bench"
NOW = datetime(2026, 11, 30, tzinfo=UTC)
SIZE = 10_000_000


def signer(algorithm: str, type_: int) -> NoteSigner:
    """Return a new key that writes one type of line."""
    key = scheme.get(algorithm).generate()
    half = PublicHalf(algorithm, scheme.get(algorithm).half, key.public_pem())
    return NoteSigner(note.key_of(ORIGIN, type_, half), LocalSigner(half, key))


def entries(count: int, first: int = 0) -> list[bytes]:
    """Return entries that differ."""
    return [Entry("file", NOW, hashlib.sha256(b"%d" % nth).hexdigest()).encode() for nth in range(first, first + count)]


def rate(log: Log, made: Sequence[bytes], batch: int) -> float:
    """Return how many entries a second are acknowledged in batches of this size."""
    before = time.perf_counter()
    for at in range(0, len(made), batch):
        log.append(made[at : at + batch])
    return len(made) / (time.perf_counter() - before)


def grow(base: Path) -> None:
    """Measure appending, and signing what was appended."""
    signers = (signer("ed25519", note.ED25519), signer("ml-dsa-44", note.ML_DSA_44))
    ratchet = Ratchet(base / "seen", "log", ORIGIN)
    log = folder.create(base / "log", ORIGIN, signers, ratchet, NOW)
    made = entries(42_100)
    info("appends a second, one entry a batch, each on the disk before it is told", rate(log, made[:100], 1))
    claim(
        "appends a second, 100 a batch, each batch on the disk", rate(log, made[100:2_100], 100), 1_000, at_least=True
    )
    claim("appends a second, 20,000 a batch", rate(log, made[2_100:], 20_000), 20_000, at_least=True)
    before = time.perf_counter()
    log.sign(signers, ratchet, NOW)
    info("ms to make tiles of 42,100 entries and sign the checkpoint", 1000 * (time.perf_counter() - before))


def large(base: Path, indexes: Sequence[int]) -> Reader:
    """Write what proofs of `indexes` read in a tree of SIZE equal entries, and return its reader."""
    rows = {0: merkle.leaf(entries(1)[0])}
    counts = dict(tiles.widths(SIZE))
    for level in range(len(counts)):
        rows[level + 1] = merkle.perfect(rows[level] * tiles.WIDTH)
    for level, count in counts.items():
        numbers = {index >> 8 * (level + 1) for index in indexes} | {count // tiles.WIDTH}
        for number in numbers:
            width = tiles.width_of(number, count)
            if width > 0:
                path = base / tiles.path(level, number, width)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(rows[level] * width)
    return Reader(base, Checkpoint(ORIGIN, SIZE, b""), believe=True)


def prove(base: Path) -> None:
    """Measure proofs: by a reader that was opened before, and with opening it."""
    indexes = random.Random(22).sample(range(SIZE), 1_000)
    tree = large(base, indexes)
    hashed = merkle.leaf(entries(1)[0])
    before = time.process_time()
    paths = [tree.prove(index, b"").path for index in indexes]
    claim(
        "CPU ms, an inclusion proof among 10 million entries", 1000 * (time.process_time() - before) / len(indexes), 1
    )
    before = time.process_time()
    for index, path in zip(indexes, paths, strict=True):
        merkle.check_inclusion(hashed, index, SIZE, path, tree.head.root)
    claim("CPU ms, verifying one without its signatures", 1000 * (time.process_time() - before) / len(indexes), 1)
    before = time.process_time()
    for index in indexes[:100]:
        Reader(base, tree.head).prove(index, b"")
    info("CPU ms, opening the log of 10 million and proving one", 1000 * (time.process_time() - before) / 100)


def main() -> int:
    """Print the numbers."""
    with tempfile.TemporaryDirectory() as name:
        (Path(name) / "small").mkdir()
        grow(Path(name) / "small")
        prove(Path(name) / "large")
    info("MB, peak memory of all this", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
