"""Secrets planted in the input of every reader: none stands in the inventory, so none in a BOM, a report or a store."""

# ruff: noqa: E501  (lock files are long)

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from secpipe.core.inventory import Inventory
from secpipe.core.text import opening
from secpipe.sbom.collect import collect
from secpipe.sbom.cyclonedx import emit
from secpipe.system import redaction
from secpipe.system.tree import open_tree

TOKEN = "ghp_" + "S3cretWord" * 3 + "S3cret"
USER = f"https://bob:S3cretWord99@h.example/{TOKEN}"
C = "b" * 40
FILES = {
    "requirements.txt": f"--index-url {USER}\n-e git+{USER}/r.git@main#egg=a\n{TOKEN}\nb @ {USER}/b.whl?X=S3cretWord\n"
    f"bad line {'x' * 70} {TOKEN}\n-r {USER}/r.txt\n'{USER}'\n",
    "environment.yml": f"channels: ['{USER}/t/S3cretWord/chan']\ndependencies:\n- numpy=1\n- {USER}::scipy=1.0=py_0\n"
    f"- '[bad {TOKEN}'\n- pip:\n  - --index-url {USER}\n  - git+{USER}/r.git#egg=a\n",
    "conda-lock.yml": f"package:\n- {{name: a, version: 1, manager: conda, platform: l, url: '{USER}/t/S3cretWord/c/l/a-1-0.conda'}}\n"
    f"- {{name: b, version: 1, manager: pip, platform: l, url: 'git+{USER}/b.git@main'}}\n",
    "conda-linux-64.lock": f"@EXPLICIT\n{USER}/t/S3cretWord/c/l/a-1-0.conda#{'c' * 32}\n{USER}\n",
    "pixi.lock": f"packages:\n- conda: {USER}/t/S3cretWord/c/l/a-1-0.conda\n- pypi: git+{USER}/x.git#abc\n  name: x\n  version: 1\n",
    "Pipfile.lock": json.dumps({"_meta": {"sources": [{"name": "p", "url": USER}]}, "default": {"a": {"version": "==1", "index": "p"}, "b": {"git": USER, "ref": C}}}),
    "poetry.lock": f'[[package]]\nname = "a"\nversion = "1"\n[package.source]\ntype = "git"\nurl = "{USER}"\nresolved_reference = "{C}"\n',
    "pdm.lock": f'[[package]]\nname = "a"\nversion = "1"\nurl = "{USER}?tok=S3cretWord"\ndependencies = ["{TOKEN} {USER}"]\n',
    "uv.lock": f'version = 1\n[[package]]\nname = "a"\nversion = "1"\nsource = {{ git = "{USER}?rev=main#{C}" }}\n[[package]]\nname = "y"\nversion = "1"\nsource = {{ registry = "{USER}" }}\nsdist = {{ url = "{USER}/y.tar.gz", hash = "sha256:{"a" * 64}" }}\n',
    "pylock.toml": f'lock-version = "1.0"\n[[packages]]\nname = "a"\nversion = "1"\nindex = "{USER}"\nwheels = [{{url = "{USER}/a.whl"}}]\n[[packages]]\nname = "b"\nvcs = {{type = "git", url = "{USER}", commit-id = "{C}"}}\n',
    "pyproject.toml": f'[project]\nname = "x"\ndependencies = ["a @ git+{USER}/a.git@main", "{TOKEN} {USER}"]\n[tool.poetry.dependencies]\nq = {{git = "{USER}"}}\n',
    "setup.py": f'setup(name="own", install_requires=["a @ {USER}", "{USER}"])\n',
    "tool.py": f'# /// script\n# dependencies = ["a @ {USER}", "bad {TOKEN}"]\n# ///\n',
    "a.ipynb": json.dumps({"cells": [{"cell_type": "code", "source": f"%pip install --index-url {USER} git+{USER}/a.git b==1\n"}]}),
    "n1/package-lock.json": json.dumps({"lockfileVersion": 1, "dependencies": {"a": {"version": f"git+{USER}/a.git#{C}"}, "b": {"version": "1.0.0", "resolved": f"{USER}/b.tgz?auth=S3cretWord"}}}),
    "n3/package-lock.json": json.dumps({"lockfileVersion": 3, "packages": {"node_modules/a": {"version": "1", "resolved": f"git+{USER}/a.git#{C}"}, "node_modules/b": {"version": "1.0.0", "resolved": f"{USER}/b.tgz?auth=S3cretWord"}}}),
    "package.json": json.dumps({"name": "x", "dependencies": {"a": f"git+{USER}/a.git", "b": f"{USER}/b.tgz?token=S3cretWord", "c": "bob:S3cretWord99@h/x", "d": f"npm:@x/y@{TOKEN}"}}),
    "reqs.txt": f"-f {USER}\n{USER}/a-1.0.tar.gz?token=S3cretWord\n-e git+{USER}/r.git@main#egg=e\n",
    "b1/pyproject.toml": f'[tool.uv]\ndev-dependencies = ["a @ git+{USER}/a.git"]\n[tool.pdm.dev-dependencies]\nz = ["-e {USER}#egg=own"]\n[tool.pixi.pypi-dependencies]\nq = {{git = "{USER}"}}\nr = {{version = "==1", index = "{USER}"}}\n',
    "b2/yarn.lock": '__metadata:\n  version: 8\n\n"own@npm:^1":\n  version: 1.0.0\n  resolution: "own@npm:1.0.0::__archiveUrl=https%3A%2F%2Fbob%3AS3cretWord99%40h.example%2Fown.tgz%3Ftoken%3DS3cretWord"\n',
    "b3/Dockerfile": f"RUN pip install git+{USER}/a.git@v1 {USER}/w-1.0-py3-none-any.whl -e git+{USER}/c#egg=c\n",
    "pnpm-lock.yaml": f"lockfileVersion: '9.0'\npackages:\n  'a@git+{USER}/a.git#{C}':\n    resolution: {{commit: {C}, repo: '{USER}/a.git', type: git}}\n    version: 1.0.0\n  'b@{USER}/b.tgz':\n    resolution: {{tarball: '{USER}/b.tgz'}}\n  '{USER}': {{}}\n",
    "yarn.lock": f'# yarn lockfile v1\n\n"a@git+{USER}/a.git":\n  version "1.0.0"\n  resolved "git+{USER}/a.git#{C}"\n\n"b@{USER}/b.tgz":\n  version "1"\n  resolved "{USER}/b.tgz?token=S3cretWord"\n\n"{USER}":\n  version "1"\n',
    "bun.lock": json.dumps({"workspaces": {}, "packages": {"a": [f"a@git+{USER}/a.git#{C}", {}, "x"], "b": ["b@1.0.0", f"{USER}/b.tgz", {}, ""]}}),
    "go.mod": f"module e.example/a\nrequire e.example/b v1.0.0\nreplace e.example/b => {USER} v1.0.0\n",
    "Cargo.lock": f'[[package]]\nname = "a"\nversion = "1"\nsource = "git+{USER}/a?rev=1#{C}"\n[[package]]\nname = "b"\nversion = "1"\nsource = "registry+{USER}/index"\n',
    "Gemfile.lock": f"GIT\n  remote: {USER}/r.git\n  revision: {C}\n  specs:\n    t (1)\nGEM\n  remote: {USER}/\n  specs:\n    b (2.0)\n",
    "composer.lock": json.dumps({"packages": [{"name": "a/b", "version": "1.0", "notification-url": f"{USER}/downloads/", "dist": {"type": "zip", "url": f"{USER}/a.zip"}}, {"name": "a/c", "version": "1", "dist": {"type": "path", "url": USER}}]}),
    "pom.xml": f"<project><artifactId>a</artifactId><dependencies><dependency><groupId>g</groupId><artifactId>b</artifactId><version>{USER}</version></dependency></dependencies></project>",
    "gradle.lockfile": f"{USER}\n",
    "mix.lock": f'%{{\n"a": {{:git, "{USER}/a.git", "{C}", []}},\n"b": junk {USER}\n}}\n',
    "Package.resolved": json.dumps({"pins": [{"identity": "a", "location": f"{USER}/a.git", "state": {"revision": C, "version": "1.0.0"}}, {"identity": "b", "location": f"{USER}/b.git", "state": {"revision": C}}], "version": 2}),
    "Podfile.lock": f"PODS:\n- A (1.0)\nEXTERNAL SOURCES:\n  A:\n    :git: {USER}/a.git\n",
    "pubspec.lock": f"packages:\n  a:\n    dependency: transitive\n    description: {{name: a, url: '{USER}'}}\n    source: hosted\n    version: 1.0.0\n",
    "Dockerfile": f"ARG T={TOKEN}\nFROM bob:{TOKEN}@h.example/x:1\nFROM {USER}\nRUN pip install git+{USER}/a.git -r {USER}\nCOPY --from={USER} /a /a\n",
    "compose.yaml": f"services:\n  a:\n    image: {USER}\n  b:\n    image: '${{R:-{TOKEN}}}/x'\n",
    ".github/workflows/ci.yml": f"jobs:\n  a:\n    steps:\n    - uses: {USER}/a@v1\n    - uses: docker://{USER}\n",
}  # fmt: skip


def inventory(folder: Path, name: str, text: str) -> Inventory:
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(text)
    return collect(open_tree(folder))


@pytest.mark.parametrize("name", FILES)
def test_no_secret_of_a_lock_file_is_told(name: str, tmp_path: Path) -> None:
    found = inventory(tmp_path, name, FILES[name])
    assert found.components or found.skipped
    told = repr(found) + emit(found, name="x", now=datetime(2026, 11, 29, tzinfo=UTC)).decode()
    assert "S3cret" not in told
    assert "ghp_S" not in told


def test_the_opening_of_a_line_holds_no_secret() -> None:
    assert opening(f"num@git+{USER}") == "num …"
    assert opening(TOKEN * 2) == "…"
    assert opening("@scope/name@1.0") == "@scope/name@1.0"
    assert opening("a\x1b[0m b") == "…"


def test_what_is_cleaned_together_is_cleaned_as_each_is_by_itself() -> None:
    texts = [
        *FILES.values(),
        USER,
        TOKEN,
        "",
        "num",
        f"a{TOKEN}",
        f"${{x@{USER}",
        "pkg:npm/a@1?vcs_url=x%3A%2F%2Fu%3Ap%40h",
    ]
    clean = redaction.cleaner(texts)
    assert [clean(text) for text in texts] == [redaction.redact(text) for text in texts]
    assert redaction.redact_values({text: [text] for text in texts}) == {
        redaction.redact(text): [redaction.redact(text)] for text in texts
    }
    assert redaction.cleaner(["honest"])("honest") == "honest"
