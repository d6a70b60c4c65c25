"""SBOM: ours against the rivals in the same run: CPU, wall, fields. `python -m bench.sbom`.

The rival is `cyclonedx-py` (`make rivals`).
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import resource
import struct
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from bench.measure import claim, info, not_measured, note, rival

NOW = datetime(2026, 11, 21, tzinfo=UTC)


def child(argv: list[str]) -> tuple[float, float, bytes]:
    """Return (CPU seconds, wall seconds, stdout) of a process."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run(argv, capture_output=True, check=False)
    wall, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, wall, done.stdout


def fields(document: dict[str, Any]) -> dict[str, int]:
    """Count what a BOM says about its PyPI libraries, and its edges."""
    items, pending = [], list(document.get("components") or [])
    while pending:
        item = pending.pop()
        items.append(item)
        pending += item.get("components") or []
    pypi = [item for item in items if str(item.get("purl", "")).startswith("pkg:pypi/")]
    record = "secpipe:verified:record-sha256"
    return {
        "components": len(items),
        "PyPI": len(pypi),
        "with a digest": sum(
            1 for item in pypi if item.get("hashes") or any(row["name"] == record for row in item.get("properties", []))
        ),
        "with a licence": sum(1 for item in pypi if item.get("licenses")),
        "with a supplier": sum(1 for item in pypi if item.get("supplier") or item.get("author") or item.get("authors")),
        "embedded (PEP 770)": sum(
            1 for item in items if any(row["name"].endswith(":embedded") for row in item.get("properties", []))
        ),
        "edges": sum(len(row.get("dependsOn", [])) for row in document.get("dependencies", [])),
    }


def environment(site: str) -> None:
    """An installed environment: ours, hashing every file, against cyclonedx-py with and without its validation."""
    code = (
        "import sys; from datetime import datetime, UTC; from secpipe.system.tree import walk;"
        "from secpipe.sbom.collect import collect; from secpipe.sbom.cyclonedx import emit;"
        "sys.stdout.buffer.write(emit(collect(walk(sys.argv[1])), name='env', now=datetime(2026, 11, 21, tzinfo=UTC)))"
    )
    metadata_only = code.replace("walk(sys.argv[1])", "HeaderTree(sys.argv[1])").replace(
        "import sys;", "import sys; sys.path.insert(0, '.'); from bench.sbom import HeaderTree;"
    )
    rows = {
        "secpipe, every file hashed": child([sys.executable, "-c", code, site]),
        "secpipe, metadata only": child([sys.executable, "-c", metadata_only, site]),
    }
    tool = rival("cyclonedx-py")
    if tool:
        python = str(Path(site).parents[2] / "bin" / "python")
        rows["cyclonedx-py"] = child([tool, "environment", python])
        rows["cyclonedx-py --no-validate"] = child([tool, "environment", "--no-validate", python])
    for name, (cpu, wall, out) in rows.items():
        note(f"{name:<28} cpu {cpu:6.2f} s  wall {wall:6.2f} s  {fields(json.loads(out)) if out else 'no output'}")
    for ours in ("secpipe, every file hashed", "secpipe, metadata only"):
        text = f"BOM of an installed environment ({ours.partition(', ')[2]}): CPU against cyclonedx-py --no-validate"
        if tool:
            info(text, rows[ours][0] / rows["cyclonedx-py --no-validate"][0])
        else:
            not_measured(text, "no cyclonedx-py here (make rivals)")


class HeaderTree:
    """A tree that is walked but not hashed: what describing costs apart from the digest pass."""

    def __init__(self, root: str) -> None:
        from secpipe.core.artifact import FileEntry

        self.root, self.links, self.skipped, self.left_out = Path(root), (), (), ()
        found = []
        for folder, _, names in os.walk(root):
            for name in names:
                path = Path(folder) / name
                with path.open("rb") as file:
                    head = file.read(64)
                    info = os.fstat(file.fileno())
                name = path.relative_to(root).as_posix()
                stand_in = hashlib.sha256(name.encode()).hexdigest()
                found.append(FileEntry(name, info.st_size, 0o644, stand_in, head))
        self.files = tuple(sorted(found, key=lambda entry: entry.path))
        self._by_path = {entry.path: entry for entry in self.files}

    def find(self, path: str) -> Any:
        return self._by_path.get(path)

    def below(self, folder: str) -> Any:
        return [entry for entry in self.files if not folder or entry.path.startswith(folder + "/")]

    def read(self, entry: Any, limit: int) -> bytes:
        return (self.root / entry.path).read_bytes()

    def open(self, entry: Any) -> Any:
        return (self.root / entry.path).open("rb")


def safetensors_head(index: int, size: int) -> bytes:
    """Return the header of a safetensors file with one float16 tensor of `size` bytes."""
    text = json.dumps({f"w{index}": {"dtype": "F16", "shape": [size // 2], "data_offsets": [0, size]}}).encode()
    return len(text).to_bytes(8, "little") + text


def gguf_head(index: int, size: int, vocabulary: int = 0) -> bytes:
    """Return the header of a GGUF file with one float16 tensor of `size` bytes and so many tokens."""

    def text(value: str) -> bytes:
        return struct.pack("<Q", len(value)) + value.encode()

    tokens = b"".join(text(f"token{number}") for number in range(vocabulary))
    rows = [
        text("general.architecture") + struct.pack("<I", 8) + text("llama"),
        text("general.name") + struct.pack("<I", 8) + text(f"model {index}"),
        text("llama.context_length") + struct.pack("<II", 4, 8192),
        text("tokenizer.ggml.tokens") + struct.pack("<IIQ", 9, 8, vocabulary) + tokens,
    ]
    tensor = text(f"w{index}") + struct.pack("<IQIQ", 1, size // 2, 1, 0)
    head = b"GGUF" + struct.pack("<IQQ", 3, 1, len(rows)) + b"".join(rows) + tensor
    return head + bytes(-len(head) % 32)


#: The header inventory: what is described, how a header is made, the end of the name, how many files.
HEADERS: tuple[tuple[str, Callable[[int, int], bytes], str, int], ...] = (
    ("safetensors", safetensors_head, "safetensors", 1000),
    ("GGUF", gguf_head, "gguf", 1000),
    ("GGUF with 128,000 tokens each", partial(gguf_head, vocabulary=128_000), "gguf", 20),
)


def headers(what: str, head: Callable[[int, int], bytes], suffix: str, count: int) -> None:
    """Describe many sparse files of 1 GB by their headers; the digest pass is another cost, stated apart."""
    from secpipe.sbom.collect import collect

    size = 1 << 30
    with tempfile.TemporaryDirectory() as root:
        for index in range(count):
            data = head(index, size)
            with (Path(root) / f"m{index}.{suffix}").open("wb") as file:
                file.write(data)
                file.truncate(len(data) + size)
        tree: Any = HeaderTree(root)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        start = time.perf_counter()
        inventory = collect(tree)
        wall = time.perf_counter() - start
        grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024
        found = f"{len(inventory.components)} components, {len(inventory.skipped)} not analysed"
        note(found)
        info(f"describing {count} files of 1 GB, {what}: seconds", wall)
        info(f"describing {count} files of 1 GB, {what}: MB by which memory grew", grown)


def validation() -> None:
    """Validate a BOM of 100 components, import and schema apart; jsonschema beside it where it is installed."""
    from secpipe.core.inventory import Component, ComponentKind, Inventory
    from secpipe.sbom.cyclonedx import emit
    from secpipe.sbom.validate import validate

    parts = [
        Component(
            f"pkg:pypi/p{index}@1", ComponentKind.LIBRARY, f"p{index}", "1", f"pkg:pypi/p{index}@1", "PyPI", "uv.lock"
        )
        for index in range(100)
    ]
    data = emit(Inventory(tuple(parts)), name="x", now=NOW)
    start = time.perf_counter()
    first = validate(data)
    middle = time.perf_counter()
    validate(data)
    after = time.perf_counter()
    info(
        "validating a BOM of 100 components: first, with the schema, against again", (middle - start) / (after - middle)
    )
    claim("problems of that BOM", len(first), 0)


def main() -> None:
    """Run everything and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--site", default=sysconfig.get_path("purelib"))
    options = parser.parse_args()
    environment(options.site)
    for row in HEADERS:
        headers(*row)
    validation()


if __name__ == "__main__":
    main()
