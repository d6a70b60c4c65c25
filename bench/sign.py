"""Signing and verifying against `hashlib.sha256`, a bare interpreter and model_signing.

model_signing is found through SECPIPE_MODEL_SIGNING_PYTHON: the python of a venv with model-signing and pyOpenSSL.
"""

from __future__ import annotations

import hashlib
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from bench.measure import Run, claim, command, function, info, interleave, median_ratio, not_measured
from bench.measure import rival as rival_program
from secpipe.sign.sign import sign_artifact
from secpipe.sign.verify import verify_artifact
from secpipe.system.tree import open_tree
from tests.unit.sign.world import NOW, make_identity, make_key, make_trust

GIB = 1 << 30
KEY = make_key()
TRUST = make_trust(make_identity("builder", KEY))

RIVAL = """
import sys, time, pathlib
from model_signing import signing
model, key = sys.argv[1:3]
times = []
for _ in range(int(sys.argv[3])):
    sig = pathlib.Path(model + ".sig"); sig.unlink(missing_ok=True)
    start = time.perf_counter()
    signing.Config().use_elliptic_key_signer(private_key=key).sign(model, sig)
    times.append(time.perf_counter() - start)
print(sorted(times)[len(times) // 2])
"""


def sign(path: Path) -> None:
    """Walk, hash and sign, as the command does once its key is unlocked."""
    sign_artifact(path, open_tree(path), KEY.signers, KEY.version, now=NOW)


def verify(path: Path) -> None:
    """Walk, hash and verify; raise unless it holds."""
    evidence = verify_artifact(path, open_tree(path), TRUST, now=NOW)
    if evidence.reason:
        raise RuntimeError(evidence.reason)


def plain(*paths: Path) -> None:
    """Hash the same bytes on one core with one reused buffer."""
    buffer = bytearray(1 << 20)
    for path in paths:
        hasher = hashlib.sha256()
        with path.open("rb", buffering=0) as file:
            while count := file.readinto(buffer):
                hasher.update(memoryview(buffer)[:count])
        hasher.hexdigest()


def cpu_of(call: Callable[[], object]) -> Run:
    """Return a run that gives the CPU seconds of a call in this process, all threads."""

    def run() -> float:
        start = time.process_time()
        call()
        return time.process_time() - start

    return run


def sparse(path: Path, size: int) -> Path:
    """Make a file of `size` bytes that takes no space."""
    with path.open("wb") as file:
        file.truncate(size)
    return path


def written(path: Path, size: int) -> Path:
    """Make a file of `size` bytes on the disk: the kernel fills in the holes of a sparse one while we measure."""
    block = os.urandom(1 << 20)
    with path.open("wb") as file:
        for _ in range(size // len(block)):
            file.write(block)
    return path


def main() -> None:
    """Print the claims of design section 6 that are about signatures."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        _unlocking(folder)  # first: Linux counts what this process held when it started another as that one's memory
        _one_large_file(folder)
        _four_files(folder)
        _many_files(folder)
        _cold(folder)
        _memory(folder)


def _one_large_file(folder: Path) -> None:
    file = sparse(folder / "big.bin", 2 * GIB)
    runs = [cpu_of(lambda: sign(file)), cpu_of(lambda: verify(file)), cpu_of(lambda: plain(file))]
    signed, verified, rival = interleave(runs, rounds=3)
    claim("sign a 2 GiB file: CPU against hashlib.sha256", median_ratio(signed, rival), 1.1)
    claim("verify a 2 GiB file: CPU against hashlib.sha256", median_ratio(verified, rival), 1.1)


def _four_files(folder: Path) -> None:
    model = folder / "shards"
    model.mkdir()
    shards = [written(model / f"{number}.bin", GIB // 2) for number in range(4)]
    os.sync()  # the bundles are fsynced: what we wrote for the measurement must not be waited for in it
    text = "sign four 512 MiB files: wall against hashlib.sha256 on one core"
    if (os.cpu_count() or 1) < 2:
        not_measured(text, "one core")
        return
    signed, rival = interleave([function(lambda: sign(model)), function(lambda: plain(*shards))], rounds=3)
    claim(text, median_ratio(signed, rival), 0.65)


def _many_files(folder: Path) -> None:
    model = folder / "many"
    for number in range(5000):
        part = model / f"{number % 50:02}"
        part.mkdir(parents=True, exist_ok=True)
        (part / f"{number}.bin").write_bytes(number.to_bytes(4, "big") * 5000)
    os.sync()
    text = "sign 5,000 files of 20 kB: wall against model_signing"
    python = rival_program("model-signing", "model_signing")
    if python is None:
        not_measured(text, "no model_signing here (make rivals)")
        return
    python = str(Path(python).with_name("python"))
    from tests.interop.others import new_key

    (folder / "ms.key").write_bytes(new_key()[0])

    def rival() -> float:
        argv = [python, "-c", RIVAL, str(model), str(folder / "ms.key"), "3"]
        return float(subprocess.run(argv, check=True, capture_output=True, text=True).stdout)

    (model / "model.sig").unlink(missing_ok=True)
    ours = []
    theirs = []
    for _ in range(4):
        for name in ("model.sig", "model.pqc.sig"):
            (model / name).unlink(missing_ok=True)
        theirs.append(rival())
        ours.append(statistics.median(function(lambda: sign(model))() for _ in range(3)))
    claim(text, median_ratio(ours, theirs), 1 / 3)


def _cold(folder: Path) -> None:
    from datetime import UTC, datetime

    from secpipe.core.trust import Authority
    from secpipe.keystore.create import Plan, create
    from secpipe.keystore.trusted import open_trust
    from secpipe.keystore.unlock import open_signers

    now = datetime.now(UTC).replace(microsecond=0)
    day = timedelta(days=1)
    pair = ("ecdsa-p256", "ml-dsa-65")
    plan = Plan(
        "bench", {"builder": Authority(("file",))}, ("ed25519", "ml-dsa-65"), pair, 90 * day, 14 * day, 3652, 400
    )
    pin = create(folder / "keys", folder / "home", plan, b"bench", now, lambda text: None)
    trust = open_trust(folder / "keys", now=now)
    version, signers = open_signers("builder", trust=trust, home=folder / "home", passphrase=lambda: b"bench", now=now)
    blob = folder / "blob.bin"
    blob.write_bytes(os.urandom(1 << 20))
    sign_artifact(blob, open_tree(blob), signers, version, now=now)
    code = f"from secpipe.verify import verify; verify({str(blob)!r}, trust={str(folder / 'keys')!r}, pin={pin!r})"
    # an installed package is compiled: let the first, discarded round do that, also where the checkout may not
    env = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    env |= {"PYTHONPYCACHEPREFIX": str(folder / "pycache"), "PYTHONPATH": str(Path.cwd())}
    bare = command([sys.executable, "-c", "pass"], env=env)
    cold, rival = interleave([command([sys.executable, "-c", code], env=env), bare], rounds=15)
    claim("verify a 1 MB blob from a cold process (library) against `python -c pass`", median_ratio(cold, rival), 10)
    argv = [sys.executable, "-m", "secpipe", "verify", str(blob), "--trust", str(folder / "keys"), "--trust-pin", pin]
    cold, rival = interleave([command(argv, env=env), bare], rounds=15)
    claim("verify a 1 MB blob from a cold process (command) against `python -c pass`", median_ratio(cold, rival), 8)


def _unlocking(folder: Path) -> None:
    """Whole processes, from the passphrase on: what a person waits for."""
    home, model = folder / "person", folder / "tiny"
    model.mkdir()
    (model / "weights.bin").write_bytes(b"w" * 1000)
    (folder / "passphrase").write_text("correct horse battery")
    (folder / "passphrase").chmod(0o600)
    env = os.environ | {"SECPIPE_HOME": str(home), "PYTHONPATH": str(Path.cwd())}
    ours = [sys.executable, "-m", "secpipe"]
    secret = ["--trust", str(folder / "trust"), "--passphrase-file", str(folder / "passphrase")]
    took, cpu, _ = _process([*ours, "keys", "init", "--holder", "bench", *secret], env)
    claim("keys init, whole process: CPU against 3 s", cpu / 3, 1)
    info("keys init, whole process: wall in s", took)
    rounds = [_process([*ours, "sign", str(model), "--key", "builder", *secret], env) for _ in range(3)]
    claim("sign a tiny model, key unlocked from its passphrase: peak memory against 250 MB", rounds[0][2] / 250e6, 1)
    info("sign a tiny model, whole process: CPU in s", min(cpu for _, cpu, _ in rounds))
    text = "the same: wall against model_signing"
    python = rival_program("model-signing", "model_signing")
    if python is None:
        not_measured(text, "no model_signing here (make rivals)")
        return
    from tests.interop.others import new_key

    (folder / "tiny.key").write_bytes(new_key()[0])
    rival = [str(Path(python).with_name("python")), "-c", RIVAL, str(model), str(folder / "tiny.key"), "1"]
    theirs = [_process(rival, dict(os.environ))[0] for _ in range(3)]
    claim(text, median_ratio([took for took, _, _ in rounds], theirs), 2)


def _process(argv: list[str], env: dict[str, str]) -> tuple[float, float, int]:
    """Return wall and CPU seconds and the peak memory in bytes of a process; raises RuntimeError where it fails."""
    start = time.perf_counter()
    running = subprocess.Popen(argv, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, used = os.wait4(running.pid, 0)
    running.returncode = os.waitstatus_to_exitcode(status)
    if running.returncode:
        raise RuntimeError(f"{argv} ended with {running.returncode}")
    wall, cpu = time.perf_counter() - start, used.ru_utime + used.ru_stime
    return wall, cpu, used.ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def _memory(folder: Path) -> None:
    model = folder / "huge"
    model.mkdir()
    sparse(model / "weights.bin", 20 * GIB)
    text = "sign a 20 GiB model: peak memory against 120 MB"
    if not Path("/proc/self/status").exists():
        not_measured(text, "no /proc")
        return
    # VmHWM belongs to the new process alone; ru_maxrss would carry over what its parent once used
    code = (
        "import re; from pathlib import Path; from bench.sign import sign; "
        f"sign(Path({str(model)!r})); print(re.search(r'VmHWM:\\s+(\\d+)', Path('/proc/self/status').read_text())[1])"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    claim(text, int(done.stdout) * 1024 / 120e6, 1)


if __name__ == "__main__":
    main()
