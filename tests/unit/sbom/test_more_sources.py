"""Packages outside of lock files: image builds, scripts, notebooks, workflows; and one name in two places."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from secpipe.core.inventory import Component, ComponentKind, Inventory
from secpipe.sbom.collect import collect
from secpipe.system.tree import open_tree

C = "0123456789abcdef0123456789abcdef01234567"


def of(folder: Path, files: dict[str, str]) -> Inventory:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return collect(open_tree(folder))


def libraries(inventory: Inventory) -> list[Component]:
    return [item for item in inventory.components if item.kind is ComponentKind.LIBRARY]


def pairs(inventory: Inventory) -> set[tuple[str, str]]:
    return {(item.name, item.version) for item in libraries(inventory)}


def scope(item: Component) -> str:
    return item.facts["scope"].value if "scope" in item.facts else ""


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("RUN pip install -r deps.txt", "deps.txt"),
        ("RUN pip install -rdeps.txt", "deps.txt"),
        ("RUN pip3 install --no-cache-dir --requirement=/tmp/deps.txt", "deps.txt"),
        ("RUN python3 -m pip install \\\n  -r reqs/all.list", "reqs/all.list"),
        ('RUN ["pip", "install", "-r", "deps.txt"]', "deps.txt"),
        ("RUN --mount=type=cache,target=/root uv pip install --system -r deps.txt", "deps.txt"),
    ],
)
def test_a_list_that_an_image_installs_is_read_by_whatever_name(line: str, name: str, tmp_path: Path) -> None:
    found = of(tmp_path, {"docker/Dockerfile": f"FROM python:3.11\n{line}\n", name: "jinja2==2.10\n"})
    assert pairs(found) == {("jinja2", "2.10")}
    assert not [skip for skip in found.skipped if not skip.soft]


def test_a_list_that_is_not_there_is_said(tmp_path: Path) -> None:
    found = of(
        tmp_path, {"Dockerfile": "FROM python:3.11\nRUN pip install -r deps.txt\nCOPY --from=ghcr.io/a/b:1 /x /x\n"}
    )
    assert [skip.reason for skip in found.skipped] == ["line 2 installs a list that is not in the tree"]
    assert {item.name for item in found.components} == {"python", "ghcr.io/a/b"}


@pytest.mark.parametrize("before", ["", "#!/usr/bin/env -S uv run\n", "# A licence\n" * 300 + "import x\n\n"])
def test_the_header_of_a_script(before: str, tmp_path: Path) -> None:
    header = '# /// script\n# requires-python = ">=3.11"\n# dependencies = [\n#   "jinja2==2.10",\n# ]\n# ///\n'
    found = of(tmp_path, {"tool.py": f"{before}{header}print(1)\n"})
    assert pairs(found) == {("jinja2", "2.10")}
    assert of(tmp_path, {"tool.py": header.replace("# ///\n", "# //\n")}).skipped


def test_what_notebooks_install(tmp_path: Path) -> None:
    source = ["%pip install -q jinja2==2.10\n", "!pip install -r deps.txt\n", "import x  # pip install no\n"]
    cells = [{"cell_type": "code", "source": source}, {"cell_type": "markdown", "source": "!pip install no"}]
    found = of(tmp_path, {"a.ipynb": json.dumps({"cells": cells}), "deps.txt": "six==1.16.0\n"})
    assert pairs(found) == {("jinja2", "2.10"), ("six", "1.16.0")}
    assert of(tmp_path / "bad", {"a.ipynb": "{"}).skipped


def test_actions_of_a_workflow(tmp_path: Path) -> None:
    text = f"""on: push
jobs:
  a:
    steps:
      - uses: actions/checkout@v4
      - uses: "acme/tools/lint@{C}"
      - uses: ./local
      - {{uses: docker://ghcr.io/a/b:1}}
      - uses: ${{{{ matrix.x }}}}
"""
    found = of(tmp_path, {".github/workflows/ci.yml": text})
    assert {(item.name, item.purl, scope(item)) for item in libraries(found)} == {
        ("actions/checkout", "pkg:github/actions/checkout@v4", "excluded"),
        ("acme/tools/lint", f"pkg:github/acme/tools@{C}#lint", "excluded"),
    }
    assert {item.name for item in found.of_kind(ComponentKind.CONTAINER)} == {"ghcr.io/a/b"}
    assert [skip.path for skip in found.skipped] == [".github/workflows/ci.yml"]


def test_compose_in_one_line(tmp_path: Path) -> None:
    text = 'services:\n  a: {image: "redis:7", x: 1}\n  c: {image: "${REG:-ghcr.io}/x/y:1"}\n  d: {image: "${REG}/z"}\n'
    found = of(tmp_path, {"compose.yaml": text})
    assert {item.name for item in found.components} == {"redis", "ghcr.io/x/y", "${REG}/z"}


def test_packages_of_one_repository_stay_apart(tmp_path: Path) -> None:
    url = f"git+https://github.com/acme/mono.git@{C}"
    text = f"alpha @ {url}#subdirectory=libs/alpha\nbeta @ {url}#subdirectory=libs/beta\nmono @ {url}\n"
    found = libraries(of(tmp_path, {"requirements.txt": text}))
    assert {(item.name, item.purl) for item in found} == {
        ("alpha", f"pkg:github/acme/mono@{C}#libs/alpha"),
        ("beta", f"pkg:github/acme/mono@{C}#libs/beta"),
        ("mono", f"pkg:github/acme/mono@{C}"),
    }
    crates = "".join(
        f'[[package]]\nname = "{name}"\nversion = "1"\nsource = "git+https://github.com/acme/mono?rev=1#{C}"\n'
        for name in ("one", "two")
    )
    assert len(libraries(of(tmp_path / "rust", {"Cargo.lock": crates}))) == 2


POETRY = """[[package]]
name = "inner"
version = "1.2.0"
[package.source]
type = "legacy"
url = "https://idx.example/simple"
[[package]]
name = "side"
version = "0.1.0"
[package.source]
type = "directory"
url = "side"
[[package]]
name = "forked"
version = "0.3.0"
[package.source]
type = "git"
url = "https://git.example/forked.git"
resolved_reference = "abc"
[metadata]
lock-version = "2.0"
"""
PROJECT = """[tool.poetry]
name = "app"
version = "1"
[tool.poetry.dependencies]
python = "^3.10"
inner = {version = "^1.0", source = "acme"}
side = {path = "./side"}
forked = {git = "https://git.example/forked.git", branch = "main"}
"""


def test_what_a_lock_pins_stands_once_whatever_its_source(tmp_path: Path) -> None:
    found = of(tmp_path, {"poetry.lock": POETRY, "pyproject.toml": PROJECT})
    assert sorted(pairs(found)) == [("forked", "0.3.0"), ("inner", "1.2.0"), ("side", "0.1.0")]
    assert all(item.direct for item in libraries(found))


UV = """version = 1
[[package]]
name = "app"
version = "0.1.0"
source = { virtual = "." }
dependencies = [ { name = "main" } ]
[package.optional-dependencies]
gpu = [ { name = "opt" } ]
[package.dev-dependencies]
dev = [ { name = "devd" }, { name = "main" } ]
""" + "".join(
    f'[[package]]\nname = "{name}"\nversion = "1.0"\nsource = {{ registry = "https://idx.example/simple" }}\n{more}'
    for name, more in (
        ("main", ""), ("opt", ""), ("devd", 'dependencies = [ { name = "devsub" } ]\n'), ("devsub", ""),
    )
)  # fmt: skip
PDM = """[[package]]
name = "click"
version = "8"
groups = ["default", "dev"]
[[package]]
name = "pytest"
version = "8"
groups = ["dev"]
[metadata.files]
"pytest 8" = [{file = "p.whl", hash = "sha256:%s"}]
""" % ("a" * 64)
PNPM = """---
lockfileVersion: '9.0'
importers:
  .:
    configDependencies: {}
packages:
  plug@1.0.0:
    resolution: {integrity: sha512-x}
---
lockfileVersion: '9.0'
importers:
  .:
    dependencies:
      ld: {specifier: 'npm:lodash@4.17.4', version: lodash@4.17.4}
      num: {specifier: x, version: 'git+https://git.example/num.git#abc'}
    devDependencies:
      dv: {specifier: ^1.0.0, version: 1.0.0}
packages:
  lodash@4.17.4:
    resolution: {integrity: sha512-x}
  dv@1.0.0:
    resolution: {integrity: sha512-x}
  deep@2.0.0:
    resolution: {integrity: sha512-x}
  num@git+https://git.example/num.git#abc:
    resolution: {commit: abc, repo: 'https://git.example/num.git', type: git}
    version: 1.0.0
  t@https://h.example/t.tgz:
    resolution: {tarball: 'https://h.example/t.tgz'}
    version: 2.0.0
snapshots:
  dv@1.0.0:
    dependencies:
      deep: 2.0.0
"""
YARN = """# yarn lockfile v1

a@^1.0.0:
  version "1.0.0"
  dependencies:
    c "^1"

b@^1.0.0:
  version "1.0.0"
  dependencies:
    c "^1"
    d "^1"

c@^1:
  version "1.0.0"

d@^1:
  version "1.0.0"
"""


@pytest.mark.parametrize(
    ("files", "optional", "needed"),
    [
        ({"uv.lock": UV}, {"opt", "devd", "devsub"}, {"main"}),
        ({"pdm.lock": PDM}, {"pytest"}, {"click"}),
        ({"pnpm-lock.yaml": PNPM}, {"dv", "deep"}, {"lodash", "num", "plug", "t"}),
        (
            {
                "yarn.lock": YARN,
                "package.json": '{"name": "x", "dependencies": {"a": "^1.0.0"}, "devDependencies": {"b": "^1.0.0"}}',
            },
            {"b", "d"},
            {"a", "c"},
        ),
    ],
    ids=["uv", "pdm", "pnpm", "yarn"],
)
def test_scopes(files: dict[str, str], optional: set[str], needed: set[str], tmp_path: Path) -> None:
    found = libraries(of(tmp_path, files))
    assert {item.name for item in found if scope(item) == "optional"} == optional
    assert {item.name for item in found if scope(item) != "optional"} == needed


def test_hashes_of_old_pdm_locks(tmp_path: Path) -> None:
    found = {item.name: item for item in libraries(of(tmp_path, {"pdm.lock": PDM}))}
    assert [str(mark) for mark in found["pytest"].digests] == ["sha256:" + "a" * 64]


INSTALLED = "a list that is not in the tree"


@pytest.mark.parametrize(
    ("files", "lines", "missing"),
    [
        (("uv.lock",), "RUN uv export -o requirements.txt && pip install -r requirements.txt", 0),
        (("uv.lock",), "RUN uv export > /tmp/requirements.txt\nRUN pip install -r /tmp/requirements.txt", 0),
        (("requirements.in",), "RUN pip-compile requirements.in\nRUN pip install -r requirements.txt", 0),
        (("base.in",), "RUN uv pip compile base.in --output-file=all.txt\nRUN pip install -r all.txt", 0),
        # what is made says nothing of another list, nor of one made of what nobody sees
        (("uv.lock",), "RUN uv export -o requirements.txt\nRUN pip install -r evil.txt", 1),
        ((), "RUN uv export -o requirements.txt\nRUN pip install -r requirements.txt", 1),
        ((), "RUN pip-compile hidden.in\nRUN pip install -r hidden.txt", 1),
        (("poetry.lock",), "RUN echo poetry export docs\nRUN pip install -r deps.txt", 1),
        (("poetry.lock",), "RUN uv export -o r.txt\nRUN pip install -r r.txt", 1),
    ],
)
def test_a_list_that_is_made_silences_that_list_alone(
    tmp_path: Path, files: tuple[str, ...], lines: str, missing: int
) -> None:
    for name in files:
        (tmp_path / name).write_text("version = 1\n" if name.endswith(".lock") else "rich\n")
    (tmp_path / "Dockerfile").write_text(f"FROM python@sha256:{'0' * 64}\n{lines}\n")
    skips = collect(open_tree(tmp_path)).skipped
    assert sum(INSTALLED in skip.reason for skip in skips) == missing
