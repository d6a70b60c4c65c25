"""One visit a file: what is found while a file is hashed is what the scans find when they open it themselves."""

from __future__ import annotations

import io
import pickle
import zipfile
from pathlib import Path

import pytest

from secpipe.core.protocols import Tree
from secpipe.gate.cached.look import FirstLook
from secpipe.gate.cached.parts import Parts
from secpipe.scan.models.scan import scan as scan_models
from secpipe.scan.shadow_ai.scan import scan as scan_shadow_ai
from secpipe.system.tree import walk


class _Calls:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        import os

        return os.system, ("true",)


def _zipped(data: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as file:
        file.writestr("archive/data.pkl", data)
    return out.getvalue()


HARM = pickle.dumps(_Calls())
FILES = {
    "model.pkl": HARM, "notes.txt": HARM, "weights.pt": _zipped(HARM), "chat.py": b"import openai\nopenai.OpenAI()\n",
    "wide.py": "import openai\nopenai.OpenAI()\n".encode("utf-16"), "plain.py": b"x = 1\n", "empty": b"",
    "config.json": b'{"auto_map": {"AutoModel": "x.Y"}, "model_type": "z"}', "a.json": b'{"a": 1}',
    "c.yaml": b"a: !!python/object/apply:os.system [x]\n", "Modelfile": b"FROM ../x\n", "model.engine": b"\x01\x02",
    "big.txt": b"word " * 100_000, ".env": b"OPENAI_BASE_URL=https://llm.example.com\n", "bytes.bin": bytes(range(256)),
}  # fmt: skip


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for name, data in FILES.items():
        (tmp_path / name).write_bytes(data)
    return tmp_path


def test_looking_while_hashing_finds_what_the_scans_find(project: Path) -> None:
    look = FirstLook()
    tree = walk(project, look=look)
    assert tree.files == walk(project).files
    assert set(look.models) == set(FILES) - {"empty"}
    parts = Parts(None, "", look=look)
    assert scan_models(tree, recall=parts.model) == scan_models(tree)
    assert scan_shadow_ai(tree, quiet=parts.quiet) == scan_shadow_ai(tree)


def test_what_was_looked_at_is_not_opened_again(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    look = FirstLook()
    tree = walk(project, look=look)
    opened: list[str] = []
    whole = type(tree).open
    monkeypatch.setattr(type(tree), "open", lambda self, entry: (opened.append(entry.path), whole(self, entry))[1])
    parts = Parts(None, "", look=look)
    scan_models(tree, recall=parts.model)
    scan_shadow_ai(tree, quiet=parts.quiet)
    assert "plain.py" not in opened
    assert "chat.py" in opened


def test_what_was_found_is_of_the_bytes_that_were_hashed(project: Path) -> None:
    look = FirstLook()
    tree: Tree = walk(project, look=look)
    (project / "model.pkl").write_bytes(pickle.dumps({"harmless": 1}))
    found = scan_models(tree, recall=Parts(None, "", look=look).model)
    assert any(finding.path == "model.pkl" for finding in found.findings)


def test_a_look_that_breaks_leaves_the_file_to_the_scans(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from secpipe.gate.cached import look as module

    def broken(*given: object) -> None:
        raise RecursionError

    monkeypatch.setattr(module, "judge_content", broken)
    look = FirstLook()
    tree = walk(project, look=look)
    assert not look.models
    assert scan_models(tree, recall=Parts(None, "", look=look).model) == scan_models(tree)
