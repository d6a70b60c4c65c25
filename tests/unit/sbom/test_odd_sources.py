"""Lock files and lists spelled in odd but legal ways: each package is read as what it is, and nothing is made up."""

# ruff: noqa: E501, ISC004  (lock files are long)

from __future__ import annotations

import codecs
import json
from pathlib import Path

import pytest

from secpipe.core.inventory import Component, ComponentKind, Inventory
from secpipe.sbom.collect import collect
from secpipe.system.tree import open_tree

C = "0123456789abcdef0123456789abcdef01234567"


def of(folder: Path, files: dict[str, str | bytes]) -> Inventory:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    return collect(open_tree(folder))


def libraries(inventory: Inventory) -> dict[str, Component]:
    return {item.name: item for item in inventory.components if item.kind is ComponentKind.LIBRARY}


def pins(inventory: Inventory) -> set[tuple[str, str]]:
    return {(item.name, item.version) for item in libraries(inventory).values()}


@pytest.mark.parametrize(
    ("name", "text", "wanted"),
    [
        ("package-lock.json", '{"lockfileVersion":3,"packages":{"node_modules/a":{"version":"1.0.0"}}}', ("a", "1.0.0")),
        ("packages.lock.json", '{"dependencies":{"net8.0":{"A":{"resolved":"1.0.0"}}}}', ("A", "1.0.0")),
        ("uv.lock", 'version = 1\r\n[[package]]\r\nname = "a"\r\nversion = "1"\r\nsource = {registry="https://pypi.org/simple"}', ("a", "1")),
        ("poetry.lock", '[[package]]\nname = "a"\nversion = "1"\n', ("a", "1")),
        ("yarn.lock", '# yarn lockfile v1\n\na@^1:\n  version "1.0.0"\n', ("a", "1.0.0")),
        ("yarn.lock", 'a@^1:\n  version "1.0.0"\n', ("a", "1.0.0")),
        ("Gemfile.lock", "GEM\n  remote: https://rubygems.org/\n  specs:\n    a (1.0)\n", ("a", "1.0")),
        ("go.mod", "module e.example/m\nrequire e.example/a v1.0.0\n", ("e.example/a", "v1.0.0")),
        ("composer.lock", '{"packages":[{"name":"v/a","version":"1.0"}]}', ("v/a", "1.0")),
        ("gradle.lockfile", "g:a:1.0=runtimeClasspath\n", ("g:a", "1.0")),
        ("mix.lock", '%{\n"a": {:hex, :a, "1.0.0", "", [:mix], [], "hexpm", ""},\n}\n', ("a", "1.0.0")),
        ("setup.cfg", "[metadata]\nname = x\n[options]\ninstall_requires =\n  a==1\n", ("a", "1")),
        ("node_modules/a/package.json", '{"name":"a","version":"1.0.0"}', ("a", "1.0.0")),
        ("Dockerfile", "RUN pip install a==1\n", ("a", "1")),
        ("n.ipynb", '{"cells":[{"cell_type":"code","source":"%pip install a==1"}]}', ("a", "1")),
        ("pom.xml", '<?xml version="1.0" encoding="utf-8"?><project><artifactId>m</artifactId><dependencies><dependency>'
         "<groupId>g</groupId><artifactId>a</artifactId><version>1</version></dependency></dependencies></project>", ("g:a", "1")),
    ],
)  # fmt: skip
def test_a_byte_order_mark_hides_nothing(name: str, text: str, wanted: tuple[str, str], tmp_path: Path) -> None:
    found = of(tmp_path, {name: codecs.BOM_UTF8 + text.encode()})
    assert pins(found) == {wanted}
    assert not [skip for skip in found.skipped if not skip.soft]


YARN_LOCAL = f"""# yarn lockfile v1

"ln@link:../ln":
  version "0.0.0"
  uid ""

"gh@a/gh#v1":
  version "1.0.0"
  resolved "https://codeload.github.com/a/gh/tar.gz/{C}"
"""
BERRY = """__metadata:
  version: 8

"lnk@portal:../lnk::locator=root%40workspace%3A.":
  version: 0.0.0-use.local
  resolution: "lnk@portal:../lnk::locator=root%40workspace%3A."

"also@link:../also::locator=root%40workspace%3A.":
  version: 0.0.0-use.local
  resolution: "also@link:../also::locator=root%40workspace%3A."

"own@npm:^1.0.0":
  version: 1.0.0
  resolution: "own@npm:1.0.0::__archiveUrl=https%3A%2F%2Fnpm.corp.example%2Fown%2F-%2Fown-1.0.0.tgz%3Ftoken%3DS3cretWord"

"typescript@patch:typescript@npm%3A^5.0.0#optional!builtin<compat/typescript>":
  version: 5.0.4
  resolution: "typescript@patch:typescript@npm%3A5.0.4#optional!builtin<compat/typescript>::version=5.0.4&hash=b5f058"
"""


def test_a_folder_or_a_private_archive_of_yarn_has_no_public_name(tmp_path: Path) -> None:
    old = libraries(of(tmp_path / "1", {"yarn.lock": YARN_LOCAL}))
    assert (old["ln"].purl, old["gh"].purl) == ("", f"pkg:github/a/gh@{C}")
    new = libraries(of(tmp_path / "2", {"yarn.lock": BERRY}))
    assert {new["lnk"].purl, new["also"].purl} == {""}
    assert new["own"].purl == "pkg:npm/own@1.0.0?repository_url=https://npm.corp.example"
    assert new["typescript"].purl == "pkg:npm/typescript@5.0.4"
    assert "S3cretWord" not in str(new)


def test_pnpm_resolves_the_alias_of_a_scoped_name_with_a_low_line(tmp_path: Path) -> None:
    text = (
        "lockfileVersion: '9.0'\nimporters:\n  .:\n    dependencies:\n"
        "      x: {specifier: 'npm:@jsr/std__x@1', version: '@jsr/std__x@1.0.0(zod@3.0.0)'}\n"
        "packages:\n  '@jsr/std__x@1.0.0':\n    resolution: {integrity: sha512-x}\n"
        f"  g@https://codeload.github.com/a/g/tar.gz/{C}:\n"
        f"    resolution: {{tarball: https://codeload.github.com/a/g/tar.gz/{C}}}\n    version: 1.0.0\n"
        "snapshots:\n  '@jsr/std__x@1.0.0(zod@3.0.0)': {}\n"
    )
    found = of(tmp_path, {"pnpm-lock.yaml": text})
    assert not found.skipped
    assert libraries(found)["g"].purl == f"pkg:github/a/g@{C}"
    assert pins(found) == {("@jsr/std__x", "1.0.0"), ("g", "1.0.0")}


def test_npm_1_and_bun_know_what_lies_on_github(tmp_path: Path) -> None:
    lock = {"lockfileVersion": 1, "dependencies": {"gh": {"version": f"github:a/gh#{C}"}}}
    found = of(tmp_path, {"package-lock.json": json.dumps(lock)})
    assert libraries(found)["gh"].purl == f"pkg:github/a/gh@{C}"


def test_a_swift_registry_s_pin_does_not_end_the_reading(tmp_path: Path) -> None:
    pinned = [
        {"identity": "mona.LinkedList", "kind": "registry", "location": "", "state": {"version": "1.0.0"}},
        {"identity": "other.Thing", "kind": "registry", "state": {"version": "2.0.0"}},
        {"identity": "nio", "location": "https://github.com/apple/swift-nio.git", "state": {"version": "2.1.0"}},
    ]
    found = of(tmp_path, {"Package.resolved": json.dumps({"pins": pinned, "version": 3})})
    assert pins(found) == {
        ("mona.LinkedList", "1.0.0"),
        ("other.Thing", "2.0.0"),
        ("github.com/apple/swift-nio", "2.1.0"),
    }
    assert not found.skipped


def test_a_list_that_an_environment_includes_is_read_as_a_list(tmp_path: Path) -> None:
    text = (
        "dependencies:\n  - python=3.11\n  - numpy==1.26.0=py311_0\n  - pip:\n    - -r reqs.txt\n    - jinja2==3.1.4\n"
    )
    found = of(tmp_path, {"environment.yml": text, "reqs.txt": "flask==1.0\n"})
    assert {("flask", "1.0"), ("jinja2", "3.1.4"), ("numpy", "1.26.0")} <= pins(found)


def test_a_comment_behind_an_install_names_no_package(tmp_path: Path) -> None:
    lines = "!pip -q install 'w==1' # a comment\\n%pip install v==2  # and, more words\\n"
    found = of(
        tmp_path,
        {
            "n.ipynb": f'{{"cells":[{{"cell_type":"code","source":"{lines}"}}]}}',
            "Dockerfile": "RUN pip install x==1 # not this\nRUN conda install -y numpy=1.20 # nor that\n",
        },
    )
    assert {name for name, _ in pins(found)} == {"w", "v", "x", "numpy"}


def test_what_an_image_installs_by_address_is_named(tmp_path: Path) -> None:
    text = (
        "FROM scratch\nRUN pip install git+https://bob:S3cretWord99@g.example/a/g.git@v1 https://h.example/w-1.0-py3-none-any.whl\n"
        f"RUN pip install -e git+https://github.com/a/tool@{C}#egg=tool\nRUN pip install --no-cache-dir . ./local /abs/x.whl\n"
    )
    found = of(tmp_path, {"Dockerfile": text})
    got = libraries(found)
    assert {"g", "w", "tool"} <= got.keys()
    assert {got["g"].purl, got["w"].purl, got["tool"].purl} == {"", f"pkg:github/a/tool@{C}"}
    assert "S3cretWord" not in str(found)


def test_an_index_holds_wherever_it_stands_and_a_file_is_no_name(tmp_path: Path) -> None:
    text = "own==1.0\nwheels/w-1.0-py3-none-any.whl\nx-2.0-py3-none-any.whl\n--index-url https://idx.example/simple\n"
    got = libraries(of(tmp_path, {"requirements.txt": text}))
    assert got["own"].purl == "pkg:pypi/own@1.0?repository_url=https://idx.example/simple"
    assert not [item for item in got.values() if "whl" in item.purl]


def test_every_table_of_a_pyproject_that_names_packages_is_read(tmp_path: Path) -> None:
    text = """
[project]
name = "x"
[tool.uv]
dev-dependencies = ["black==22.0"]
[tool.pdm.dev-dependencies]
z = ["zope==1.0", "-e file:///own#egg=own"]
[tool.hatch.envs.default]
dependencies = ["hat==1.0"]
[tool.pixi.dependencies]
numpy = "1.26.*"
[tool.pixi.pypi-dependencies]
pyp = "==1.0"
[tool.pixi.feature.cuda.pypi-dependencies]
tor = {version = "==2.0", index = "https://corp.example/simple"}
[tool.poetry.dependencies]
python = "^3"
django = "3.0"
caret = "^1.2"
flask = {version = "==1.0", optional = true}
multi = [{version = "==1", python = "<3"}, {version = "==2", python = ">=3"}]
"""
    got = of(tmp_path, {"pyproject.toml": text})
    assert {("black", "22.0"), ("zope", "1.0"), ("hat", "1.0"), ("pyp", "1.0"), ("tor", "2.0"), ("django", "3.0"),
            ("flask", "1.0"), ("caret", ""), ("numpy", "")} <= pins(got)  # fmt: skip
    assert {item.version for item in got.components if item.name == "multi"} == {"1", "2"}
    assert libraries(got)["caret"].facts["specifier"].value == "^1.2"


@pytest.mark.parametrize(
    "name",
    ["reqs.txt", "requirement.txt", "dev-reqs.txt", "requirements.pip", "env.yml", "gpu-env.yaml", "gemfiles/rails5.gemfile.lock",
     "job.py.lock", "spec-file.txt", "requirements/dev/base.txt"],
)  # fmt: skip
def test_a_list_under_another_usual_name_is_read(name: str, tmp_path: Path) -> None:
    text = {
        "env.yml": "dependencies:\n- pip:\n  - a==1\n",
        "gpu-env.yaml": "dependencies:\n- pip:\n  - a==1\n",
        "gemfiles/rails5.gemfile.lock": "GEM\n  remote: https://rubygems.org/\n  specs:\n    a (1)\n",
        "job.py.lock": 'version = 1\n[[package]]\nname = "a"\nversion = "1"\nsource = {registry = "https://pypi.org/simple"}\n',
        "spec-file.txt": "# x\n@EXPLICIT\nhttps://conda.anaconda.org/conda-forge/noarch/a-1-0.conda\n",
    }.get(name, "a==1\n")
    assert pins(of(tmp_path, {name: text})) == {("a", "1")}


@pytest.mark.parametrize(
    "name",
    ["packrat.lock", "devbox.lock", "buf.lock", "nimble.lock", "dub.selections.json", "lake-manifest.json", "Godeps.json",
     "Brewfile.lock.json", "spago.lock", "app.deps.json", "pyproject.lock"],
)  # fmt: skip
def test_a_lock_that_nobody_reads_is_named(name: str, tmp_path: Path) -> None:
    assert [skip.path for skip in of(tmp_path, {name: "{}"}).skipped] == [name]


def test_a_private_repository_of_composer_is_not_packagist_s(tmp_path: Path) -> None:
    rows = [
        {"name": "v/ssh", "version": "dev-main", "source": {"type": "git", "url": "git@corp.example:v/ssh.git", "reference": C}},
        {"name": "v/pub", "version": "1.0", "notification-url": "https://packagist.org/downloads/",
         "source": {"type": "git", "url": "https://github.com/v/pub.git"}},
    ]  # fmt: skip
    got = libraries(of(tmp_path, {"composer.lock": json.dumps({"packages": rows})}))
    assert (got["v/ssh"].purl, got["v/pub"].purl) == ("", "pkg:composer/v/pub@1.0")


def test_pylock_takes_the_version_of_the_artifact_where_it_states_none(tmp_path: Path) -> None:
    text = 'lock-version = "1.0"\n[[packages]]\nname = "a"\nwheels = [{url = "https://files.example/a-1.2.3-py3-none-any.whl"}]\n'
    assert pins(of(tmp_path, {"pylock.toml": text})) == {("a", "1.2.3")}


@pytest.mark.parametrize(
    "spec",
    [
        "a/own",
        f"a/own#{C}",
        "git@github.com:a/own.git",
        "../own",
        "portal:../own",
        "gitlab:a/own",
        "file:own",
        "git+ssh://git@h/a/own",
    ],
)
def test_what_a_manifest_takes_from_elsewhere_has_no_public_name(spec: str, tmp_path: Path) -> None:
    got = libraries(
        of(tmp_path, {"package.json": json.dumps({"dependencies": {"own": spec, "pub": "^1", "tag": "latest"}})})
    )
    assert "npm" not in got["own"].purl
    assert (got["pub"].purl, got["tag"].purl) == ("pkg:npm/pub", "pkg:npm/tag")


def test_a_folder_called_data_holds_more_than_data(tmp_path: Path) -> None:
    plain = dict.fromkeys(
        ("data/readme.txt", "data/LICENSE.txt", "data/config.json", "data/vocab.txt", "training/package.json", "evaluation/tsconfig.json",
         "app/data/requirements.txt", "src/data/loader.txt", "src/data/words.json", "src/data/__init__.py", "data/user.schema.json",
         "data/notes.txt", "train/config.json"), "{}",
    )  # fmt: skip
    data = {"data/train.txt": "x", "data/en-test.txt": "y", "data/long.txt": "word " * 9000, "corpus/a.txt": "z", "data/rows.json": "[]",
            "data/labels.csv": "a", "eval/results.json": "[]", "src/data/rows.parquet": "PAR1"}  # fmt: skip
    found = {item.path for item in of(tmp_path, {**plain, **data}).components if item.kind is ComponentKind.DATASET}
    assert found == data.keys()


@pytest.mark.parametrize("where", ["../wheels", "file:///srv/index", "https://pypi.org/simple"])
def test_a_folder_is_an_index_that_nobody_else_has(where: str, tmp_path: Path) -> None:
    lock = f'version = 1\n[[package]]\nname = "a"\nversion = "1"\nsource = {{registry = "{where}"}}\n'
    got = libraries(of(tmp_path, {"uv.lock": lock}))
    assert got["a"].purl == ("pkg:pypi/a@1" if "pypi.org" in where else "")


def test_installed_trees_of_conda_and_composer_are_read(tmp_path: Path) -> None:
    record = {"name": "numpy", "version": "1.26.0", "build": "py311_0", "md5": "a" * 32,
              "url": "https://conda.anaconda.org/conda-forge/linux-64/numpy-1.26.0-py311_0.conda"}  # fmt: skip
    found = of(
        tmp_path,
        {
            "env/conda-meta/numpy-1.26.0-py311_0.json": json.dumps(record),
            "env/conda-meta/history": "==> 2026 <==",
            "vendor/composer/installed.json": '{"packages": [{"name": "v/a", "version": "1.0"}], "dev": true}',
        },
    )
    assert pins(found) == {("numpy", "1.26.0"), ("v/a", "1.0")}
    assert libraries(found)["numpy"].purl == "pkg:conda/numpy@1.26.0?build=py311_0&channel=conda-forge&subdir=linux-64"
    assert not found.skipped
