"""Long fuzzing of every lock and manifest family: damaged bytes, lines and values give an inventory and a valid SBOM."""
# ruff: noqa: E501  (lock files are long)

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import BinaryIO

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from secpipe.core.artifact import FileEntry, LinkEntry, Skip
from secpipe.core.inventory import Inventory
from secpipe.sbom.collect import collect
from secpipe.sbom.cyclonedx import emit
from secpipe.sbom.validate import validate
from tests.unit.formats.lock_samples import SAMPLES

pytestmark = pytest.mark.slow

NOW = datetime(2026, 11, 21, tzinfo=UTC)
H = "a" * 64
#: The corpus: one sound file a family, small, with each construct that its reader follows.
CORPUS = {
    "requirements.txt": f"--index-url https://pypi.org/simple\nsix==1.16.0 --hash=sha256:{H}\n-r more.txt\nfoo[bar]>=1; python_version < '3.9'\nbaz @ https://e.example/b.whl\n-e git+https://e.example/r@{'b' * 40}#egg=r\n",
    "pyproject.toml": '[project]\nname = "app"\nversion = "1"\ndependencies = ["six>=1", "a[b]; os_name == \'nt\'"]\n[project.optional-dependencies]\nx = ["y"]\n[dependency-groups]\ndev = ["z", {include-group = "t"}]\nt = []\n[tool.poetry.dependencies]\npython = "^3.11"\nq = {version = "^1", optional = true}\n',
    "uv.lock": f'version = 1\n[[package]]\nname = "app"\nversion = "1"\nsource = {{ virtual = "." }}\ndependencies = [{{ name = "six", marker = "os_name == \'nt\'" }}]\n[[package]]\nname = "six"\nversion = "1.16.0"\nsource = {{ registry = "https://pypi.org/simple" }}\nsdist = {{ url = "https://e.example/s.tar.gz", hash = "sha256:{H}", size = 1 }}\nwheels = [{{ url = "https://e.example/s.whl", hash = "sha256:{H}" }}]\n',
    "poetry.lock": f'[[package]]\nname = "rich"\nversion = "13"\noptional = false\nfiles = [{{file = "r.whl", hash = "sha256:{H}"}}]\n[package.dependencies]\nsix = {{version = ">=1", markers = "os_name == \'nt\'"}}\n[[package]]\nname = "six"\nversion = "1"\n[package.source]\ntype = "git"\nurl = "https://e.example/r"\nresolved_reference = "b"\n[metadata]\nlock-version = "2.0"\n',
    "pdm.lock": '[[package]]\nname = "click"\nversion = "8"\ndependencies = ["colorama; os_name == \'nt\'"]\nfiles = [{file = "c.whl", hash = "sha256:' + H + '"}]\n[[package]]\nname = "colorama"\nversion = "1"\n',
    "pylock.toml": f'lock-version = "1.0"\ncreated-by = "x"\n[[packages]]\nname = "attrs"\nversion = "23"\ndependencies = [{{name = "six"}}]\nwheels = [{{name = "a.whl", url = "https://e.example/a.whl", hashes = {{sha256 = "{H}"}}}}]\n[[packages]]\nname = "six"\nvcs = {{type = "git", url = "https://e.example/r", commit-id = "b"}}\n',
    "Pipfile.lock": json.dumps({"_meta": {"sources": [{"name": "pypi", "url": "https://pypi.org/simple"}]}, "default": {"six": {"version": "==1.16.0", "hashes": [f"sha256:{H}"], "index": "pypi", "markers": "os_name == 'nt'"}}, "develop": {"x": {"git": "https://e.example/r", "ref": "b"}}}, indent=1),
    "environment.yml": "name: x\nchannels: [conda-forge]\ndependencies:\n  - numpy=1.26\n  - conda-forge::scipy==1.11.4\n  - pip:\n    - six==1.16.0\n",
    "package-lock.json": json.dumps({"name": "web", "lockfileVersion": 3, "packages": {"": {"name": "web", "version": "1", "dependencies": {"a": "^1"}}, "node_modules/a": {"version": "1.0.0", "resolved": "https://registry.npmjs.org/a/-/a-1.0.0.tgz", "integrity": "sha512-" + "A" * 86 + "==", "dependencies": {"@s/b": "2"}, "license": "MIT"}, "node_modules/@s/b": {"version": "2.0.0", "link": True}}}, indent=1),
    "package.json": json.dumps({"name": "web", "version": "1.0.0", "license": "MIT", "dependencies": {"a": "^1", "b": "npm:c@2"}, "devDependencies": {"d": "git+https://e.example/r"}}, indent=1),
    "pnpm-lock.yaml": "lockfileVersion: '9.0'\nimporters:\n  .:\n    dependencies:\n      a:\n        specifier: ^1\n        version: 1.0.0(b@2.0.0)\npackages:\n  a@1.0.0:\n    resolution: {integrity: sha512-" + "A" * 86 + "==}\n  '@s/b@2.0.0':\n    resolution: {}\nsnapshots:\n  a@1.0.0(b@2.0.0):\n    dependencies:\n      '@s/b': 2.0.0\n",
    "yarn.lock": '# yarn lockfile v1\n\n\nleft@^1.0.0, left@^1.1.0:\n  version "1.1.0"\n  resolved "https://registry.yarnpkg.com/left/-/left-1.1.0.tgz#abc"\n  integrity sha512-' + "A" * 86 + '==\n  dependencies:\n    right "~2"\n\n"right@~2":\n  version "2.0.1"\n',
    "go.mod": "module example.org/app\n\ngo 1.22\n\nrequire github.com/a/b v1.2.3\nrequire (\n\tgithub.com/c/d v0.1.0 // indirect\n)\nreplace github.com/c/d v0.1.0 => github.com/fork/d v0.2.0\n",
    "go.sum": f"github.com/a/b v1.2.3 h1:{'A' * 43}=\ngithub.com/a/b v1.2.3/go.mod h1:{'B' * 43}=\n",
    "Cargo.lock": f'version = 3\n[[package]]\nname = "app"\nversion = "0.1.0"\ndependencies = ["serde 1.0.1"]\n[[package]]\nname = "serde"\nversion = "1.0.1"\nsource = "registry+https://github.com/rust-lang/crates.io-index"\nchecksum = "{H}"\n',
    "Gemfile.lock": f"GIT\n  remote: https://e.example/r\n  revision: b\n  specs:\n    t (1)\nGEM\n  remote: https://rubygems.org/\n  specs:\n    a (1.0-x86_64-linux)\n      b (>= 1)\n    b (2.0)\nDEPENDENCIES\n  a\nCHECKSUMS\n  b (2.0) sha256={H}\n",
    "composer.lock": json.dumps({"packages": [{"name": "a/b", "version": "v1.0", "require": {"php": "8", "c/d": "^1"}, "dist": {"type": "zip", "shasum": "a" * 40}, "source": {"reference": "b"}, "license": ["MIT"], "notification-url": "https://packagist.org/downloads/"}], "packages-dev": [{"name": "c/d", "version": "dev-main", "dist": {"type": "path", "url": "x"}}]}, indent=4),
    "Dockerfile": f"ARG TAG=3.11\nFROM --platform=linux/amd64 python:${{TAG}} AS build\nRUN pip install --no-cache-dir \\\n    torch==2.5.0 'flask>=2' && echo done\nFROM ghcr.io/acme/base:1@sha256:{H}\nCOPY --from=build /a /b\n",
    "compose.yaml": f"services:\n  a:\n    image: ghcr.io/acme/a:1@sha256:{H}\n  b:\n    build: .\n",
    **{name: text for name, (text, _) in SAMPLES.items()},
}  # fmt: skip
#: What a value, a number or a word is replaced by.
HOSTILE = (
    "null", "true", "[]", "{}", "-1", "1e999", "9" * 5000, '""', "''", "[[]]", "{a: [}", "&a [*a, *a]", "../../etc/passwd", "\x00", "\u202e",
    "a" * 70_000, "pkg:pypi/x@1", "sha256:zz", "%s%n", "\ud800", "<!ENTITY", "((((" * 2000, "[" * 2000, "; os_name == ", "^", "*", "@",
)  # fmt: skip
_WORD = re.compile(r'"[^"\n]*"|[\w.@/:+-]+')
EDITS = st.lists(
    st.one_of(
        st.tuples(st.just("bytes"), st.integers(0, 700), st.binary(min_size=1, max_size=6)),
        st.tuples(st.just("word"), st.integers(0, 120), st.sampled_from(HOSTILE)),
        st.tuples(st.just("drop"), st.integers(0, 30), st.just("")),
        st.tuples(st.just("twice"), st.integers(0, 30), st.just("")),
    ),
    max_size=4,
)


class Held:
    """A `Tree` in memory: no disk between an example and the reader."""

    links: tuple[LinkEntry, ...] = ()
    skipped: tuple[Skip, ...] = ()
    left_out: tuple[Skip, ...] = ()

    def __init__(self, files: dict[str, bytes]) -> None:
        self._data = files
        self.files = tuple(
            FileEntry(name, len(data), 0o644, hashlib.sha256(data).hexdigest(), data[:64])
            for name, data in sorted(files.items())
        )

    def find(self, path: str) -> FileEntry | None:
        return next((entry for entry in self.files if entry.path == path), None)

    def below(self, folder: str) -> Iterator[FileEntry]:
        return (entry for entry in self.files if not folder or entry.path.startswith(f"{folder}/"))

    def read(self, entry: FileEntry, limit: int) -> bytes:
        return self._data[entry.path][:limit]

    def open(self, entry: FileEntry) -> contextlib.AbstractContextManager[BinaryIO]:
        return io.BytesIO(self._data[entry.path])


def damaged(text: str, edits: list[tuple[str, int, str | bytes]]) -> bytes:
    data = text.encode()
    for kind, at, value in edits:
        if isinstance(value, bytes):
            at %= len(data) + 1
            data = data[:at] + value + data[at + len(value) :]
            continue
        shown = data.decode("utf-8", "surrogateescape")
        lines = shown.splitlines(keepends=True)
        words = list(_WORD.finditer(shown))
        if kind == "word" and words:
            word = words[at % len(words)]
            shown = shown[: word.start()] + value + shown[word.end() :]
        elif lines and kind != "word":
            index = at % len(lines)
            lines[index : index + 1] = [lines[index]] * (2 if kind == "twice" else 0)
            shown = "".join(lines)
        data = shown.encode("utf-8", "surrogatepass" if "\ud800" in shown else "surrogateescape")
    return data


def described(name: str, data: bytes) -> Inventory:
    inventory = collect(Held({name: data}))
    assert validate(emit(inventory, name="fuzz", now=NOW)) == ()
    return inventory


@pytest.mark.parametrize("name", CORPUS)
def test_the_corpus_is_sound(name: str) -> None:
    inventory = described(name, CORPUS[name].encode())
    assert inventory.components or name == "go.sum"
    hard = [skip for skip in inventory.skipped if not skip.soft]
    assert hard == [] or name == "requirements.txt"  # `-r more.txt` is not there


@pytest.mark.parametrize("name", CORPUS)
@settings(max_examples=4000, deadline=None, suppress_health_check=list(HealthCheck))
@given(edits=EDITS)
@example(edits=[])
def test_a_damaged_file_gives_an_inventory_and_a_valid_sbom(
    name: str, edits: list[tuple[str, int, str | bytes]]
) -> None:
    described(name, damaged(CORPUS[name], edits))
