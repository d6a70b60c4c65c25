"""A tree of 100,000 small files: `check` cold, warm and with 20 files changed, beside `git grep` and `git status`.

One file in a thousand uses an AI service. The budgets are of wall time: git and secpipe spread their work over the
cores. Beside it, for a busy machine, stands the CPU time (user and system) of the whole process tree. `git grep` looks
for one word, the least that it can be asked for; beside it, for information, for the names of ten providers, nearer to
what a scan does. Warm and changed are measured where the caller asked to be warned only (the files' stamps are
believed) and where something is enforced (every file is read and hashed).
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from bench.gate import secpipe
from bench.measure import Run, both, claim, command, info, interleave, median_ratio

FILES, EVERY, CHANGED = 100_000, 1_000, 20
ENDINGS = (".py", ".py", ".py", ".py", ".js", ".js", ".js", ".go", ".md", ".json", ".yaml", ".txt", ".java")
WORDS = "data value index result helper config path name items user order total price stock return for while if else"
FILLER = [*WORDS.split(), "def", "import", "self", "true", "false", "none", "list", "dict", "tuple", "stream", "token"]
HIT = 'import openai\n\nclient = openai.OpenAI()\nclient.chat.completions.create(model="gpt-4o")\n'
NAMES = "openai|anthropic|mistral|cohere|gemini|bedrock|deepseek|groq|huggingface|replicate"
SETTLED = 3  # seconds after which the stamp of a file that was just written may be believed


def make(folder: Path, files: int = FILES) -> Path:
    """Make a git repository of small files and return it."""
    rng = random.Random(16)
    for index in range(files):
        place = folder / f"part{index // 1000}" / f"folder{index // 50 % 20}"
        if index % 50 == 0:
            place.mkdir(parents=True, exist_ok=True)
        hit = index % EVERY == EVERY // 2
        ending = ".py" if hit else ENDINGS[index % len(ENDINGS)]
        (place / f"file{index}{ending}").write_text(HIT if hit else _text(rng, ending))
    for argv in (["init", "-q"], ["add", "-A"], ["-c", "user.name=b", "-c", "user.email=b@b", "commit", "-qm", "all"]):
        subprocess.run(["git", *argv], cwd=folder, check=True)
    return folder


def _text(rng: random.Random, ending: str) -> str:
    lines = [" ".join(rng.choices(FILLER, k=rng.randint(3, 9))) for _ in range(rng.randint(6, 50))]
    if ending == ".json":
        return json.dumps({f"key{number}": line for number, line in enumerate(lines)}, indent=1)
    form = {".py": 'name_{} = "{}"', ".yaml": "key{}: {}"}.get(ending, "// {} {}")
    return "\n".join(form.format(number, line) for number, line in enumerate(lines)) + "\n"


def after(prepare: Callable[[], None], run: Run) -> Run:
    """Return a run that is prepared first; only the run itself is timed."""

    def prepared() -> float:
        prepare()
        return run()

    return prepared


def touch(tree: Path, rng: random.Random) -> None:
    """Change 20 files, and wait until the change has a stamp of its own."""
    for index in rng.sample(range(FILES), CHANGED):
        (found,) = (tree / f"part{index // 1000}/folder{index // 50 % 20}").glob(f"file{index}.*")
        with found.open("a") as file:
            file.write("\n")
    time.sleep(SETTLED)


def peak(argv: list[str], env: dict[str, str]) -> float:
    """Return the peak memory of a fresh process in MB."""
    told = "import os, resource, subprocess, sys; subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL); "
    told += "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
    done = subprocess.run([sys.executable, "-c", told, *argv], env=env, capture_output=True, text=True, check=True)
    return int(done.stdout) * (1 if sys.platform == "darwin" else 1024) / 1e6


def measure(tree: Path, folder: Path, env: dict[str, str]) -> None:
    """Print the rows."""
    os.environ["GIT_OPTIONAL_LOCKS"] = "0"
    check, codes, at = [*secpipe(), "check", str(tree), "-q"], (0, 1, 3), str(tree)
    kept = [env | {"SECPIPE_CACHE": f"{folder}/kept-{name}"} for name in ("warn", "enforce")]
    cold, cold_cpu = both([*check, "--no-cache"], env=env, codes=codes)
    grep, grep_cpu = both(["git", "grep", "-l", "openai"], env=env, cwd=at)
    names = command(["git", "grep", "-liE", NAMES], env=env, cwd=at)
    ours, word, several = interleave([cold, grep, names], rounds=3)
    files = f"{FILES:,} small files"
    claim(f"{files}, cold check: wall against git grep for one word", median_ratio(ours, word), 5)
    info(f"{files}, cold check: CPU against git grep for one word", median_ratio(cold_cpu, grep_cpu))
    info(f"{files}, cold check: wall against git grep for ten names in any case", median_ratio(ours, several))

    warn, warn_cpu = both([*check, "--mode", "warn"], env=kept[0], codes=codes)
    enforce, enforce_cpu = both(check, env=kept[1], codes=codes)
    status, status_cpu = both(["git", "status"], env=env, cwd=at)
    spent = (warn_cpu, enforce_cpu, status_cpu)
    against("unchanged", interleave([warn, enforce, status], rounds=3, warm_up=2), spent, 3)
    for each in spent:
        each.clear()
    rng = random.Random(20)
    change = [after(lambda: touch(tree, rng), warn), enforce, status]
    against(f"{CHANGED} changed", interleave(change, rounds=3), spent, 4)
    claim(f"{files}, cold check that keeps: peak memory in MB against 1 MB", peak(check, env), 150)
    info(f"{files}, cold check that keeps nothing: peak memory in MB against 1 MB", peak([*check, "--no-cache"], env))


def against(what: str, wall: list[list[float]], spent: tuple[list[float], ...], budget: float) -> None:
    """Print how long a check where nothing is enforced, and one where it is, takes against git status."""
    words = f"{FILES:,} small files, {what}"
    claim(f"{words}, warned only: wall against git status", median_ratio(wall[0], wall[2]), budget)
    claim(f"{words}, enforced: wall against git status", median_ratio(wall[1], wall[2]), budget)
    for name, taken in (("warned only", spent[0]), ("enforced", spent[1])):
        info(f"{words}, {name}: CPU against git status", median_ratio(taken, spent[2]))


def main() -> None:
    """Print the rows."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        env = {key: value for key, value in os.environ.items() if key != "CI" and not key.startswith(("GIT", "CI_"))}
        env |= {"SECPIPE_HOME": f"{folder}/home", "SECPIPE_CACHE": f"{folder}/cache"}
        env.pop("PYTHONDONTWRITEBYTECODE", None)  # as it is installed: compiled
        tree = folder / "tree"
        tree.mkdir()
        measure(make(tree), folder, env)


if __name__ == "__main__":
    main()
