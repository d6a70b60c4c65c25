"""A project of Python without any list of packages: what it imports is in its BOM, without versions nobody stated."""

from __future__ import annotations

from pathlib import Path

from secpipe.core.inventory import ComponentKind
from secpipe.sbom.collect import collect
from secpipe.system.tree import walk


def _packages(folder: Path, **files: str) -> dict[str, str]:
    for name, text in files.items():
        path = folder / name.replace("__", "/").replace("_py", ".py").replace("_txt", ".txt")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    found = collect(walk(folder)).components
    return {one.name: one.version for one in found if one.kind is ComponentKind.LIBRARY}


def test_modules_that_are_neither_python_s_nor_the_project_s_are_packages(tmp_path: Path) -> None:
    code = "import os, cv2\nfrom helpers import x\nfrom pkg.part import y\nimport torch.nn as nn\n"
    files = {"main_py": code, "helpers_py": "import json\n", "pkg__part_py": "from . import z\n"}
    assert _packages(tmp_path, **files) == {"opencv-python": "", "torch": ""}


def test_where_a_list_names_packages_an_import_adds_none(tmp_path: Path) -> None:
    assert _packages(tmp_path, main_py="import torch\n", requirements_txt="numpy==2.0.0\n") == {"numpy": "2.0.0"}


def test_code_that_needs_nothing_has_no_packages(tmp_path: Path) -> None:
    assert _packages(tmp_path, main_py="import json\nprint(json.dumps(1))\n") == {}
