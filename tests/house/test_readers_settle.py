"""No reader can return without settling what it was given: each one, found by its table, returns at once in turn.

What it was given must end as *not read*, so that the check is incomplete; where a label lets a search of the words do
(docs, tests), as text only with that reason. A new row is covered by itself; one that
needs bytes of its own fails here until SAMPLES has them.
"""

from __future__ import annotations

import importlib
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from secpipe.core.evidence import Evidence
from secpipe.core.inventory import Inventory
from secpipe.core.ledger import NOBODY
from secpipe.formats import sniff
from secpipe.formats.locks import table
from secpipe.sbom import collect
from secpipe.sbom.sources import MANIFESTS
from secpipe.scan.models import routes, scan
from secpipe.scan.shadow_ai import readers
from secpipe.scan.shadow_ai import scan as shadow
from secpipe.scan.shadow_ai.prefilter import Prefilter
from secpipe.scan.shadow_ai.signal import Reading
from secpipe.system.tree import open_tree

#: What a reader may return that has done nothing.
NOTHING: dict[str, Callable[..., Any]] = {"None": lambda *_, **__: None, "a word": lambda *_, **__: ""}
#: First bytes of formats without a mark of their own.
SAMPLES = {
    "zlib?": zlib.compress(b"words " * 50),
    "safetensors": struct.pack("<Q", 2) + b"{}",
    "onnx?": b"\x08\x07\x12\x04test",
    "savedmodel": b"\x08\x01\x12\x06\x0a\x04ab",
    "json?": b'{"auto_map": 1}',
    "xml": b'<?xml version="1.0"?><PMML/>',
    "text": b"FROM llama\n",
}
_MARKS = {name: bytes(offset) + mark + bytes(600) for offset, mark, name in reversed(sniff._MAGIC)}


def _mutate(monkeypatch: pytest.MonkeyPatch, target: str, nothing: Callable[..., Any]) -> None:
    module, _, name = target.partition(":")
    monkeypatch.setattr(importlib.import_module(module), name, nothing)


def _told(result: Evidence | Inventory, path: str) -> bool:
    skips = result.skips if isinstance(result, Evidence) else result.skipped
    account = result.account
    if account is None:
        return False
    return any(path in skip.path for skip in (*(skips if account.not_read else ()), *account.shallow))


@pytest.mark.parametrize("nothing", NOTHING.values(), ids=NOTHING)
@pytest.mark.parametrize("kind", routes.JUDGES)
def test_models(kind: str, nothing: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sample = SAMPLES.get(kind) or _MARKS[kind]
    assert sniff.sniff(sample[: sniff.HEAD], len(sample), pickles=False) == kind
    (tmp_path / "thing").write_bytes(sample)
    _mutate(monkeypatch, routes.JUDGES[kind], nothing)
    assert _told(scan.scan(open_tree(tmp_path)), "thing")


@pytest.mark.parametrize("nothing", NOTHING.values(), ids=NOTHING)
@pytest.mark.parametrize("ending", routes.BY_ENDING)
def test_models_by_ending(
    ending: str, nothing: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / f"thing{ending}").write_bytes(b"\xff\xfe\xfd" * 30)
    _mutate(monkeypatch, routes.BY_ENDING[ending], nothing)
    assert _told(scan.scan(open_tree(tmp_path)), "thing")


@pytest.mark.parametrize("name", ["look_into", "scan_pickles"])
def test_models_at_the_door(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "thing.pkl").write_bytes(b"\x80\x02K\x01.")
    module = "scan" if name == "look_into" else "routes"
    _mutate(monkeypatch, f"secpipe.scan.models.{module}:{name}", NOTHING["None"])
    assert _told(scan.scan(open_tree(tmp_path)), "thing")


SHADOW = {
    "manifests.read": "requirements.txt", "configs.dockerfile": "Dockerfile", "notebooks.read": "a.ipynb",
    "python.read": "a.py", "configs.script": "a.sh", "configs.makefile": "Makefile", "sql.read": "a.sql",
    "pages.read": "a.html", "source.read": "a.js", "agents.read": "a.yaml", "text.read": "a.txt",
}  # fmt: skip


def test_every_reader_of_shadow_ai_has_a_file_here() -> None:
    code = Path(readers.__file__).read_text(encoding="utf-8")
    table_of_readers = code[code.index("def _reader") : code.index("def _joined")]
    used = {name for name in SHADOW if name in table_of_readers}
    modules = {
        word for word in vars(readers) if f"{word}." in table_of_readers and hasattr(vars(readers)[word], "read")
    }
    assert used == set(SHADOW)
    assert modules == {name.partition(".")[0] for name in SHADOW}


@pytest.mark.parametrize("nothing", [lambda *_, **__: None, lambda *_, **__: Reading()], ids=["None", "empty"])
@pytest.mark.parametrize("name", SHADOW)
def test_shadow_ai(name: str, nothing: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / SHADOW[name]).write_text("import openai\nFROM a\n# https://api.openai.com/v1\n")
    module, _, function = name.partition(".")
    _mutate(monkeypatch, f"secpipe.scan.shadow_ai.{module}:{function}", nothing)
    if name == "text.read" and nothing() is None:  # the last resort: the check itself fails, and is not OK
        with pytest.raises(AttributeError):
            shadow.scan(open_tree(tmp_path))
        return
    assert _told(shadow.scan(open_tree(tmp_path)), SHADOW[name])


def test_shadow_ai_beyond_its_readers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.dat").write_bytes(bytes(range(256)) * 4)
    with monkeypatch.context() as patch:
        patch.setattr(shadow.large, "read", lambda *_, **__: (Reading(), ""))
        assert _told(shadow.scan(open_tree(tmp_path)), "a.dat")
    with monkeypatch.context() as patch:
        patch.setattr(Prefilter, "positions", lambda *_: [])
        assert any("finds nothing" in skip.reason for skip in shadow.scan(open_tree(tmp_path)).skips)


ROWS = {row.reader: row for row in table.TABLE if row.reader and row.listed}


@pytest.mark.parametrize("reader", ROWS)
def test_lock_files(reader: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name = ROWS[reader].pattern.replace("*", "x")
    (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / name).write_text("{}")
    _mutate(monkeypatch, f"secpipe.formats.locks.{reader}:read", NOTHING["None"])
    assert _told(collect.collect(open_tree(tmp_path)), name)


@pytest.mark.parametrize("target", sorted({target for _, target in MANIFESTS}))
def test_sources_of_one_file(target: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name = next(pattern for pattern, other in MANIFESTS if other == target).replace("*", "x")
    (tmp_path / name).write_bytes(b"FROM a\n")
    _mutate(monkeypatch, target, NOTHING["None"])
    assert _told(collect.collect(open_tree(tmp_path)), name)


WHOLE = {
    "installed": "lib/six-1.dist-info/METADATA", "nodemodules": "node_modules/a/package.json",
    "models": "m/model.safetensors", "mlflow": "m/MLmodel", "ollama": "Modelfile", "images": "image.tar",
    "datasets": "data/train.parquet", "prompts": "prompts/system.md", "scripts": "tool.py", "pages": "index.html",
    "indexes": "pip.conf", "vectors": "rag/index.faiss", "packaged": "Kitfile", "rootfs": "root/var/lib/dpkg/status",
}  # fmt: skip
#: Sources that read what other sources found, and no file.
_NO_FILES = {"lineage"}


@pytest.mark.parametrize("target", collect._WHOLE_TREE)
def test_sources_of_the_whole_tree(target: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    word = target.partition(":")[0].rpartition(".")[2]
    if word in _NO_FILES:
        return
    place = tmp_path / WHOLE[word]
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(b"# /// script\n" if word == "scripts" else b"Name: six\nVersion: 1\n")
    _mutate(monkeypatch, target, NOTHING["None"])
    assert _told(collect.collect(open_tree(tmp_path)), WHOLE[word])


class _Half:
    """A tree that ends before one path: what a reader sees that stops halfway."""

    def __init__(self, whole: Any, last: str) -> None:
        self._whole = whole
        self.files = tuple(entry for entry in whole.files if not entry.path.startswith(last))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._whole, name)


@pytest.mark.parametrize("target", collect._WHOLE_TREE)
def test_sources_of_the_whole_tree_that_stop_halfway(
    target: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    word = target.partition(":")[0].rpartition(".")[2]
    if word in _NO_FILES:
        return
    text = b"# /// script\n# dependencies = []\n# ///\n" if word == "scripts" else b"Name: six\nVersion: 1\n"
    for folder in ("a", "z"):
        place = tmp_path / folder / WHOLE[word]
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(text)
    module, _, name = target.partition(":")
    real = getattr(importlib.import_module(module), name)

    def half(found: Any) -> None:
        whole, files = found.tree, found.files
        found.tree = _Half(whole, "z/")
        found.files = found.tree.files
        try:
            real(found)
        finally:
            found.tree, found.files = whole, files

    monkeypatch.setattr(importlib.import_module(module), name, half)
    left = {skip.path: skip.reason for skip in collect.collect(open_tree(tmp_path)).skipped}
    assert {path: NOBODY in reason for path, reason in left.items() if path.startswith("z/")} == {
        f"z/{WHOLE[word]}": True
    }
