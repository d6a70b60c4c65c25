"""The work of an inventory grows as its input does: counted in instructions and calls of Python, never in time.

Each text is made to be hard: every entry has one name, needs every other, stands in one line or in one another.
"""

# ruff: noqa: E501  (lock files are long)

from __future__ import annotations

import io
import json
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from secpipe.core.inventory import Component, ComponentKind, Inventory, Relation, RelationKind
from secpipe.formats.boms.packages import read_sbom
from secpipe.formats.locks import indexes, table
from secpipe.sbom import collector
from secpipe.sbom.collect import collect
from secpipe.sbom.lineage import findings
from secpipe.system.tree import walk

SIZE = 120
C = "c" * 40
Make = Callable[[int], str]


def toml(rows: int, *more: str, key: str = "package") -> str:
    extra = "\n".join(more)
    return 'version = 1\nlock-version = "1.0"\n' + "".join(
        f'[[{key}]]\nname = "a"\nversion = "1.{at}"\n{extra}\n' for at in range(rows)
    )


def npm(rows: int) -> str:
    needs = {f"p{at}": "*" for at in range(9)}
    packages = {f"node_modules/p{at}": {"version": "1.0.0", "dependencies": needs} for at in range(rows)}
    deep = {
        "node_modules/p0" + "/node_modules/p1" * at: {"version": "1.0.0", "dependencies": needs} for at in range(1, 60)
    }
    return json.dumps(
        {"lockfileVersion": 3, "packages": {"": {"name": "x", "dependencies": needs}, **packages, **deep}}
    )


def nested(rows: int) -> str:
    """A package-lock of version 1, each package inside the one before."""
    item: dict[str, Any] = {"version": "1.0.0"}
    for _ in range(30):
        item = {"version": "1.0.0", "requires": {"a": "*"}, "dependencies": {"a": item}}
    return json.dumps({"lockfileVersion": 1, "dependencies": {f"b{at}": item for at in range(rows // 20)}})


def bun(rows: int) -> str:
    """One key of many names in one another, and as many names that it does not find."""
    needs = {"dependencies": {f"none{at}": "*" for at in range(rows)}}
    packages = {"a": ["a@1.0.0", "", {}, ""], "/".join(["a"] * rows): ["a@1.0.0", "", needs, ""]}
    return json.dumps({"workspaces": {"": {"name": "x"}}, "packages": packages})


def pnpm(rows: int) -> str:
    head = "lockfileVersion: '9.0'\nimporters:\n  .:\n    devDependencies:\n      a: {specifier: '1', version: 1.0.0}\npackages:\n"
    body = "".join(f"  a@1.0.{at}: {{resolution: {{tarball: 'https://h.example/a'}}}}\n" for at in range(rows))
    edges = "".join(f"  a@1.0.{at}: {{dependencies: {{a: 1.0.{at + 1}}}}}\n" for at in range(rows))
    return f"{head}{body}snapshots:\n{edges}"


def yarn(rows: int) -> str:
    return "# yarn lockfile v1\n\n" + "".join(
        f'a@^{at}, a@~{at}:\n  version "{at}.0.0"\n  resolved "https://registry.yarnpkg.com/a/-/a-9.0.0.tgz"\n'
        f'  dependencies:\n    a "^{at + 1}"\n\n' for at in range(rows)
    )  # fmt: skip


def gems(rows: int) -> str:
    specs = "".join(f"    a (1.{at})\n      a\n      a (>= 1)\n" for at in range(rows))
    return f"GEM\n  remote: https://rubygems.org/\n  specs:\n{specs}\nDEPENDENCIES\n  a\n"


def pom(rows: int) -> str:
    values = "".join(f"<p{at}>${{p{at + 1}}}</p{at}>" for at in range(rows))
    needs = "".join(
        f"<dependency><groupId>g</groupId><artifactId>a</artifactId><version>${{p{at}}}</version></dependency>"
        for at in range(rows)
    )
    return f"<project><artifactId>x</artifactId><properties>{values}</properties><dependencies>{needs}</dependencies></project>"


def conda_rows(rows: int) -> str:
    return "package:\n" + "".join(
        f"- {{name: a, version: '1.{at}', manager: conda, platform: p, dependencies: {{a: '*'}},"
        f" url: 'https://h.example/c/p/a-1.{at}-0.conda'}}\n" for at in range(rows)
    )  # fmt: skip


def pixi(rows: int) -> str:
    listed = "".join(f"      - conda: https://h.example/c/p/a-1.{at}-0.conda\n" for at in range(rows))
    environments = "".join(f"  e{at}:\n    packages:\n      p:\n{listed}" for at in range(3))
    body = "".join(f"- conda: https://h.example/c/p/a-1.{at}-0.conda\n" for at in range(rows))
    return f"environments:\n{environments}packages:\n{body}"


#: reader: (name of the file, text of a size)
LOCKS: dict[str, tuple[str, Make]] = {
    "uv": ("uv.lock", lambda n: toml(n, 'dependencies = [{name = "a"}, {name = "a"}]')),
    "poetry": ("poetry.lock", lambda n: toml(n, '[package.dependencies]\na = "*"\nb = "*"')),
    "pdm": ("pdm.lock", lambda n: toml(n, 'dependencies = ["a", "a>1"]\nfiles = []')),
    "pylock": ("pylock.toml", lambda n: toml(n, 'dependencies = [{name = "a"}]', key="packages")),
    "pipfile": ("Pipfile.lock", lambda n: json.dumps({"default": {f"a{at}": {"version": "==1"} for at in range(n)}})),
    "pyproject": ("pyproject.toml", lambda n: f'[project]\nname = "x"\ndependencies = {json.dumps(["a>1"] * n)}\n'),
    "setup": ("setup.py", lambda n: "a0 = []\n" + "".join(f"a{at + 1} = a{at} + ['b{at}']\n" for at in range(n))
              + f"setup(install_requires=a{n})\n"),
    "condalock": ("conda-lock.yml", conda_rows),
    "conda_explicit": ("conda-x.lock", lambda n: "@EXPLICIT\n" + "https://h.example/c/p/a-1-0.conda\n" * n),
    "conda_meta": ("conda-meta/a-1-0.json", lambda n: json.dumps({"name": "a", "version": "1", "build": "0", "files": ["x"] * n})),
    "pixi": ("pixi.lock", pixi),
    "conda": ("environment.yml", lambda n: "dependencies:\n" + "- a=1\n" * n + "- pip:\n" + "  - six>=1\n" * n),
    "requirements": ("requirements.txt", lambda n: "-c c.txt\n" + "a \\\n" * n + "\n" + "a>1 # via a, b\n    # via a\n" * n),
    "npm_lock": ("package-lock.json", npm),
    "npm_lock of version 1": ("package-lock.json", nested),
    "npm": ("package.json", lambda n: json.dumps({"dependencies": {f"a{at}": "npm:b@1" for at in range(n)}})),
    "pnpm": ("pnpm-lock.yaml", pnpm),
    "yarn": ("yarn.lock", yarn),
    "bun": ("bun.lock", bun),
    "golang": ("go.mod", lambda n: "module m\n" + "require (\n" * n + "a.example/b v1.0.0\n" * n + "replace a => b v1\n" * n),
    "golang_sum": ("go.sum", lambda n: "".join(f"a v1.0.{at} h1:{'a' * 43}=\n" for at in range(n))),
    "rust": ("Cargo.lock", lambda n: toml(n, 'source = "sparse+https://index.crates.io/"\ndependencies = ["a", "a"]')),
    "gemfile": ("Gemfile.lock", gems),
    "composer": ("composer.lock", lambda n: json.dumps({"packages": [
        {"name": "a/b", "version": f"{at}", "require": {"a/b": "*", "a/c": "*"}} for at in range(n)]})),
    "maven": ("pom.xml", pom),
    "gradle": ("gradle.lockfile", lambda n: "".join(f"a:b:1.{at}={'testX,' * 9}\n" for at in range(n))),
    "nuget": ("packages.lock.json", lambda n: json.dumps({"dependencies": {"n": {
        f"a{at}": {"resolved": "1.0.0", "dependencies": {"a0": "1", "a1": "1"}} for at in range(n)}}})),
    "nuget_config": ("packages.config", lambda n: "<packages>" + '<package id="a" version="1"/>' * n + "</packages>"),
    "mix": ("mix.lock", lambda n: "%{\n" + "".join(
        f'"a{at}": {{:hex, :a{at}, "1", "", [:mix], [{{:a{at + 1}, "1"}}], "hexpm"}},\n' for at in range(n)) + "}\n"),
    "pubspec": ("pubspec.lock", lambda n: "packages:\n" + "".join(
        f"  a{at}: {{dependency: transitive, source: hosted, version: 1.0.0}}\n" for at in range(n))),
    "swift": ("Package.resolved", lambda n: json.dumps({"pins": [
        {"identity": "a", "location": "https://h.example/a/b.git", "state": {"version": f"1.0.{at}"}} for at in range(n)]})),
    "cocoapods": ("Podfile.lock", lambda n: "PODS:\n" + "".join(
        f"- A{at} (1.0):\n  - A0\n  - A1\n" for at in range(n)) + "SPEC REPOS:\n  x:\n" + "    - A1\n" * n),
}  # fmt: skip

WALK = "RUN --mount=from=a,from=b pip install six==1 && npm i x@1 # conda install y\n"
#: what is read by the whole tree: (file, text of a size)
SOURCES: dict[str, tuple[str, Make]] = {
    "dockerfile": ("Dockerfile", lambda n: "FROM a:1 AS b\n" + "COPY --from=c:1 a \\\n # x\n\n b\n" * n + WALK * n
                   + "RUN <<A\n" + "pip install six\n" * n + "A\n"),
    "digests of one package": ("requirements.txt", lambda n: "".join(
        f"six==1.0 --hash=sha256:{at:064x}\n" for at in range(n))),
    "groups of one package": ("pyproject.toml", lambda n: '[project]\nname = "x"\n[project.optional-dependencies]\n' + "".join(
        f'e{at} = ["six"]\n' for at in range(n))),
    "deployments": ("compose.yaml", lambda n: "services:\n" + "  a: {image: b:1}\n" * n),
    "workflow": (".github/workflows/a.yml", lambda n: "jobs:\n" + "  - {uses: a/b@v1}\n  container: c:1\n" * n),
    "scripts": ("a.py", lambda n: "# /// script\n# dependencies = [\n" + "#  'a',\n" * n + "# ]\n# ///\n"),
    "notebook": ("a.ipynb", lambda n: json.dumps({"cells": [
        {"cell_type": "code", "source": "%%bash\n" + "pip install six -r a.txt\n" * 3}] * n})),
    "indexes": ("a.sh", lambda n: "pip install -i \\\n --extra-index-url \\\n https://h.example/s\n" * n),
    "indexes in one line": ("b.sh", lambda n: "pip --index-url https://h.example/s " * n),
    "dpkg": ("var/lib/dpkg/status", lambda n: "".join(f"Package: a{at}\nVersion: 1\nStatus: a b installed\n\n" for at in range(n))),
    "apk": ("lib/apk/db/installed", lambda n: "".join(f"P:a{at}\nV:1\n\n" for at in range(n))),
    "pages": ("a.html", lambda n: '<script src="https://cdn.example/a@1/b.js"></script>\n' * n),
    "node modules": ("node_modules/a/package.json", lambda n: json.dumps({"name": "a", "version": "1", "x": ["y"] * n})),
    "cards": ("m/README.md", lambda n: "---\ndatasets:\n" + "".join(f"- a/d{at}\n" for at in range(n))
              + "base_model:\n" + "".join(f"- a/b{at}\n" for at in range(n)) + "---\n"),
    "ollama": ("Modelfile", lambda n: "FROM a\n" + "ADAPTER ./b\nPARAMETER x 1\n" * n),
    "spaCy": ("meta.json", lambda n: json.dumps({"lang": "en", "name": "a", "pipeline": ["b"] * n, "sources": [
        {"name": f"s{at}"} for at in range(n)]})),
    "record": ("lib/site-packages/a-1.dist-info/RECORD", lambda n: "".join(f"a/{at}.py,sha256=x,1\n" for at in range(n))),
    "embedded": ("lib/site-packages/a-1.dist-info/sboms/a.cdx.json", lambda n: json.dumps(cyclonedx(n))),
    "mlflow": ("MLmodel", lambda n: "flavors:\n" + "".join(f"  f{at}: {{a: b}}\n" for at in range(n))),
    "kitfile": ("Kitfile", lambda n: "datasets:\n" + "".join(f"- {{name: a{at}, path: b{at}}}\n" for at in range(n))),
    "dvc": ("dvc.lock", lambda n: "stages:\n" + "".join(f"  s{at}: {{outs: [{{path: a{at}}}]}}\n" for at in range(n))),
}  # fmt: skip


def folder_of_manifests(place: Path, size: int) -> None:
    """Projects that no lock pins, in one folder, as solutions of many projects are."""
    for at in range(size):
        (place / f"p{at}.csproj").write_text('<Project><PackageReference Include="A"/></Project>')


def loose_and_pinned(place: Path, size: int) -> None:
    """A manifest of many names, each in the lock beside it."""
    names = [f"a{at}" for at in range(size)]
    (place / "package.json").write_text(json.dumps({"name": "x", "dependencies": dict.fromkeys(names, "^1")}))
    packages = {f"node_modules/{name}": {"version": "1.0.0", "dependencies": {"a0": "*"}} for name in names}
    (place / "package-lock.json").write_text(
        json.dumps({"lockfileVersion": 3, "packages": {"": {"name": "x"}, **packages}})
    )


def addresses_and_versions(place: Path, size: int) -> None:
    """One name, taken from many addresses and locked in many versions."""
    (place / "requirements.txt").write_text("".join(f"a @ https://h.example/{at}\n" for at in range(size)))
    (place / "uv.lock").write_text(toml(size, f'source = {{git = "https://h.example/a#{C}"}}'))


def commands_and_files(place: Path, size: int) -> None:
    """Many commands that ask for a list, over many files."""
    (place / "Dockerfile").write_text("RUN uv export -o a.txt && conda install --file b.txt\n" * size)
    for at in range(size):
        (place / f"{at}.cfg").write_text("")


def archives(place: Path, size: int) -> None:
    """Many archives, each with a manifest."""
    for at in range(size):
        with tarfile.open(place / f"{at}.tgz", "w:gz") as made:
            made.addfile(tarfile.TarInfo("package.json"), io.BytesIO())


def whiteouts(place: Path, size: int) -> None:
    """A layer of many packages, and one that takes each away by itself."""
    layers = []
    for names in (
        [f"app/node_modules/a{at}/package.json" for at in range(size)],
        [f"app/node_modules/.wh.a{at}" for at in range(0, size, 2)] + [f"{at}/.wh..wh..opq" for at in range(size)],
    ):
        data = io.BytesIO()
        with tarfile.open(fileobj=data, mode="w") as made:
            for name in names:
                text = b'{"name": "a", "version": "1"}' if name.endswith(".json") else b""
                member = tarfile.TarInfo(name)
                member.size = len(text)
                made.addfile(member, io.BytesIO(text))
        layers.append(data.getvalue())
    manifest = json.dumps([{"Config": "c.json", "RepoTags": ["x"], "Layers": ["0.tar", "1.tar"]}]).encode()
    with tarfile.open(place / "image.tar", "w") as made:
        for name, content in (("manifest.json", manifest), ("0.tar", layers[0]), ("1.tar", layers[1])):
            member = tarfile.TarInfo(name)
            member.size = len(content)
            made.addfile(member, io.BytesIO(content))


def distributions(place: Path, size: int) -> None:
    """Packages that are installed and need one another, beside code that none of them brought."""
    site = place / "lib" / "site-packages"
    for at in range(size // 4):
        (site / f"a{at}-1.dist-info").mkdir(parents=True)
        text = f"Name: a{at}\nVersion: 1\nRequires-Dist: a0[x]\nRequires-Dist: a{at + 1}[y]; extra == 'x'\n"
        (site / f"a{at}-1.dist-info" / "METADATA").write_text(text)
        (site / f"a{at}-1.dist-info" / "RECORD").write_text(f"a{at}.py,,\n")
        (site / f"a{at}.py").write_text("")
        (site / f"b{at}.py").write_text("")


def models(place: Path, size: int) -> None:
    """Folders of models, each with a card that names the others."""
    for at in range(size // 4):
        (place / f"m{at}").mkdir(parents=True)
        (place / f"m{at}" / "README.md").write_text(f"---\nbase_model: a/m{at + 1}\ndatasets: [a/d]\n---\n")
        (place / f"m{at}" / "config.json").write_text(json.dumps({"_name_or_path": f"a/m{at}", "model_type": "llama"}))
        (place / f"m{at}" / "model.safetensors").write_bytes(b"\x02\0\0\0\0\0\0\0{}")


TREES = [
    distributions,
    models,
    folder_of_manifests,
    loose_and_pinned,
    addresses_and_versions,
    commands_and_files,
    archives,
    whiteouts,
]


def lineage(rows: int) -> Inventory:
    """Models that are derived from one another in one long row, and the last from the first."""
    refs = [f"r{at}" for at in range(rows)]
    items = tuple(Component(ref, ComponentKind.MODEL, ref) for ref in refs)
    edges = tuple(Relation(refs[at], RelationKind.DERIVED_FROM, refs[at + 1]) for at in range(rows - 1))
    return Inventory(items, edges, (), "", 0)


def cyclonedx(rows: int) -> dict[str, Any]:
    """Components in one another, and edges between all of the first and all others."""
    component: dict[str, Any] = {"type": "library", "name": "a", "purl": "pkg:npm/a@1"}
    return {"bomFormat": "CycloneDX", "specVersion": "1.6", "components": [
        {**component, "bom-ref": f"r{at}", "components": [component] * 3} for at in range(rows)]}  # fmt: skip


BOMS: dict[str, Callable[[int], bytes]] = {
    "CycloneDX": lambda n: json.dumps(cyclonedx(n)).encode(),
    "CycloneDX XML": lambda n: (
        '<bom xmlns="http://cyclonedx.org/schema/bom/1.6"><components>'
        + '<component type="library"><name>a</name><purl>pkg:npm/a@1</purl></component>' * n + "</components></bom>"
    ).encode(),
    "CycloneDX text": lambda n: ('spec_version: "1.6"\n' + 'components { name: "a" purl: "pkg:npm/a@1" }\n' * n).encode(),
    "SPDX 2": lambda n: json.dumps({"spdxVersion": "SPDX-2.3", "packages": [
        {"SPDXID": f"SPDXRef-{at}", "name": "a", "versionInfo": "1", "externalRefs": [
            {"referenceType": "purl", "referenceLocator": "pkg:npm/a@1"}] * 3} for at in range(n)]}).encode(),
    "SPDX 2 tag-value": lambda n: ("SPDXVersion: SPDX-2.3\n" + "PackageName: a\nPackageVersion: 1\n"
                                   "ExternalRef: PACKAGE-MANAGER purl pkg:npm/a@1\n" * n).encode(),
}  # fmt: skip


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Up to a bound, what is kept of one component is gone through each time: that bound is not what is counted."""
    monkeypatch.setattr(collector, "_MOST", 8)


def work(action: Callable[[], object]) -> int:
    """Return how many instructions of Python a piece of work goes through, and how many functions it calls."""
    count = 0

    def trace(frame: FrameType, _: str, __: object) -> Any:
        nonlocal count
        count += 1
        frame.f_trace_opcodes = True
        return trace

    def tick(_: FrameType, event: str, __: object) -> None:
        nonlocal count
        count += event == "c_call"

    before = sys.gettrace()
    sys.settrace(trace)
    sys.setprofile(tick)
    try:
        action()
    finally:
        sys.setprofile(None)
        sys.settrace(before)
    return count


def assert_linear(action: Callable[[int], object], many: int = SIZE) -> None:
    action(2)  # imports and caches
    base, one, two = (work(lambda size=size: action(size)) for size in (2, many, 2 * many))
    assert one > base + many / 4, "the input does not grow"
    assert two - base < 2.3 * (one - base), f"{one - base:,} steps become {two - base:,}"


def test_every_reader_is_measured() -> None:
    readers = {row.reader for row in table.TABLE if row.reader}
    assert readers == {name.partition(" of ")[0] for name in LOCKS}


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_file_of_twice_the_size_is_twice_the_work(name: str) -> None:
    file, make = LOCKS[name]
    row = table.row_of(file)
    assert row is not None

    def read(size: int) -> None:
        lock = table.read(row, file, make(size).encode())
        assert not lock.problem, lock.problem
        assert lock.components

    assert_linear(read)


@pytest.mark.parametrize("name", SOURCES)
def test_a_source_of_twice_the_size_is_twice_the_work(name: str, tmp_path: Path) -> None:
    file, make = SOURCES[name]
    (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / "lib/site-packages/a-1.dist-info").mkdir(parents=True, exist_ok=True)
    (tmp_path / "lib/site-packages/a-1.dist-info/METADATA").write_text("Name: a\nVersion: 1\n")

    def read(size: int) -> Inventory:
        (tmp_path / file).write_text(make(size))
        return collect(walk(tmp_path))

    assert_linear(read)


@pytest.mark.parametrize("make", TREES)
def test_a_tree_of_twice_the_size_is_twice_the_work(make: Callable[[Path, int], None], tmp_path: Path) -> None:
    trees = {}
    for size in (2, 4 * SIZE, 8 * SIZE):
        (tmp_path / f"{size}").mkdir()
        make(tmp_path / f"{size}", size)
        trees[size] = walk(tmp_path / f"{size}")
    assert_linear(lambda size: collect(trees[size]), 4 * SIZE)


@pytest.mark.parametrize("name", BOMS)
def test_a_bom_of_twice_the_size_is_twice_the_work(name: str) -> None:
    assert_linear(lambda size: read_sbom(BOMS[name](size), "a"))


def test_settings_of_indexes_are_read_once() -> None:
    assert_linear(lambda size: indexes.read("a.sh", b"pip install -i https://pypi.org/simple six\n" * size))


def test_the_cycles_of_a_lineage_are_found_in_one_pass() -> None:
    rows = {size: lineage(size) for size in (2, 4 * SIZE, 8 * SIZE)}
    assert_linear(lambda size: findings(rows[size]), 4 * SIZE)
