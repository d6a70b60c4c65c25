"""Numbers of the key room: a chain of 40 rotations, a ring of 200 key versions, `keys list`; python-tuf is the rival.

    python bench/keys.py

CPU milliseconds, the best of several in one run on one machine (processes: wall); ratios travel, absolutes do not.
"""

from __future__ import annotations

import contextlib
import io
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bench.measure import claim, info
from secpipe.core.trust import Authority
from secpipe.keys.ring import Ring
from secpipe.keys.schedule import Schedule
from secpipe.keys.schemes import scheme
from secpipe.keystore import age, quorum
from secpipe.keystore.commit import rotate
from secpipe.keystore.create import Plan, create
from secpipe.keystore.custody import file as file_custody
from secpipe.keystore.pending import sign_pending
from secpipe.keystore.trust_update import second_opinion
from secpipe.keystore.trusted import open_folder, open_trust

COLD = "SECPIPE_CACHE"  # where endorsements that were verified are kept; a machine without it verifies each

START = datetime.now(UTC).replace(microsecond=0) - timedelta(days=3650)
PERIOD = timedelta(days=90)


def best(work: Callable[[], object], times: int = 7, clock: Callable[[], float] = time.process_time) -> float:
    """Return the shortest CPU time (or time by another `clock`) of `times` runs, in milliseconds."""
    found = []
    for _ in range(times):
        before = clock()
        work()
        found.append(clock() - before)
    return 1000 * min(found)


def without_scrypt() -> None:
    """Keep private keys in memory: this measures the ring, not the passphrase."""
    held: dict[bytes, bytes] = {}

    def seal(plaintext: bytes, passphrase: bytes, *, work: int = 0) -> bytes:
        held[name := os.urandom(16)] = plaintext
        return name

    age.seal = seal
    age.unseal = lambda data, passphrase, what: held[data]


def grow(base: Path, identities: int, rotations: int) -> datetime:
    """Make a trust root with so many identities and rotate each so many times; return the time then."""
    names = {f"builder-{number}": Authority(("model",)) for number in range(identities)}
    pairs = ("ed25519", "ml-dsa-65"), ("ecdsa-p256", "ml-dsa-65")
    plan = Plan("alice", names, *pairs, PERIOD, timedelta(days=14), 7300, 400)
    file_custody.forget()
    create(base / "keys", base / "home", plan, b"x", START, lambda text: None)
    now, schedule = START, Schedule(jitter=timedelta(0))
    for _ in range(rotations):
        now += PERIOD
        rotate(base / "keys", base / "home", schedule, lambda: b"x", lambda at=now: at)
    return now


def main() -> None:
    """Print the table."""
    without_scrypt()
    with tempfile.TemporaryDirectory() as folder:
        one, many = Path(folder, "a/one"), Path(folder, "a/many")
        now = grow(one, 1, 40)
        size = sum(path.stat().st_size for path in (one / "keys").rglob("*") if path.is_file())
        claim("what 40 rotations leave in keys/: against 600 kB", size / 600e3, 1)
        os.environ |= {"SECPIPE_HOME": f"{folder}/user/home", COLD: f"{folder}/user/cache"}
        chain = best(lambda: cold(one / "keys", now))
        claim("verifying a chain of 41 versions for the first time: against 100 ms", chain / 100, 1)
        known = best(lambda: open_trust(one / "keys", now=now))
        claim("the same again, endorsements proven before: against 30 ms", known / 30, 1)
        ring = one / "keys" / "ring"
        files = (one / "keys/root/1.root.json").read_bytes(), (ring / "1.targets.json").read_bytes()
        newest = (ring / "41.rotation.json").read_bytes()
        rival = best(lambda: second_opinion([files[0]], files[1], newest))
        info("the same against python-tuf, metadata only, no endorsements", chain / rival)
        grow(many, 5, 39)
        info(
            "opening a ring of 200 versions, all by rotation, for the first time: ms",
            best(lambda: cold(many / "keys", now)),
        )
        large = open_folder(many / "keys", now=None).ring
        info("of that the signatures alone, four a version: ms", best(lambda: signatures(large)))
        again = best(lambda: open_trust(many / "keys", now=now))
        claim("the same again, endorsements proven before: against 60 ms", again / 60, 1)
        listed = best(lambda: run_list(many / "keys"))
        claim("keys list of those 200 versions, in the process: against 100 ms", listed / 100, 1)
        renew(many, now)
        listed = best(lambda: run_list(many / "keys"))
        info("the same after keys renew (rotations folded in): ms", listed)
        bare = best(lambda: subprocess.run([sys.executable, "-c", "pass"], check=True), 5, time.perf_counter)
        whole = best(lambda: command(many / "keys"), 5, time.perf_counter)
        info("the same as a process: against `python -c pass`", whole / bare)


def cold(folder: Path, now: datetime) -> None:
    """Open trust as a machine that remembers nothing."""
    shutil.rmtree(os.environ[COLD], ignore_errors=True)
    open_trust(folder, now=now)


def signatures(ring: Ring) -> None:
    """Verify what a first opening cannot do without: both halves of each endorsement and of each possession."""
    for made in ring.successors:
        identity = ring.identity(made.identity)
        assert identity is not None
        older, message = identity.versions[made.version.version - 2], made.statement
        for halves, proof in ((older.halves, made.endorsement), (made.version.halves, made.possession)):
            for half in halves:
                scheme.get(half.algorithm).verify(half.pem, proof[half.keyid], message)


def renew(base: Path, now: datetime) -> None:
    """Let the root quorum fold the rotations into a new ring."""
    found = quorum.begin(base / "keys", base / "home", now)
    quorum.draft(found, quorum.renewed(found), now)
    sign_pending(base / "keys", base / "home", lambda: b"x", now)


def run_list(folder: Path) -> None:
    """Run `keys list` in this process."""
    from secpipe.cli.main import run

    with contextlib.redirect_stdout(io.TextIOWrapper(io.BytesIO())):
        run(["keys", "list", "--trust", str(folder)])


def command(folder: Path) -> None:
    """Run `keys list` as a process."""
    root = Path(__file__).resolve().parents[1]
    argv = [sys.executable, "-m", "secpipe", "keys", "list", "--trust", str(folder)]
    subprocess.run(argv, check=True, stdout=subprocess.DEVNULL, cwd=root)


if __name__ == "__main__":
    main()
