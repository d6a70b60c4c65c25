"""What `secpipe init` writes: a starter policy and the CI step that runs it, from what the project holds."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from secpipe.core.protocols import Tree
from secpipe.core.text import printable
from secpipe.formats.locks.table import row_of
from secpipe.gate import starter_ci
from secpipe.gate.request import TREE_POLICY
from secpipe.sbom.collect import collect
from secpipe.sbom.evidence import is_bare
from secpipe.system.installed import Source

_MODELS = {
    ".safetensors",
    ".gguf",
    ".onnx",
    ".pt",
    ".pth",
    ".bin",
    ".pkl",
    ".joblib",
    ".keras",
    ".h5",
    ".tflite",
    ".npz",
}
_BARE = """
[sbom]
required = false                # there is nothing to list yet: take this out with the first dependency or model
"""
_REVIEW = timedelta(days=180)
_UNKNOWN = Source()


@dataclass(frozen=True, slots=True)
class Found:
    """What the project holds that matters to the starter files."""

    models: tuple[str, ...]
    locks: tuple[str, ...]
    environments: tuple[str, ...]  # folders of installed packages that are no part of a release
    bare: bool  # neither dependencies nor models: nothing for a bill of materials
    platforms: tuple[str, ...] = ("github",)  # CI that it is set up for


def detect(tree: Tree, environments: Iterable[str]) -> Found:
    """Return what stands in the tree; nothing is run."""
    return Found(
        models=tuple(entry.path for entry in tree.files if entry.suffix in _MODELS),
        locks=tuple(entry.path for entry in tree.files if _is_lock(entry.path)),
        environments=tuple(sorted(environments)),
        bare=is_bare(collect(tree)),
        platforms=starter_ci.platforms(tree),
    )


def _is_lock(path: str) -> bool:
    row = row_of(path)
    return row is not None and bool(row.reader) and (row.locked or row.reader == "requirements")


def environments(root: Path) -> tuple[str, ...]:
    """Return the folders below `root`, at most two deep, that hold installed packages rather than the project's own."""
    candidates = [*root.glob("*/pyvenv.cfg"), *root.glob("*/*/pyvenv.cfg")]
    folders = {path.parent for path in candidates} | {path for path in root.glob("node_modules") if path.is_dir()}
    return tuple(sorted(path.relative_to(root).as_posix() for path in folders))


def starter_files(
    found: Found, *, name: str, owner: str, today: date, source: Source = _UNKNOWN, branch: str = "main"
) -> dict[str, str]:
    """Return path -> text of the files to write; the CI step only for the CI that is there.

    `source` is which secpipe the step runs, `branch` the one whose rules count.
    """
    values = {
        "FILE": TREE_POLICY,
        "NAME": _inside(name),
        "OWNER": _inside(owner),
        "EXPIRES": str(today + _REVIEW),
        "EXCLUDE": f"exclude = [{_quoted(found.environments)}]\n" if found.environments else "",
        "BARE": _BARE if found.bare else "",
    }
    return {
        TREE_POLICY: starter_ci.filled("policy.toml", values),
        **dict(starter_ci.steps(found.platforms, source, branch)),
    }


def _inside(text: str) -> str:
    """Return a text as it may stand between the quotes of a TOML string, whatever it holds."""
    return printable(text).replace("\\", "/").replace('"', "'")


def _quoted(words: Iterable[str]) -> str:
    return ", ".join('"' + word.replace("\\", "\\\\").replace('"', '\\"') + '"' for word in words)
