"""Folding is bounded: names that refer to themselves, to each other and to two before them cost steps, not hours."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from secpipe.scan.shadow_ai import fold
from secpipe.scan.shadow_ai.scan import scan
from secpipe.scan.shadow_ai.values import MAX_CHARS, MAX_VALUES, Value
from secpipe.system.tree import open_tree

ROOT = Path(__file__).resolve().parents[3]
NAMES = 200


def chain(first: str, step: str) -> str:
    """`n0` as given, then 199 names by `step`, where A and B stand for the names one and two before."""
    rows = [
        f"n{index} = " + step.replace("A", f"n{index - 1}").replace("B", f"n{max(index - 2, 0)}")
        for index in range(1, NAMES)
    ]
    return "\n".join([f"n0 = {first}", *rows])


def circle(step: str) -> str:
    """200 names in a ring, where A, B and C stand for later ones."""
    ring = [
        f"n{index} = "
        + step.replace("A", f"n{(index + 1) % NAMES}")
        .replace("B", f"n{(index + 2) % NAMES}")
        .replace("C", f"n{(index * 7) % NAMES}")
        for index in range(NAMES)
    ]
    return "\n".join(ring)


SOURCES = {
    "two before": chain("'x'", "A + B"),
    "twice the one before": chain("'x'", "A + A"),
    "itself": "n199 = n199 + n199",
    "a ring of three": "n199 = b + b\nb = c + c\nc = n199 + n199",
    "all of each other": "\n".join(
        f"n{one} = " + " + ".join(f"n{other}" for other in range(NAMES)) for one in range(NAMES)
    ),
    "either of three": circle("A or B or C"),
    "picked from each other": circle("{'a': A, 'b': B}[C]"),
    "called and aliased": circle("A.B(C)") + "\n" + circle("C"),
    "a format in a format": chain("'{}{}'", "A.format(A, A)"),
    "an f-string of f-strings": chain("'x'", "f'{A}{A}{B}'"),
    "percent in percent": chain("'%s%s'", "A % (A, A)"),
    "joined with itself": chain("'x'", "A.join([A, A, A])"),
    "replaced by twice itself": chain("'x' 'x'", "A.replace(A, A + A)"),
    "long for nothing": chain("'" + "z" * 4000 + "'", "A.replace('', A)"),
    "assigned again and again": "\n".join(f"n199 = n199 + 'x{n}' + b\nb = b + n199" for n in range(NAMES)),
    "functions of functions": "\n".join(
        f"def f{n}(): return f{(n + 1) % NAMES}() + f{(n + 2) % NAMES}()" for n in range(NAMES)
    )
    + "\nn199 = f0()",
    "numbers that are no characters": "n199 = chr(10000000000) + chr('\u00b2') + ''.join(map(chr, [99999999, 55296]))",
    "a number too long to print": f"n199 = f'{{0x{'f' * 9000}}}'",
}


def write(folder: Path, name: str) -> None:
    source = f"from openai import OpenAI\nimport requests\n{SOURCES[name]}\n"
    folder.mkdir(exist_ok=True)
    (folder / f"{name.replace(' ', '_')}.py").write_text(source + "OpenAI(base_url=n199)\nrequests.post(n199)\n")


def test_it_ends(tmp_path: Path) -> None:
    """In a process of its own, which a folding that does not end cannot take with it."""
    for name in SOURCES:
        write(tmp_path / "tree", name)
    out = tmp_path / "out.json"
    argv = [sys.executable, "-m", "secpipe", "scan", "shadow-ai", "--no-cache", str(tmp_path / "tree")]
    done = subprocess.run([*argv, "-f", "json", "-o", str(out)], cwd=ROOT, timeout=240, preexec_fn=_bound_memory())
    document = json.loads(out.read_text())
    assert done.returncode == 1
    # Where a bound cut, the file is named as not read whole.
    assert all("more possible values" in skip["reason"] or "too many" in skip["reason"] for skip in document["skipped"])
    assert {use["path"] for use in document["evidence"]["facts"]["uses"]} >= {
        f"{name.replace(' ', '_')}.py" for name in SOURCES
    }


def _bound_memory() -> Callable[[], None] | None:
    if sys.platform == "win32":
        return None
    import resource

    return lambda: resource.setrlimit(resource.RLIMIT_AS, (2 << 30, 2 << 30))


@pytest.mark.parametrize("name", SOURCES)
def test_steps_and_values_stay_within_their_bounds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    most = [0]
    real = fold.Folder.fold

    def counted(self: fold.Folder, node: object, depth: int = 0) -> Value:
        value = real(self, node, depth)  # type: ignore[arg-type]
        most[0] = max(most[0], self._steps)
        if len(value.texts) > MAX_VALUES or any(len(text) > MAX_CHARS for text in value.texts):
            raise MemoryError(f"{len(value.texts)} texts, {max(map(len, value.texts))} characters")
        return value

    monkeypatch.setattr(fold.Folder, "fold", counted)
    write(tmp_path, name)
    assert {use["path"] for use in scan(open_tree(tmp_path)).facts["uses"]} == {
        path.name for path in tmp_path.iterdir()
    }
    # beyond the bound every name already begun still looks at its parts, once each, and finds the bound reached
    assert 0 < most[0] < fold._MAX_STEPS + 24 * NAMES
