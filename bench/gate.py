"""The gate: its own share of a fresh check of a large release, and what an unchanged release saves.

The large release has a lock of 5,000 components, 50 models and 500 source files. The gate's own share is all that it
does with evidence once the scanners have made it: deciding, the verdict document, the evidence document, the reports.
Budgets in seconds are given as a ratio to one second.
"""

from __future__ import annotations

import json
import os
import shutil
import struct
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from bench.measure import claim, command, function, info, interleave, median_ratio, not_measured

ROOT = Path(__file__).resolve().parent.parent
COMPONENTS, ARTIFACTS, SOURCES = 5_000, 50, 500
POLICY = 'schema = "secpipe.policy/1"\nname = "bench"\nowner = "bench"\nexpires = 2099-01-01\nprofile = "baseline"\n'
OWN = f"gate's own share of a fresh check, {COMPONENTS:,} components and {ARTIFACTS} artifacts: seconds against 1 s"
WHOLE = "the same check from a cold process, scanners included: seconds against 1 s"


def large(folder: Path) -> Path:
    """Make the large release and return it."""
    release = folder / "large"
    release.mkdir()
    rows = [f"pkg{index}==1.{index}.0 \\\n    --hash=sha256:{index:064x}" for index in range(COMPONENTS)]
    (release / "requirements.txt").write_text("\n".join(rows) + "\n")
    header = json.dumps({"w": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}).encode()
    for index in range(ARTIFACTS):
        (release / f"m{index}").mkdir()
        data = struct.pack("<Q", len(header)) + header + struct.pack("<f", index)
        (release / f"m{index}/model.safetensors").write_bytes(data)
    for index in range(SOURCES):
        (release / f"src{index}.py").write_text("import os\n" * 100 + f"# {index}\n")
    return release


def own_share(release: Path) -> None:
    """Measure everything between the evidence and the exit code, in this process."""
    from secpipe.gate import record
    from secpipe.gate.outcome import conclude
    from secpipe.gate.pipeline import check
    from secpipe.gate.request import Request
    from secpipe.report import json as json_writer
    from secpipe.report import terminal

    outcome = check(Request(path=release, now=datetime.now(UTC).replace(microsecond=0), policy="builtin:baseline"))
    policy = outcome.rules.policy.resolve("prod")

    def gate() -> None:
        again = conclude(outcome.record, outcome.rules, policy)
        terminal.render(again.document)
        json_writer.render(again.document)
        record.encode(outcome.record)

    (seconds,) = interleave([function(gate)], rounds=9, warm_up=2)
    claim(OWN, median_ratio(seconds, [1.0]), 1)


def cold(release: Path, env: dict[str, str]) -> None:
    """Measure the whole command in a fresh process with nothing kept, for information."""
    argv = [*secpipe(), "check", str(release), "--no-cache", "-f", "json"]
    (seconds,) = interleave([command(argv, env=env, cwd=str(ROOT), codes=(0, 1, 3))], rounds=3)
    info(WHOLE, median_ratio(seconds, [1.0]))


def unchanged(name: str, release: Path, env: dict[str, str], policy: Path, budgets: tuple[float, float]) -> None:
    """Measure an enforced check of an unchanged release: served whole, from kept parts, and afresh."""
    pin = subprocess.run(
        [*secpipe(), "policy", "pin", str(policy)], env=env, cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.strip()
    argv = [*secpipe(), "check", str(release), "--policy", str(policy), "--policy-ref", pin, "-f", "json"]
    first = subprocess.run(argv, env=env, cwd=ROOT, capture_output=True, text=True)
    parts = [*argv, "--emit-input", str(policy.with_suffix(".json"))]  # wants all evidence: no whole verdict is served
    codes = (first.returncode,)
    runs = [command(one, env=env, cwd=str(ROOT), codes=codes) for one in (parts, argv, [*argv, "--no-cache"])]
    from_parts, whole, fresh = interleave(runs, rounds=3)
    claim(f"{name}, unchanged, enforced: from kept parts against afresh", median_ratio(from_parts, fresh), budgets[0])
    served = f"{name}, unchanged, enforced: whole verdict served against afresh"
    if first.returncode == 0:
        claim(served, median_ratio(whole, fresh), budgets[1])
    else:
        not_measured(served, "a verdict that says no is never served")


def secpipe() -> list[str]:
    """Return how the command is started."""
    script = Path(sys.executable).with_name("secpipe")
    return [str(script)] if script.exists() else [sys.executable, "-m", "secpipe"]


def main() -> None:
    """Print the rows."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        env = {key: value for key, value in os.environ.items() if key != "CI" and not key.startswith(("GIT", "CI_"))}
        env |= {"SECPIPE_HOME": f"{folder}/home", "SECPIPE_CACHE": f"{folder}/cache"}
        os.environ.update({key: env[key] for key in ("SECPIPE_HOME", "SECPIPE_CACHE")})
        release = large(folder)
        own_share(release)
        cold(release, env)
        policy = folder / "policy.toml"
        policy.write_text(POLICY + "[signatures]\nrequired = false\n")
        unchanged("the large release", release, env, policy, (0.5, 0.25))
        acme = folder / "acme-chat"
        shutil.copytree(ROOT / "examples/acme-chat", acme, ignore=shutil.ignore_patterns("node_modules"))
        subprocess.run([sys.executable, acme / "make_models.py"], check=True, stdout=subprocess.DEVNULL)
        unchanged("acme-chat", acme, env, policy, (0.7, 0.25))


if __name__ == "__main__":
    main()
