"""Timing that can be compared: interleaved rounds, medians, ratios."""

from __future__ import annotations

import gc
import os
import re
import resource
import shutil
import statistics
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

Run = Callable[[], float]

_RIVALS = Path(__file__).resolve().parent.parent / ".rivals"
#: What `claim`, `info` and `not_measured` print; `bench.run` takes nothing else but notes.
ROW = re.compile(
    r"[^|]+ \| (?:-?[\d.]+ \| (?:[<>]= [\d.e+-]+ \| (?:yes|no)|- \| for information)|- \| - \| not measured: [^|]+)"
)
NOTE = "# "


def command(
    argv: Sequence[str], *, env: Mapping[str, str] | None = None, cwd: str | None = None, codes: Sequence[int] = (0,)
) -> Run:
    """Return a run that starts `argv` and gives its wall time in seconds; an exit code not in `codes` raises."""

    def run() -> float:
        start = time.perf_counter()
        _start(argv, env, cwd, codes)
        return time.perf_counter() - start

    return run


def cpu(
    argv: Sequence[str], *, env: Mapping[str, str] | None = None, cwd: str | None = None, codes: Sequence[int] = (0,)
) -> Run:
    """Return a run that starts `argv` and gives the CPU seconds (user + system) of it and its children."""

    def run() -> float:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        _start(argv, env, cwd, codes)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return (after.ru_utime - before.ru_utime) + (after.ru_stime - before.ru_stime)

    return run


def both(
    argv: Sequence[str], *, env: Mapping[str, str] | None = None, cwd: str | None = None, codes: Sequence[int] = (0,)
) -> tuple[Run, list[float]]:
    """Return a run that gives wall time, and a list that takes the CPU seconds of each."""
    spent: list[float] = []
    timed = command(argv, env=env, cwd=cwd, codes=codes)

    def run() -> float:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        wall = timed()
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        spent.append((after.ru_utime - before.ru_utime) + (after.ru_stime - before.ru_stime))
        return wall

    return run, spent


def function(call: Callable[[], object]) -> Run:
    """Return a run that calls a function in this process and gives its wall time in seconds."""

    def run() -> float:
        gc.collect()
        start = time.perf_counter()
        call()
        return time.perf_counter() - start

    return run


def interleave(runs: Sequence[Run], rounds: int = 9, warm_up: int = 1) -> list[list[float]]:
    """Run A B A B ... and return the seconds of each; the first `warm_up` rounds are thrown away."""
    for _ in range(warm_up):
        for run in runs:
            run()
    taken: list[list[float]] = [[] for _ in runs]
    for _ in range(rounds):
        for seconds, run in zip(taken, runs, strict=True):
            seconds.append(run())
    return taken


def median_ratio(ours: Sequence[float], rival: Sequence[float]) -> float:
    """Return the median of ours over the median of the rival's."""
    return statistics.median(ours) / statistics.median(rival)


def claim(text: str, ratio: float, budget: float, *, at_least: bool = False) -> None:
    """Print one result line; `at_least` for ratios that must not fall below their budget (throughput)."""
    met = ratio >= budget if at_least else ratio <= budget
    sign = ">=" if at_least else "<="
    _say(f"{text} | {ratio:.2f} | {sign} {budget:g} | {'yes' if met else 'no'}")


def info(text: str, value: float) -> None:
    """Print a figure without a budget; what it counts stands in `text`."""
    _say(f"{text} | {value:.2f} | - | for information")


def not_measured(text: str, reason: str) -> None:
    """Print that a claim could not be measured here, and why."""
    _say(f"{text} | - | - | not measured: {reason}")


def note(text: str) -> None:
    """Print something for whoever watches; it does not enter the results."""
    for line in text.splitlines():
        print(NOTE + line, flush=True)


def rival(name: str, program: str = "") -> str | None:
    """Return a program of the rival `name`: of its own environment (`make rivals`), or from PATH; None where absent."""
    program = program or name
    own = _RIVALS / name / "bin" / program
    return str(own) if os.access(own, os.X_OK) else shutil.which(program)


def _say(row: str) -> None:
    if not ROW.fullmatch(row):
        raise ValueError(f"no result row: {row!r}")
    print(row, flush=True)


def _start(argv: Sequence[str], env: Mapping[str, str] | None, cwd: str | None, codes: Sequence[int]) -> None:
    env = {**(os.environ if env is None else env)}
    env.pop("PYTHONDONTWRITEBYTECODE", None)  # what is installed has its bytecode: compiling is no start
    done = subprocess.run(argv, env=env, cwd=cwd, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=False)
    if done.returncode not in codes:
        raise RuntimeError(f"{argv[0]} ended with {done.returncode}: {done.stderr.decode(errors='replace')[-500:]}")
