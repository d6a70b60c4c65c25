"""The verdict store: a look-up among 5,001 releases against one among 1, and the index over 20,000 verdicts.

    python -m bench.verdicts

The rival of the look-up is the same look-up in a store of one release. Verdicts are signed and verified for real; the
other releases of the large store are copies of the entry under other digests, which nobody asks for.
"""

from __future__ import annotations

import os
import resource
import shutil
import tempfile
import time
from pathlib import Path

from bench.measure import claim, function, info, interleave, median_ratio
from secpipe.gate.verdicts.index import VerdictIndex
from tests.unit.gate_builders import NOW
from tests.unit.verdict_world import DIGEST, Gate

OTHERS, MANY = 5_000, 20_000


def world(folder: Path, others: int) -> Gate:
    """Return a store with one signed verdict and `others` beside it."""
    gate = Gate(folder)
    entry = gate.sign(gate.outcome())
    for number in range(others):
        shutil.copytree(entry, gate.store / "prod" / f"{number:064x}" / entry.name, copy_function=os.link)
    return gate


def main() -> int:
    """Print the numbers."""
    with tempfile.TemporaryDirectory() as name:
        os.environ["SECPIPE_CACHE"] = f"{name}/cache"
        one, many = world(Path(name) / "one", 0), world(Path(name) / "many", OTHERS)
        runs = [function(lambda gate=gate: [gate.ask(now=NOW) for _ in range(20)]) for gate in (many, one)]
        ours, rival = interleave(runs)
        claim(f"look-up of a verdict among {OTHERS + 1:,} releases against one among 1", median_ratio(ours, rival), 1.2)
        big = world(Path(name) / "big", MANY)
        for text in ("made", "brought up to date, nothing new"):
            before = time.perf_counter()
            with VerdictIndex(big.store) as index:
                index.refresh()
                spent = time.perf_counter() - before
                before = time.perf_counter()
                for _ in range(1000):
                    index.of_image(DIGEST, "prod")
                asked = time.perf_counter() - before
            info(f"index of {MANY:,} verdicts {text}: seconds", spent)
        info(f"index of {MANY:,} verdicts: ms for one question", asked)
        info("MB, peak memory of all this", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
