"""Maven, Gradle, NuGet, Bun, conda, pixi, Pub, Hex, Swift, CocoaPods, setuptools: what each lock file names."""

from __future__ import annotations

import pytest

from secpipe.core.inventory import Component, ComponentKind
from secpipe.formats.locks import table
from secpipe.formats.locks.lock import Lock
from tests.unit.formats.lock_samples import POM, SAMPLES, C, H


def read(name: str, text: str, near: dict[str, str] | None = None) -> Lock:
    row = table.row_of(name)
    assert row is not None
    others = {path: other.encode() for path, other in (near or {}).items()}
    return table.read(row, name, text.encode(), others.get)


def libraries(lock: Lock) -> list[Component]:
    return [item for item in lock.components if item.kind is ComponentKind.LIBRARY and item.name != "file:."]


def named(item: Component) -> tuple[str, str, str, int, bool]:
    scope = item.facts.get("scope")
    return item.ecosystem, item.name, item.version, item.line, scope is not None and scope.value == "optional"


@pytest.mark.parametrize("name", SAMPLES)
def test_a_lock_file_names_its_packages(name: str) -> None:
    text, wanted = SAMPLES[name]
    lock = read(name, text)
    found = [item for item in libraries(lock) if item.name not in {"", "."} and not item.name.startswith("file")]
    assert (lock.problem, lock.skips) == ("", [])
    assert [named(item) for item in found] == wanted


def edges(lock: Lock) -> set[tuple[str, str]]:
    names = {item.ref: f"{item.name}@{item.version}" for item in lock.components}
    return {(names[edge.source], names[edge.target]) for edge in lock.relations}


def test_hashes_edges_and_purls() -> None:
    bun = read("bun.lock", SAMPLES["bun.lock"][0])
    assert {("chalk@4.1.2", "ansi@4.3.0"), ("jest@1.0.0", "ansi@5.0.0"), ("app@", "own@")} <= edges(bun)
    by_name = {item.name: item for item in bun.components}
    assert by_name["chalk"].digests[0].algorithm == "sha512"
    assert by_name["fork"].purl == f"pkg:github/a/b@{C}"
    nuget = {item.name: item for item in read("packages.lock.json", SAMPLES["packages.lock.json"][0]).components}
    assert nuget["Newtonsoft.Json"].digests[0].algorithm == "sha512"
    mix = {item.name: item for item in read("mix.lock", SAMPLES["mix.lock"][0]).components}
    assert (str(mix["plug"].digests[0]), mix["own"].purl) == (f"sha256:{H}", "")
    pods = read("Podfile.lock", SAMPLES["Podfile.lock"][0])
    assert edges(pods) == {("AFNetworking@2.5.1", "Local@0.1")}
    conda = read("conda-lock.yml", SAMPLES["conda-lock.yml"][0])
    numpy = next(item for item in conda.components if item.name == "numpy")
    assert numpy.purl == "pkg:conda/numpy@1.26.4?build=py311_0&channel=conda-forge&subdir=linux-64"
    assert edges(conda) == {("numpy@1.26.4", "python@3.11.9")}
    swift = {item.name: item for item in read("Package.resolved", SAMPLES["Package.resolved"][0]).components}
    assert swift["github.com/apple/swift-nio"].purl == "pkg:swift/github.com/apple/swift-nio@2.29.0"


def test_a_pom_takes_versions_from_its_parents_in_the_tree() -> None:
    up = POM.replace("<artifactId>app</artifactId>", "<artifactId>up</artifactId><packaging>pom</packaging>").replace(
        "<log.version>2.14.1", "<log.version>2.0"
    )
    child = """<project><parent><groupId>g</groupId><artifactId>up</artifactId><version>9</version></parent>
    <artifactId>child</artifactId><dependencies>
    <dependency><groupId>com.h2</groupId><artifactId>h2</artifactId></dependency>
    <dependency><groupId>a</groupId><artifactId>b</artifactId><version>${log.version}</version></dependency>
    <dependency><groupId>a</groupId><artifactId>c</artifactId><version>${nowhere}</version></dependency>
    </dependencies></project>"""
    lock = read("child/pom.xml", child, {"pom.xml": up})
    assert [(item.name, item.version) for item in libraries(lock)] == [
        ("com.h2:h2", "1.4.200"), ("a:b", "2.0"), ("a:c", ""),
    ]  # fmt: skip
    other = up.replace("<artifactId>up</artifactId><packaging>", "<artifactId>other</artifactId><packaging>")
    assert [item.version for item in libraries(read("child/pom.xml", child, {"pom.xml": other}))] == ["", "", ""]


@pytest.mark.parametrize(
    ("name", "text", "why"),
    [
        ("pom.xml", '<!DOCTYPE p [<!ENTITY a "b">]><project/>', "document type"),
        ("pom.xml", "<a>" * 5000, "nested"),
        ("setup.py", "setup(install_requires=open('x').read().split())", ""),
        ("setup.py", "def", "does not parse"),
        ("setup.py", "(" * 5000, "does not parse"),
        ("setup.cfg", "[a]\nb=1\n[a]\n", "no configuration"),
        ("conda-lock.yml", "package: &a [*a]", ""),
        ("Podfile.lock", "PODS: [1]", ""),
        ("bun.lock", '{"packages": {"a": []}}', ""),
        ("mix.lock", '%{\n"a": System.cmd("sh", [])}', ""),
    ],
)
def test_what_is_not_static_or_hostile_is_said(name: str, text: str, why: str) -> None:
    lock = read(name, text)
    assert lock.problem or lock.skips
    assert why in lock.problem


def test_hostile_properties_end() -> None:
    lines = "".join(f"<p{at}>${{p{at + 1}}}${{p{at + 1}}}</p{at}>" for at in range(60))
    text = f"<project><artifactId>a</artifactId><properties>{lines}<q>${{q}}</q></properties><dependencies>"
    text += "<dependency><groupId>a</groupId><artifactId>b</artifactId><version>${p0}</version></dependency>"
    text += "<dependency><groupId>a</groupId><artifactId>c</artifactId><version>${q}</version></dependency>"
    assert [item.version for item in libraries(read("pom.xml", f"{text}</dependencies></project>"))] == ["", ""]
    assert libraries(read("setup.py", "a = [b, b]\nb = [a, a]\nsetup(install_requires=a)")) == []


@pytest.mark.parametrize("name", ["bun.lockb", "deno.lock", "renv.lock", "rebar.lock", "Chart.lock", "paket.lock"])
def test_a_lock_file_that_nobody_reads_is_in_the_table(name: str) -> None:
    row = table.row_of(f"some/{name}")
    assert row is not None
    assert (row.reader, row.locked) == ("", True)


def test_pnpm_5_names_peers_behind_the_version() -> None:
    lock = read(
        "pnpm-lock.yaml",
        "lockfileVersion: 5.4\ndependencies:\n  acorn-jsx: 5.3.2_acorn@8.8.0\n  is_js: 1.0.0\npackages:\n"
        "  /acorn-jsx/5.3.2_acorn@8.8.0: {dev: false}\n  /is_js/1.0.0: {dev: false}\n",
    )
    assert edges(lock) == {("package@", "acorn-jsx@5.3.2"), ("package@", "is_js@1.0.0")}
    assert not lock.skips


def test_what_a_lock_is_asked_for_and_does_not_hold_is_said() -> None:
    wanted = "a: {specifier: ^1, version: 1.0.0}\n      b: {specifier: ^1, version: 1.0.0}"
    local = "c: {specifier: 'workspace:*', version: 'link:../c'}"
    lock = read(
        "pnpm-lock.yaml",
        f"lockfileVersion: '9.0'\nimporters:\n  .:\n    dependencies:\n      {wanted}\n      {local}\n"
        "packages:\n  a@1.0.0: {}\nsnapshots:\n  a@1.0.0: {}\n",
    )
    assert lock.skips == ["1 package asked for that the lock does not hold, beginning with b"]


def test_a_directive_that_go_does_not_know_is_said() -> None:
    lock = read("go.mod", "module m.example/a\nruire (\n\ta.example/b v1.0.0\n)\nrequire a.example/c v1.0.0\nfoo bar\n")
    assert [item.name for item in libraries(lock)] == ["a.example/c"]
    assert lock.skips == ["line 2 opens a block that go.mod does not know", "line 6 is no directive of go.mod"]
