"""Numbers of the index of lineage: a question at 1,000,000 records, and making the index.

    python bench/lineage_index.py [RECORDS]

Every record is of one image, made with one of 200 models, two of 5,000 LoRAs that were made from those models, a prompt
and a tool. A question is finding the thing and following all edges; its wall time is the disk's as well.
"""

from __future__ import annotations

import hashlib
import random
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bench.measure import claim, info
from secpipe.core.artifact import Digest
from secpipe.lineage import questions
from secpipe.lineage.index import DerivationIndex
from secpipe.lineage.index_rows import Lineage, NamedThing, RecordFile, step_of
from secpipe.lineage.record import Derivation, Input, Prompt, Subject, Tool

RECORDS = 1_000_000
MODELS, LORAS = 200, 5_000


def whole(word: str) -> tuple[Digest, ...]:
    """Return the digest of something that is called so."""
    return (Digest("sha256", hashlib.sha256(word.encode()).hexdigest()),)


def used(word: str, role: str) -> Input:
    """Return an input of that name."""
    return Input(word, role, whole(word))


def records(count: int, rows: random.Random) -> Iterator[RecordFile]:
    """Yield the records of the LoRAs, then of `count` images."""
    for nth in range(LORAS):
        made = Derivation(Subject(f"lora{nth}", whole(f"lora{nth}")), "train", (used(f"model{nth % MODELS}", "model"),))
        yield RecordFile(f"lora{nth}.derivation.json", "1", (step_of(made),))
    for nth in range(count):
        one, two = rows.randrange(LORAS), rows.randrange(LORAS)
        inputs = (used(f"model{one % MODELS}", "model"), used(f"lora{one}", "adapter"), used(f"lora{two}", "adapter"))
        prompt = Prompt("prompt", whole(f"prompt {nth}")[0].value)
        made = Derivation(
            Subject(f"image{nth}.png", whole(f"image{nth}")), "generate", inputs, (), (prompt,), Tool("comfyui", "0.3")
        )
        yield RecordFile(f"{nth // 1000}/image{nth}.png.derivation.json", "1", (step_of(made),))


def asked(
    index: DerivationIndex, words: list[str], way: Callable[[DerivationIndex, NamedThing], Lineage]
) -> tuple[float, float, float]:
    """Return the median and the worst ms of a question about each of these, and the mean number of edges."""
    spent, edges = [], 0
    for word in words:
        before = time.perf_counter()
        answer = way(index, NamedThing("", "", whole(word)))
        spent.append(1000 * (time.perf_counter() - before))
        edges += len(answer.edges)
    spent.sort()
    return spent[len(spent) // 2], spent[-1], edges / len(words)


def up(index: DerivationIndex, known: NamedThing) -> Lineage:
    """Return what it was made from."""
    return index.up(index.find(known), questions.MOST)


def down(index: DerivationIndex, known: NamedThing) -> Lineage:
    """Return what came of it."""
    return index.down(index.find(known), questions.MOST)


def main(count: int = RECORDS) -> int:
    """Print the numbers."""
    rows = random.Random(22)
    with tempfile.TemporaryDirectory() as name, DerivationIndex(Path(name) / "index.sqlite") as index:
        before = time.perf_counter()
        index.add(records(count, rows))
        spent = time.perf_counter() - before
        info(f"records a second, indexing {count:,}", (count + LORAS) / spent)
        info("MB of the index", (Path(name) / "index.sqlite").stat().st_size / 1e6)
        images = [f"image{rows.randrange(count)}" for _ in range(200)]
        loras = [f"lora{rows.randrange(LORAS)}" for _ in range(50)]
        median, worst, edges = asked(index, images, up)
        claim(f"ms, what one image was made from (median of 200, {edges:.0f} edges)", median, 50)
        claim("ms, the slowest of them", worst, 50)
        median, worst, edges = asked(index, loras, down)
        claim(f"ms, the recall list of one LoRA (median of 50, {edges:.0f} edges)", median, 50)
        claim("ms, the slowest of them", worst, 50)
        median, worst, edges = asked(index, [f"model{nth}" for nth in range(5)], down)
        info(f"ms, all that came of one base model (median of 5, {edges:.0f} edges)", median)
    info("MB, peak memory of all this", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
    return 0


if __name__ == "__main__":
    raise SystemExit(main(*map(int, sys.argv[1:2])))
