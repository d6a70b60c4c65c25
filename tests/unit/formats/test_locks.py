"""One reader a lock file, and every wing reads with it: SBOM, audit and shadow AI."""

from __future__ import annotations

import importlib
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from secpipe.core.inventory import Component, ComponentKind
from secpipe.formats.locks import loose, table
from secpipe.formats.locks.lock import Lock
from secpipe.sbom.collect import collect
from secpipe.scan.shadow_ai import manifests
from secpipe.scan.shadow_ai.catalogue import shipped_catalogue
from secpipe.scan.vulnerabilities.audit import audit
from secpipe.scan.vulnerabilities.local import open_at
from secpipe.system.tree import open_tree

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
GEMFILE = """GIT
  remote: https://git.example/acme/tools.git
  revision: 0123456789abcdef0123456789abcdef01234567
  specs:
    tools (0.3.0)

PATH
  remote: .
  specs:
    own (0.1.0)
      ruby-openai (~> 7.0)

GEM
  remote: https://rubygems.org/
  specs:
    faraday (2.9.0)
    nokogiri (1.16.2-x86_64-linux)
    ruby-openai (7.0.1)
      faraday (>= 1)

PLATFORMS
  x86_64-linux

DEPENDENCIES
  nokogiri
  own!
  tools!

CHECKSUMS
  faraday (2.9.0) sha256={hash}

BUNDLED WITH
   2.5.6
""".replace("{hash}", "a" * 64)
COMPOSER = json.dumps(
    {
        "content-hash": "0",
        "packages": [
            {
                "name": "openai-php/client", "version": "v0.8.4", "require": {"php": "^8.1", "Psr/Log": "^3"},
                "dist": {"type": "zip", "url": "https://e.example/c.zip", "shasum": "b" * 40},
                "license": ["MIT"], "notification-url": "https://packagist.org/downloads/",
            },
            {"name": "psr/log", "version": "3.0.0", "dist": {"type": "zip"}},
        ],
        "packages-dev": [{"name": "acme/local", "version": "dev-main", "dist": {"type": "path", "url": "../local"}}],
    },
    indent=4,
)  # fmt: skip


def read(name: str, text: str | bytes) -> Lock:
    row = table.row_of(name)
    assert row is not None
    return table.read(row, name, text if isinstance(text, bytes) else text.encode())


def by_name(lock: Lock) -> dict[str, Component]:
    return {component.name: component for component in lock.components}


def test_gemfile_lock() -> None:
    lock = read("Gemfile.lock", GEMFILE)
    found = by_name(lock)
    assert lock.problem == ""
    assert found["nokogiri"].purl == "pkg:gem/nokogiri@1.16.2"
    assert (found["faraday"].ecosystem, str(found["faraday"].digests[0])) == ("RubyGems", f"sha256:{'a' * 64}")
    assert found["tools"].ecosystem == ""
    assert found["tools"].facts["commit"].value.startswith("0123")
    assert found["own"].kind is ComponentKind.APPLICATION
    assert found["ruby-openai"].line == 18
    edges = {(edge.source, edge.target) for edge in lock.relations}
    assert (found["own"].ref, found["ruby-openai"].ref) in edges
    assert (found["ruby-openai"].ref, found["faraday"].ref) in edges
    assert lock.named == {found[name].ref for name in ("nokogiri", "own", "tools")}


def test_composer_lock() -> None:
    lock = read("composer.lock", COMPOSER)
    found = by_name(lock)
    client = found["openai-php/client"]
    assert (client.purl, client.ecosystem) == ("pkg:composer/openai-php/client@v0.8.4", "Packagist")
    assert (client.licenses, str(client.digests[0])) == (("MIT",), f"sha1:{'b' * 40}")
    assert client.line == 5
    assert found["acme/local"].purl == ""
    assert {(edge.source, edge.target) for edge in lock.relations} == {(client.ref, found["psr/log"].ref)}


@pytest.mark.parametrize(
    ("name", "text", "ecosystem", "package", "version"),
    [
        ("Gemfile.lock", GEMFILE, "RubyGems", "ruby-openai", "7.0.1"),
        ("composer.lock", COMPOSER, "Packagist", "openai-php/client", "v0.8.4"),
    ],
)
def test_sbom_audit_and_shadow_ai_find_the_same(
    name: str, text: str, ecosystem: str, package: str, version: str, tmp_path: Path
) -> None:
    """The recipe: a row and a reader; no wing needs to be told."""
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / name).write_text(text)
    inventory = collect(open_tree(tmp_path / "tree"))
    found = {component.name: component for component in inventory.components}
    assert (found[package].ecosystem, found[package].version) == (ecosystem, version)
    assert not inventory.skipped

    (tmp_path / "osv").mkdir()
    affected = {
        "package": {"ecosystem": ecosystem, "name": package},
        "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"last_affected": version}]}],
    }
    record = {"id": "OSV-1", "modified": "2026-11-01T00:00:00Z", "affected": [affected]}
    (tmp_path / "osv/1.json").write_text(json.dumps(record))
    evidence = audit(inventory, open_at(tmp_path / "osv", NOW), now=NOW)
    assert [item.details["id"] for item in evidence.findings if item.rule == "audit/known-vulnerability"] == ["OSV-1"]

    reading = manifests.read(text, name, shipped_catalogue())
    assert {(sign.provider, sign.line) for sign in reading.signals} == {("openai", found[package].line)}


@pytest.mark.parametrize("row", table.TABLE, ids=lambda row: row.pattern)
def test_every_row_leads_to_a_reader_or_is_said(row: table.Row, tmp_path: Path) -> None:
    assert row.reader or row.names is not None
    if row.reader:
        assert importlib.import_module(f"secpipe.formats.locks.{row.reader}").read
    path = row.pattern.replace("*", "x")
    path = path.replace("yxml", "yml")
    assert table.row_of(path) is row or not row.listed
    assert table.row_of(path.upper()) is table.row_of(path)
    place = tmp_path / path
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text("\n")
    skips = [skip.reason for skip in collect(open_tree(tmp_path)).skipped]
    if row.locked and not row.reader:
        assert skips == [f"not analysed: no reader for a lock file of {row.ecosystem} of this name yet"]


def test_no_reader_is_forgotten_by_the_table() -> None:
    """A reader without a row would read nothing, and nobody would notice (docs/adr/0033)."""
    folder = Path(table.__file__).parent
    readers = {file.stem for file in folder.glob("*.py") if "\ndef read(found: Lock) -> None:" in file.read_text()}
    assert readers == {row.reader for row in table.TABLE if row.reader}


@pytest.mark.parametrize("row", [row for row in table.TABLE if row.reader], ids=lambda row: row.pattern)
@pytest.mark.parametrize(
    "data",
    [b"", b"\xff\xfe\x00", b"{" * 200_000, b"[[package]]\n" * 3, b'{"packages": [{}], "a": 1}', b"\0"],
)
def test_a_reader_never_raises(row: table.Row, data: bytes) -> None:
    lock = table.read(row, row.pattern, data)
    assert isinstance(lock.problem, str)


def test_a_broken_lock_says_why_and_keeps_what_came_before() -> None:
    assert "nested too deeply" in read("package-lock.json", b'{"a":' * 5000).problem
    assert "UTF-8" in read("Gemfile.lock", b"GEM\n\xff").problem
    assert "lacks name" in read("composer.lock", b'{"packages": [{"version": "1"}]}').problem


def test_an_alias_and_a_repository_of_npm_lock_version_1() -> None:
    lock = read("package-lock.json", json.dumps({"lockfileVersion": 1, "dependencies": {
        "chat": {"version": "npm:openai@4.17.4"},
        "num": {"version": "git+https://git.example/num.git#" + "a" * 40},
        "tar": {"version": "https://bob:word@h.example/tar.tgz?token=word"},
    }}))  # fmt: skip
    found = by_name(lock)
    assert (found["openai"].ecosystem, found["openai"].version) == ("npm", "4.17.4")
    assert (found["num"].ecosystem, found["num"].facts["source-url"].value) == ("", "git+https://git.example/num.git")
    assert (found["tar"].purl, found["tar"].version) == ("", "")
    assert {fact.value for fact in found["tar"].facts.values()} == {"https://h.example/tar.tgz"}


def test_a_commented_requirement_of_go_is_none() -> None:
    lock = read("go.mod", "module e.example/a\nrequire (\n\te.example/b v1.0.0\n\t//e.example/c v1.0.0\n)\n")
    assert [item.name for item in lock.components if item.kind is ComponentKind.LIBRARY] == ["e.example/b"]


NESTED = '{"a":{"version":"1","dependencies":'
HEAVY = {
    "package-lock.json": '{"dependencies":' + NESTED * 60_000 + "{}" + "}}" * 60_000 + "}",
    "bun.lock": "\n" * 1_000_000,
    "Gemfile": "\n" * 1_000_000,
    "deno.jsonc": '/*"\\' * 400_000,
    "pom.xml": "<!--" * 500_000,
    "build.gradle": '"' + "a." * 500_000,
    "setup.py": "a = [" + "b," * 200_000 + "]\nsetup(install_requires=a)",
    "setup.cfg": "[options]\ninstall_requires =\n" + " a" * 200_000,
    "mix.lock": '"' * 500_000 + '\n"a": {:hex,' + " " * 500_000,
    "gradle.lockfile": "a:" * 500_000,
    "packages.lock.json": '{"dependencies": {"a": {"x": {"resolved": "1"}'
    + "".join(f',"b{n}": {{"resolved": "1"}}' for n in range(30_000))
    + "}}}",
    "Podfile.lock": "PODS:\n" + "  - a (1)\n" * 20_000,
    "Package.resolved": '{"pins": [' + ",".join(['{"location": "' + "a/" * 50 + '"}'] * 5_000) + "]}",
    "conda-x.lock": "@EXPLICIT\n" + "a-" * 500_000,
    "app.csproj": "<PackageReference " * 50_000,
    "uv.lock": '[[package]]\nname = "a"\nversion = "1"\n' * 20_000,
}  # fmt: skip


@pytest.mark.parametrize("name", HEAVY)
def test_a_heavy_manifest_is_gone_through_once(name: str) -> None:
    """Each of these takes minutes for a reader that is not linear; the run itself is the test."""
    assert manifests.read(HEAVY[name], name, shipped_catalogue()) is not None


def test_what_no_reader_knows_is_still_searched_word_by_word() -> None:
    reading = manifests.read('{"dependencies": {"openai": "^4"}, ', "package-lock.json", shipped_catalogue())
    assert {sign.provider for sign in reading.signals} == {"openai"}
    assert "does not parse" in reading.notes[0]
    assert list(loose.words("a_b = 1\nopenai = 2")) == [("a_b", 1), ("openai", 2)]
