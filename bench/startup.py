"""Start-up: `secpipe --help` and a warm `secpipe check` against a bare interpreter."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from bench.measure import claim, command, interleave, median_ratio, not_measured

ROOT = Path(__file__).resolve().parent.parent
HELP = "`secpipe --help` against `python -c pass`"
CHECK = "warm `secpipe check` of acme-chat against `python -c pass`"


def main() -> None:
    """Print the two ratios of design section 6."""
    bare = command([sys.executable, "-c", "pass"])
    script = Path(sys.executable).with_name("secpipe")  # what people type; -m where it is not installed
    secpipe = [str(script)] if script.exists() else [sys.executable, "-m", "secpipe"]
    helped, rival = interleave([command([*secpipe, "--help"], cwd=str(ROOT)), bare], rounds=25)
    claim(HELP, median_ratio(helped, rival), 5)
    with tempfile.TemporaryDirectory() as folder:
        acme = Path(folder, "acme-chat")
        shutil.copytree(ROOT / "examples/acme-chat", acme, ignore=shutil.ignore_patterns("node_modules"))
        subprocess.run([sys.executable, acme / "make_models.py"], check=True, stdout=subprocess.DEVNULL)
        env = {**os.environ, "SECPIPE_HOME": f"{folder}/home", "SECPIPE_CACHE": f"{folder}/cache"}
        argv = [*secpipe, "check", str(acme), "--mode", "warn", "-f", "json"]
        first = subprocess.run(argv, env=env, cwd=ROOT, capture_output=True, text=True)
        if '"secpipe.verdict/2"' not in first.stdout:
            not_measured(CHECK, f"there was no verdict: {first.stderr.strip().splitlines()[:1]}")
            return
        check = command(argv, env=env, cwd=str(ROOT), codes=(first.returncode,))
        checked, rival = interleave([check, bare], rounds=15, warm_up=2)
        claim(CHECK, median_ratio(checked, rival), 12)


if __name__ == "__main__":
    main()
