"""What lock files, commands, programs and databases name, one small input a kind: packages, scopes, indexes, what is not read.

In the texts SRI!, COMMIT! and SHA! stand for digests.
"""

# ruff: noqa: E501  (lock files are long)

from __future__ import annotations

import base64
import re
from pathlib import Path

import pytest

from secpipe.core.inventory import Component, ComponentKind
from secpipe.sbom.collect import collect
from secpipe.system.tree import open_tree

WORDS = {"SRI!": "sha512-" + base64.b64encode(b"x" * 64).decode(), "COMMIT!": "c" * 40, "SHA!": "a" * 64}
#: name: (files, what is told of libraries, images and indexes, what is not read)
ROWS: dict[str, tuple[dict[str, str], list[str], list[str]]] = {
    'cargo private registry': (
        {'Cargo.lock': '[[package]]\nname="internal"\nversion="1.0.0"\nsource="registry+https://crates.acme.example/index"\n'},
        ['pkg:cargo/internal@1.0.0?repository_url=https://crates.acme.example/index'],
        [],
    ),
    'cargo sparse private': (
        {'Cargo.lock': '[[package]]\nname="internal"\nversion="1.0.0"\nsource="sparse+https://crates.acme.example/index/"\n'},
        ['pkg:cargo/internal@1.0.0?repository_url=https://crates.acme.example/index/'],
        [],
    ),
    'cargo v1 root+checksum': (
        {'Cargo.lock': '[root]\nname="app"\nversion="0.1.0"\ndependencies=["libc 0.2.1 (registry+https://github.com/rust-lang/crates.io-index)"]\n[[package]]\nname="libc"\nversion="0.2.1"\nsource="registry+https://github.com/rust-lang/crates.io-index"\n[metadata]\n"checksum libc 0.2.1 (registry+https://github.com/rust-lang/crates.io-index)"="SHA!"\n'},
        ['pkg:cargo/libc@0.2.1'],
        [],
    ),
    'cargo dev deps': (
        {'Cargo.toml': '[package]\nname="app"\nversion="0.1.0"\n[dependencies]\nserde="1"\n[dev-dependencies]\ncriterion="0.5"\n', 'Cargo.lock': '[[package]]\nname="app"\nversion="0.1.0"\ndependencies=["serde","criterion"]\n[[package]]\nname="serde"\nversion="1.0.0"\nsource="registry+https://github.com/rust-lang/crates.io-index"\n[[package]]\nname="criterion"\nversion="0.5.0"\nsource="registry+https://github.com/rust-lang/crates.io-index"\n'},
        ['pkg:cargo/criterion@0.5.0 optional', 'pkg:cargo/serde@1.0.0'],
        [],
    ),
    'pnpm9 alias': (
        {'pnpm-lock.yaml': "lockfileVersion: '9.0'\nimporters:\n  .:\n    dependencies:\n      foo:\n        specifier: npm:lodash@^4\n        version: lodash@4.17.20\npackages:\n  lodash@4.17.20:\n    resolution: {integrity: SRI!}\nsnapshots:\n  lodash@4.17.20: {}\n"},
        ['pkg:npm/lodash@4.17.20'],
        [],
    ),
    'pnpm9 git dep not public': (
        {'pnpm-lock.yaml': "lockfileVersion: '9.0'\nimporters:\n  .:\n    dependencies:\n      b:\n        specifier: github:a/b\n        version: https://codeload.github.com/a/b/tar.gz/COMMIT!\npackages:\n  b@https://codeload.github.com/a/b/tar.gz/COMMIT!:\n    resolution: {tarball: https://codeload.github.com/a/b/tar.gz/COMMIT!}\n    version: 1.2.3\nsnapshots:\n  b@https://codeload.github.com/a/b/tar.gz/COMMIT!: {}\n"},
        ['pkg:github/a/b@COMMIT!'],
        [],
    ),
    'pnpm9 dev + optional': (
        {'pnpm-lock.yaml': "lockfileVersion: '9.0'\nimporters:\n  .:\n    dependencies:\n      a: {specifier: ^1, version: 1.0.0}\n    devDependencies:\n      d: {specifier: ^1, version: 1.0.0}\n    optionalDependencies:\n      o: {specifier: ^1, version: 1.0.0}\npackages:\n  a@1.0.0: {resolution: {integrity: SRI!}}\n  d@1.0.0: {resolution: {integrity: SRI!}}\n  o@1.0.0: {resolution: {integrity: SRI!}}\n  t@1.0.0: {resolution: {integrity: SRI!}}\nsnapshots:\n  a@1.0.0: {}\n  d@1.0.0:\n    dependencies: {t: 1.0.0}\n  t@1.0.0: {}\n  o@1.0.0: {optional: true}\n"},
        ['pkg:npm/a@1.0.0', 'pkg:npm/d@1.0.0 optional', 'pkg:npm/o@1.0.0 optional', 'pkg:npm/t@1.0.0 optional'],
        [],
    ),
    'pnpm private registry tarball': (
        {'pnpm-lock.yaml': "lockfileVersion: '9.0'\npackages:\n  '@acme/x@1.0.0':\n    resolution: {integrity: SRI!, tarball: 'https://npm.acme.example/@acme/x/-/x-1.0.0.tgz'}\n"},
        ['pkg:npm/%40acme/x@1.0.0?repository_url=https://npm.acme.example'],
        [],
    ),
    'yarn berry alias': (
        {'yarn.lock': '__metadata:\n  version: 8\n\n"foo@npm:lodash@^4.17.0":\n  version: 4.17.20\n  resolution: "lodash@npm:4.17.20"\n  languageName: node\n  linkType: hard\n'},
        ['pkg:npm/lodash@4.17.20'],
        [],
    ),
    'yarn classic alias no version': (
        {'yarn.lock': '# yarn lockfile v1\n\n"foo@npm:ms":\n  version "2.1.3"\n  resolved "https://registry.yarnpkg.com/ms/-/ms-2.1.3.tgz#574c"\n'},
        ['pkg:npm/ms@2.1.3'],
        [],
    ),
    'yarn classic lying version': (
        {'yarn.lock': '# yarn lockfile v1\n\nlodash@^4:\n  version "4.17.21"\n  resolved "https://registry.yarnpkg.com/lodash/-/lodash-4.17.4.tgz#574c"\n'},
        ['pkg:npm/lodash@4.17.4'],
        ['yarn.lock: line 3: an entry calls itself lodash@4.17.21 and takes the artifact of lodash@4.17.4'],
    ),
    'npm3 lying version': (
        {'package-lock.json': '{"lockfileVersion": 3, "packages": {"": {"name": "a"}, "node_modules/lodash": {"version": "4.17.21", "resolved": "https://registry.npmjs.org/lodash/-/lodash-4.17.4.tgz", "integrity": "SRI!"}}}'},
        ['pkg:npm/lodash@4.17.4'],
        ['package-lock.json: an entry calls itself lodash@4.17.21 and takes the artifact of lodash@4.17.4'],
    ),
    'npm3 lying name': (
        {'package-lock.json': '{"lockfileVersion": 3, "packages": {"": {"name": "a"}, "node_modules/goodpkg": {"version": "4.17.4", "resolved": "https://registry.npmjs.org/lodash/-/lodash-4.17.4.tgz", "integrity": "SRI!"}}}'},
        ['pkg:npm/lodash@4.17.4'],
        ['package-lock.json: an entry calls itself goodpkg@4.17.4 and takes the artifact of lodash@4.17.4'],
    ),
    'uv lying wheel': (
        {'uv.lock': 'version = 1\n[[package]]\nname="requests"\nversion="2.32.0"\nsource={registry="https://pypi.org/simple"}\nwheels=[{url="https://files.pythonhosted.org/packages/aa/requests-2.19.0-py2.py3-none-any.whl",hash="sha256:SHA!"}]\n'},
        ['pkg:pypi/requests@2.19.0'],
        ['uv.lock: line 2: an entry calls itself requests@2.32.0 and takes the artifact of requests@2.19.0'],
    ),
    'pylock lying wheel': (
        {'pylock.toml': 'lock-version="1.0"\n[[packages]]\nname="requests"\nversion="2.32.0"\n[[packages.wheels]]\nname="requests-2.19.0-py2.py3-none-any.whl"\nurl="https://files.pythonhosted.org/packages/aa/requests-2.19.0-py2.py3-none-any.whl"\nhashes={sha256="SHA!"}\n'},
        ['pkg:pypi/requests@2.19.0'],
        ['pylock.toml: line 2: an entry calls itself requests@2.32.0 and takes the artifact of requests@2.19.0'],
    ),
    'conda-lock lying url': (
        {'conda-lock.yml': 'version: 1\npackage:\n- name: openssl\n  version: 3.5.0\n  manager: conda\n  platform: linux-64\n  url: https://conda.anaconda.org/conda-forge/linux-64/openssl-1.1.1a-h0_0.conda\n  hash: {sha256: SHA!}\n'},
        ['pkg:conda/openssl@1.1.1a?build=h0_0&channel=conda-forge&subdir=linux-64'],
        ['conda-lock.yml: an entry calls itself openssl@3.5.0 and takes the artifact of openssl@1.1.1a'],
    ),
    'bun lying tarball': (
        {'bun.lock': '{"lockfileVersion": 1, "workspaces": {"": {"name": "a"}}, "packages": {"lodash": ["lodash@4.17.21", "https://registry.npmjs.org/lodash/-/lodash-4.17.4.tgz", {}, "SRI!"]}}'},
        ['pkg:npm/lodash@4.17.4'],
        ['bun.lock: an entry calls itself lodash@4.17.21 and takes the artifact of lodash@4.17.4'],
    ),
    'npm3 alias': (
        {'package-lock.json': '{"lockfileVersion": 3, "packages": {"": {"name": "a"}, "node_modules/foo": {"name": "lodash", "version": "4.17.20", "resolved": "https://registry.npmjs.org/lodash/-/lodash-4.17.20.tgz", "integrity": "SRI!"}}}'},
        ['pkg:npm/lodash@4.17.20'],
        [],
    ),
    'npm3 git ssh': (
        {'package-lock.json': '{"lockfileVersion": 3, "packages": {"": {"name": "a"}, "node_modules/repo": {"version": "1.0.0", "resolved": "git+ssh://git@github.com/org/repo.git#COMMIT!"}}}'},
        ['pkg:github/org/repo@COMMIT!'],
        [],
    ),
    'npm1 github version': (
        {'package-lock.json': '{"lockfileVersion": 1, "dependencies": {"repo": {"version": "github:org/repo#COMMIT!", "from": "github:org/repo"}}}'},
        ['pkg:github/org/repo@COMMIT!'],
        [],
    ),
    'npm1 bundled, dev, optional': (
        {'package-lock.json': '{"lockfileVersion": 1, "dependencies": {"a": {"version": "1.0.0", "dev": true}, "b": {"version": "1.0.0", "optional": true}, "c": {"version": "1.0.0", "dependencies": {"d": {"version": "2.0.0", "bundled": true}}}}}'},
        ['pkg:npm/a@1.0.0 optional', 'pkg:npm/b@1.0.0 optional', 'pkg:npm/c@1.0.0', 'pkg:npm/d@2.0.0'],
        [],
    ),
    'npm3 http tarball host is no registry': (
        {'package-lock.json': '{"lockfileVersion": 3, "packages": {"": {"name": "a"}, "node_modules/x": {"version": "1.0.0", "resolved": "https://evil.example/x.tgz", "integrity": "SRI!"}}}'},
        ['pkg:npm/x@1.0.0?repository_url=https://evil.example'],
        [],
    ),
    'yarn berry patch': (
        {'yarn.lock': '__metadata:\n  version: 8\n\n"left-pad@patch:left-pad@npm%3A1.3.0#~/.yarn/patches/x.patch":\n  version: 1.3.0\n  resolution: "left-pad@patch:left-pad@npm%3A1.3.0#~/.yarn/patches/x.patch::version=1.3.0&hash=abc"\n  linkType: hard\n'},
        ['pkg:npm/left-pad@1.3.0'],
        [],
    ),
    'yarn berry git': (
        {'yarn.lock': '__metadata:\n  version: 8\n\n"b@https://github.com/a/b.git#main":\n  version: 1.0.0\n  resolution: "b@https://github.com/a/b.git#commit=COMMIT!"\n  linkType: hard\n'},
        ['pkg:github/a/b@COMMIT!'],
        [],
    ),
    'bun git': (
        {'bun.lock': '{"lockfileVersion": 1, "workspaces": {"": {"name": "x"}}, "packages": {"b": ["b@github:a/b#COMMIT!", {}, "a-b-ccccccc"]}}'},
        ['pkg:github/a/b@COMMIT!'],
        [],
    ),
    'composer vcs fork': (
        {'composer.lock': '{"packages": [{"name": "monolog/monolog", "version": "1.0.2", "source": {"type": "git", "url": "https://github.com/acme/monolog.git", "reference": "COMMIT!"}, "dist": {"type": "zip", "url": "https://api.github.com/repos/acme/monolog/zipball/COMMIT!", "reference": "COMMIT!"}}]}'},
        ['pkg:composer/monolog/monolog@1.0.2?repository_url=https://github.com/acme/monolog.git'],
        [],
    ),
    'composer private': (
        {'composer.lock': '{"packages": [{"name": "acme/x", "version": "v1.0.2", "notification-url": "https://repo.acme.example/downloads/", "dist": {"type": "zip", "url": "https://repo.acme.example/x.zip"}}]}'},
        ['pkg:composer/acme/x@v1.0.2?repository_url=https://repo.acme.example/downloads/'],
        [],
    ),
    'composer dev': (
        {'composer.lock': '{"packages": [], "packages-dev": [{"name": "phpunit/phpunit", "version": "9.0.0", "notification-url": "https://packagist.org/downloads/"}]}'},
        ['pkg:composer/phpunit/phpunit@9.0.0 optional'],
        [],
    ),
    'poetry legacy index': (
        {'poetry.lock': '[[package]]\nname="x"\nversion="1.0"\ndescription=""\nfiles=[]\n[package.source]\ntype="legacy"\nurl="https://pypi.acme.example/simple"\nreference="acme"\n'},
        ['pkg:pypi/x@1.0?repository_url=https://pypi.acme.example/simple'],
        [],
    ),
    'uv two packages one repo': (
        {'uv.lock': 'version = 1\n[[package]]\nname="one"\nversion="1.0"\nsource={git="https://github.com/o/mono?subdirectory=one#COMMIT!"}\n[[package]]\nname="two"\nversion="1.0"\nsource={git="https://github.com/o/mono?subdirectory=two#COMMIT!"}\n'},
        ['pkg:github/o/mono@COMMIT!#one', 'pkg:github/o/mono@COMMIT!#two'],
        [],
    ),
    'pipfile git': (
        {'Pipfile.lock': '{"_meta": {"sources": []}, "default": {"x": {"git": "https://github.com/o/x.git", "ref": "COMMIT!"}}, "develop": {"y": {"version": "==1.0"}}}'},
        ['pkg:github/o/x@COMMIT!', 'pkg:pypi/y@1.0 optional'],
        [],
    ),
    'pdm local': (
        {'pdm.lock': '[[package]]\nname="x"\nversion="1.0"\npath="./x"\ngroups=["default"]\n'},
        ['x@1.0'],
        [],
    ),
    'gemfile private': (
        {'Gemfile.lock': 'GEM\n  remote: https://gems.acme.example/\n  specs:\n    rails (5.0.0)\n'},
        ['pkg:gem/rails@5.0.0?repository_url=https://gems.acme.example/'],
        [],
    ),
    'gemfile groups': (
        {'Gemfile': 'source "https://rubygems.org"\ngem "rails"\ngroup :development, :test do\n  gem "rspec"\nend\ngem "pry", group: :development\n', 'Gemfile.lock': 'GEM\n  remote: https://rubygems.org/\n  specs:\n    rails (5.0.0)\n    rspec (3.0.0)\n      rspec-core (~> 3)\n    rspec-core (3.0.0)\n    pry (1.0)\n\nDEPENDENCIES\n  rails\n  rspec\n  pry\n'},
        ['pkg:gem/pry@1.0 optional', 'pkg:gem/rails@5.0.0', 'pkg:gem/rspec-core@3.0.0 optional', 'pkg:gem/rspec@3.0.0 optional'],
        [],
    ),
    'go.mod tabs and comments after (': (
        {'go.mod': 'module x.example/a\n\ngo 1.22\n\nrequire ( // direct\n\tgithub.com/a/b v1.0.0\n)\nrequire\tgithub.com/c/d v1.1.0\nrequire(\n\tgithub.com/e/f v1.2.0 // indirect\n)\n'},
        ['pkg:golang/github.com/a/b@v1.0.0', 'pkg:golang/github.com/c/d@v1.1.0', 'pkg:golang/github.com/e/f@v1.2.0'],
        [],
    ),
    'go.mod quoted': (
        {'go.mod': 'module "x.example/a"\nrequire "github.com/a/b" v1.0.0\nrequire `github.com/c/d` v1.0.0\nreplace "github.com/a/b" => "github.com/z/b" v2.0.0+incompatible\n'},
        ['pkg:golang/github.com/c/d@v1.0.0', 'pkg:golang/github.com/z/b@v2.0.0%2Bincompatible'],
        [],
    ),
    'go.mod replace block local': (
        {'go.mod': 'module x.example/a\nrequire (\n\tgithub.com/a/b v1.0.0\n)\nreplace (\n\tgithub.com/a/b v1.0.0 => ./fork\n)\n'},
        ['github.com/a/b@'],
        [],
    ),
    'pubspec git + dev transitive': (
        {'pubspec.lock': 'packages:\n  a:\n    dependency: "direct main"\n    description: {name: a, url: "https://pub.dev"}\n    source: hosted\n    version: "1.0.0"\n  g:\n    dependency: "direct main"\n    description: {path: ".", ref: main, resolved-ref: COMMIT!, url: "https://github.com/o/g.git"}\n    source: git\n    version: "0.1.0"\n'},
        ['pkg:github/o/g@COMMIT!', 'pkg:pub/a@1.0.0'],
        [],
    ),
    'swift branch': (
        {'Package.resolved': '{"version": 2, "pins": [{"identity": "x", "kind": "remoteSourceControl", "location": "https://github.com/o/x.git", "state": {"branch": "main", "revision": "COMMIT!"}}]}'},
        ['pkg:github/o/x@COMMIT!'],
        [],
    ),
    'mix first line': (
        {'mix.lock': '%{"a": {:hex, :a, "1.0.0", "SHA!", [:mix], [], "hexpm"},\n  "b": {:hex, :b, "1.0.0", "SHA!", [:mix], [], "hexpm"}}\n'},
        ['pkg:hex/a@1.0.0', 'pkg:hex/b@1.0.0'],
        [],
    ),
    'mix dev only': (
        {'mix.exs': 'defmodule A do\n  defp deps do\n    [\n      {:a, "~> 1.0"},\n      {:b, "~> 1.0", only: [:dev, :test], runtime: false}\n    ]\n  end\nend\n', 'mix.lock': '%{\n  "a": {:hex, :a, "1.0.0", "SHA!", [:mix], [], "hexpm"},\n  "b": {:hex, :b, "1.0.0", "SHA!", [:mix], [], "hexpm"},\n}\n'},
        ['pkg:hex/a@1.0.0', 'pkg:hex/b@1.0.0 optional'],
        [],
    ),
    'pylock groups': (
        {'pylock.toml': 'lock-version="1.0"\nextras=["cli"]\ndependency-groups=["dev"]\ndefault-groups=[]\n[[packages]]\nname="a"\nversion="1.0"\n[[packages]]\nname="d"\nversion="1.0"\nmarker="\'dev\' in dependency_groups"\n[[packages]]\nname="e"\nversion="1.0"\nmarker="\'cli\' in extras"\n'},
        ['pkg:pypi/a@1.0', 'pkg:pypi/d@1.0 optional', 'pkg:pypi/e@1.0 optional'],
        [],
    ),
    'conda-lock multi categories': (
        {'conda-lock.yml': 'version: 1\npackage:\n- {name: numpy, version: 1.0, manager: conda, platform: linux-64, category: main, optional: false, url: "https://conda.anaconda.org/conda-forge/linux-64/numpy-1.0-0.conda", hash: {sha256: SHA!}}\n- {name: pytest, version: "8.0", manager: pip, platform: linux-64, category: dev, optional: true, url: "https://files.pythonhosted.org/packages/pytest-8.0-py3-none-any.whl", hash: {sha256: SHA!}}\n'},
        ['pkg:conda/numpy@1.0?build=0&channel=conda-forge&subdir=linux-64', 'pkg:pypi/pytest@8.0 optional'],
        [],
    ),
    'pixi 7 source': (
        {'pixi.lock': 'version: 7\nenvironments:\n  default:\n    channels: []\n    packages:\n      linux-64:\n      - conda: https://prefix.dev/conda-forge/linux-64/bzip2-1.0.8-h4_7.conda\n      - conda_source: cpp_math[3a644c82] @ .\npackages:\n- conda: https://prefix.dev/conda-forge/linux-64/bzip2-1.0.8-h4_7.conda\n  sha256: SHA!\n- conda_source: cpp_math[3a644c82] @ .\n  depends: [libcxx]\n- pypi: ./local\n  name: loc\n  version: 1.0\n'},
        ['cpp_math@', 'loc@1.0', 'pkg:conda/bzip2@1.0.8?build=h4_7&channel=conda-forge&subdir=linux-64'],
        [],
    ),
    'requirements vcs': (
        {'requirements.txt': 'x @ git+https://github.com/o/x@COMMIT!\n-e git+https://github.com/o/y.git@COMMIT!#egg=y\n'},
        ['pkg:github/o/x@COMMIT!', 'pkg:github/o/y@COMMIT!'],
        [],
    ),
    'requirements local version': (
        {'requirements.txt': '--extra-index-url https://download.pytorch.org/whl/cu118\ntorch==2.0.0+cu118\n'},
        ['pkg:pypi/torch@2.0.0%2Bcu118', 'index https://download.pytorch.org/whl/cu118'],
        [],
    ),
    'podfile local': (
        {'Podfile.lock': 'PODS:\n  - A (1.0)\n  - B/Core (2.0)\nDEPENDENCIES:\n  - A (from `../A`)\nEXTERNAL SOURCES:\n  A:\n    :path: "../A"\n'},
        ['A@1.0', 'pkg:cocoapods/B@2.0'],
        [],
    ),
    'podfile private repo': (
        {'Podfile.lock': 'PODS:\n  - Secret (1.0)\n  - Pub (1.0)\nSPEC REPOS:\n  "https://git.acme.example/specs.git":\n    - Secret\n  trunk:\n    - Pub\n'},
        ['pkg:cocoapods/Pub@1.0', 'pkg:cocoapods/Secret@1.0?repository_url=https://git.acme.example/specs.git'],
        [],
    ),
    'gradle spaces': (
        {'gradle.lockfile': 'a.b:c:1.0=compileClasspath, runtimeClasspath\nempty=\n'},
        ['pkg:maven/a.b/c@1.0'],
        [],
    ),
    'poetry groups': (
        {'poetry.lock': '[[package]]\nname="a"\nversion="1.0"\noptional=false\ngroups=["main","dev"]\nfiles=[]\n[[package]]\nname="d"\nversion="1.0"\noptional=false\ngroups=["dev"]\nfiles=[]\n'},
        ['pkg:pypi/a@1.0', 'pkg:pypi/d@1.0 optional'],
        [],
    ),
    'yarn berry dev workspaces': (
        {'package.json': '{"name": "r", "workspaces": ["p"], "devDependencies": {"d": "^1"}}', 'p/package.json': '{"name": "p", "dependencies": {"a": "^1"}}', 'yarn.lock': '__metadata:\n  version: 8\n\n"a@npm:^1":\n  version: 1.0.0\n  resolution: "a@npm:1.0.0"\n  linkType: hard\n\n"d@npm:^1":\n  version: 1.0.0\n  resolution: "d@npm:1.0.0"\n  linkType: hard\n\n"p@workspace:p":\n  version: 0.0.0-use.local\n  resolution: "p@workspace:p"\n  dependencies:\n    a: ^1\n  linkType: soft\n\n"r@workspace:.":\n  version: 0.0.0-use.local\n  resolution: "r@workspace:."\n  dependencies:\n    d: ^1\n  linkType: soft\n'},
        ['pkg:npm/a@1.0.0', 'pkg:npm/d@1.0.0 optional'],
        [],
    ),
    'maven test scope': (
        {'pom.xml': '<project><artifactId>a</artifactId><dependencies><dependency><groupId>g</groupId><artifactId>b</artifactId><version>1</version><scope>test</scope></dependency></dependencies></project>'},
        ['pkg:maven/g/b@1 optional'],
        [],
    ),
    'copy from external': (
        {'Dockerfile': 'FROM python:3.12 AS build\nCOPY --link --from=ghcr.io/astral-sh/uv:0.4.1 /uv /bin/uv\nFROM scratch\nCOPY --chown=1:1 --from=build /x /x\nCOPY --from=0 /y /y\n'},
        ['ghcr.io/astral-sh/uv@0.4.1', 'python@3.12'],
        [],
    ),
    'copy from variable': (
        {'Dockerfile': 'ARG UV=ghcr.io/astral-sh/uv:0.4.1\nFROM python:3.12\nCOPY --from=${UV} /uv /bin/uv\n'},
        ['ghcr.io/astral-sh/uv@0.4.1', 'python@3.12'],
        [],
    ),
    'run mount from': (
        {'Dockerfile': 'FROM python:3.12\nRUN --mount=type=bind,from=ghcr.io/astral-sh/uv:0.4.1,source=/uv,target=/uv pip install six==1.0\n'},
        ['ghcr.io/astral-sh/uv@0.4.1', 'pkg:pypi/six@1.0', 'python@3.12'],
        [],
    ),
    'heredoc run': (
        {'Dockerfile': 'FROM python:3.12\nRUN <<EOF\npip install six==1.0\npip install idna==2.0\nEOF\n'},
        ['pkg:pypi/idna@2.0', 'pkg:pypi/six@1.0', 'python@3.12'],
        [],
    ),
    'escape directive': (
        {'Dockerfile': '# escape=`\nFROM python:3.12\nRUN pip install `\n  six==1.0 `\n  idna==2.0\n'},
        ['pkg:pypi/idna@2.0', 'pkg:pypi/six@1.0', 'python@3.12'],
        [],
    ),
    'npm i in docker': (
        {'Dockerfile': 'FROM node:20\nRUN npm install -g lodash@4.17.4 @acme/x@1.0.0\nRUN npm ci && yarn global add left-pad@1.3.0\n'},
        ['node@20', 'pkg:npm/%40acme/x@1.0.0', 'pkg:npm/left-pad@1.3.0', 'pkg:npm/lodash@4.17.4'],
        [],
    ),
    'gem cargo go install in docker': (
        {'Dockerfile': 'FROM ruby:3\nRUN gem install rails -v 5.0.0 && cargo install ripgrep --version 13.0.0\nRUN go install golang.org/x/tools/gopls@v0.10.0\n'},
        ['pkg:cargo/ripgrep@13.0.0', 'pkg:gem/rails@5.0.0', 'pkg:golang/golang.org/x/tools/gopls@v0.10.0', 'ruby@3'],
        [],
    ),
    'pipx uv tool': (
        {'Dockerfile': 'FROM python:3.12\nRUN pipx install black==22.1.0\nRUN uv tool install ruff==0.1.0\n'},
        ['pkg:pypi/black@22.1.0', 'pkg:pypi/ruff@0.1.0', 'python@3.12'],
        [],
    ),
    'pip comments in run': (
        {'Dockerfile': 'FROM python:3.12\nRUN pip install \\\n    # a comment\n    six==1.0 \\\n\n    idna==2.0\n'},
        ['pkg:pypi/idna@2.0', 'pkg:pypi/six@1.0', 'python@3.12'],
        [],
    ),
    'pip with options before install': (
        {'Dockerfile': 'FROM python:3.12\nRUN pip --no-cache-dir install six==1.0\nRUN python3 -m pip --quiet install idna==2.0\n'},
        ['pkg:pypi/idna@2.0', 'pkg:pypi/six@1.0', 'python@3.12'],
        [],
    ),
    'conda install': (
        {'Dockerfile': 'FROM mambaorg/micromamba\nRUN micromamba install -y -c conda-forge numpy=1.26.4 pip\n'},
        ['mambaorg/micromamba@', 'pkg:conda/numpy', 'pkg:conda/pip'],
        [],
    ),
    'sys.executable pip': (
        {'a.ipynb': '{"cells": [{"cell_type": "code", "source": "import sys\\n!{sys.executable} -m pip install six==1.0\\n"}], "nbformat": 4, "metadata": {}}'},
        ['pkg:pypi/six@1.0'],
        [],
    ),
    'bash cell': (
        {'a.ipynb': '{"cells": [{"cell_type": "code", "source": "%%bash\\npip install six==1.0\\n"}], "nbformat": 4, "metadata": {}}'},
        ['pkg:pypi/six@1.0'],
        [],
    ),
    'pip magic upgrade': (
        {'a.ipynb': '{"cells": [{"cell_type": "code", "source": "%pip install -qU \\"six==1.0\\" idna>=2\\n"}], "nbformat": 4, "metadata": {}}'},
        ['pkg:pypi/idna', 'pkg:pypi/six@1.0'],
        [],
    ),
    'conda magic': (
        {'a.ipynb': '{"cells": [{"cell_type": "code", "source": "%conda install -y numpy=1.26.4\\n"}], "nbformat": 4, "metadata": {}}'},
        ['pkg:conda/numpy'],
        [],
    ),
    'pep723 crlf': (
        {'t.py': '#!/usr/bin/env -S uv run\r\n# /// script\r\n# dependencies = ["six==1.0"]\r\n# ///\r\nprint(1)\r\n'},
        ['pkg:pypi/six@1.0'],
        [],
    ),
    'pep723 no suffix': (
        {'tool': '#!/usr/bin/env -S uv run --script\n# /// script\n# dependencies = ["six==1.0"]\n# ///\nprint(1)\n'},
        ['pkg:pypi/six@1.0'],
        [],
    ),
    'workflow uses': (
        {'.github/workflows/a.yml': 'on: push\njobs:\n  a:\n    uses: org/repo/.github/workflows/b.yml@COMMIT!\n  b:\n    runs-on: x\n    container: ghcr.io/o/img:1\n    services:\n      db:\n        image: postgres:16\n    steps:\n    - uses: "actions/checkout@v4" # c\n    - {uses: a/b@v1}\n'},
        ['ghcr.io/o/img@1', 'pkg:github/a/b@v1 excluded', 'pkg:github/actions/checkout@v4 excluded', 'pkg:github/org/repo@COMMIT!#.github/workflows/b.yml excluded', 'postgres@16'],
        [],
    ),
    'pnpm store': (
        {'node_modules/.pnpm/x@1.0.0/node_modules/x/package.json': '{"name": "x", "version": "1.0.0"}'},
        ['pkg:npm/x@1.0.0'],
        [],
    ),
    'nested node_modules': (
        {'node_modules/@a/b/node_modules/c/package.json': '{"name": "c", "version": "2.0.0"}', 'node_modules/@a/b/package.json': '{"name": "@a/b", "version": "1.0.0"}', 'node_modules/@a/b/lib/package.json': '{"type": "module"}'},
        ['pkg:npm/%40a/b@1.0.0', 'pkg:npm/c@2.0.0'],
        [],
    ),
    'egg-info installed': (
        {'lib/python3.11/site-packages/six-1.0.egg-info/PKG-INFO': 'Metadata-Version: 1.0\nName: six\nVersion: 1.0\n', 'lib/python3.11/site-packages/old-2.0-py3.11.egg-info': 'Metadata-Version: 1.0\nName: old\nVersion: 2.0\n'},
        ['pkg:pypi/old@2.0', 'pkg:pypi/six@1.0'],
        [],
    ),
    'dpkg removed': (
        {'etc/os-release': 'ID=debian\nVERSION_ID="12"\n', 'var/lib/dpkg/status': 'Package: a\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1.0\n\nPackage: gone\nStatus: deinstall ok config-files\nArchitecture: amd64\nVersion: 1.0\n'},
        ['pkg:deb/debian/a@1.0?arch=amd64&distro=debian-12'],
        [],
    ),
    'apk db': (
        {'etc/os-release': 'ID=alpine\nVERSION_ID=3.19.1\n', 'lib/apk/db/installed': 'P:musl\nV:1.2.4-r2\nA:x86_64\nL:MIT\no:musl\n\n'},
        ['pkg:apk/alpine/musl@1.2.4-r2?arch=x86_64&distro=alpine-3.19.1'],
        [],
    ),
    'apk usr-merged': (
        {'etc/os-release': 'ID=alpine\nVERSION_ID=3.23.0\n', 'usr/lib/apk/db/installed': 'P:musl\nV:1.2.4-r2\nA:x86_64\n\n'},
        ['pkg:apk/alpine/musl@1.2.4-r2?arch=x86_64&distro=alpine-3.23.0'],
        [],
    ),
    'opkg status': (
        {'usr/lib/opkg/status': 'Package: busybox\nVersion: 1.36\nStatus: install user installed\nArchitecture: x\n'},
        ['pkg:opkg/linux/busybox@1.36?arch=x&distro=linux'],
        [],
    ),
    'docker index joined': (
        {'Dockerfile': 'FROM python:3.12\nRUN pip install \\\n  --extra-index-url \\\n  https://pypi.acme.example/simple \\\n  six==1.0\n'},
        ['pkg:pypi/six@1.0', 'python@3.12', 'index https://pypi.acme.example/simple'],
        [],
    ),
    'requirements index joined': (
        {'requirements.txt': '--extra-index-url \\\n    https://pypi.acme.example/simple\nsix==1.0\n'},
        ['pkg:pypi/six@1.0', 'index https://pypi.acme.example/simple'],
        [],
    ),
    'shell index joined': (
        {'install.sh': 'pip install --index-url \\\n  https://pypi.acme.example/simple six\n'},
        ['index https://pypi.acme.example/simple'],
        [],
    ),
    'powershell/bat index joined': (
        {'install.ps1': 'pip install --index-url `\n  https://pypi.acme.example/simple six\n', 'b.bat': 'pip install --index-url ^\n  https://pypi2.acme.example/simple six\n'},
        ['index https://pypi.acme.example/simple', 'index https://pypi2.acme.example/simple'],
        [],
    ),
    'folded yaml index': (
        {'.gitlab-ci.yml': 'a:\n  script:\n  - >-\n    pip install --index-url\n    https://pypi.acme.example/simple six\n'},
        ['index https://pypi.acme.example/simple'],
        [],
    ),
    'nuget.config': (
        {'NuGet.Config': '<configuration><packageSources><add key="a" value="https://nuget.acme.example/v3/index.json"/></packageSources></configuration>'},
        ['index https://nuget.acme.example/v3/index.json'],
        [],
    ),
    'cargo config registry': (
        {'.cargo/config.toml': '[source.crates-io]\nreplace-with="m"\n[source.m]\nregistry="sparse+https://crates.acme.example/index/"\n'},
        ['index https://crates.acme.example/index/'],
        [],
    ),
    'gemfile source': (
        {'Gemfile': 'source "https://gems.acme.example"\ngem "rails"\n', 'Gemfile.lock': 'GEM\n  remote: https://rubygems.org/\n  remote: https://gems.acme.example/\n  specs:\n    rails (5.0.0)\n'},
        ['pkg:gem/rails@5.0.0?repository_url=https://gems.acme.example/'],
        [],
    ),
}  # fmt: skip


def filled(text: str) -> str:
    for word, digest in WORDS.items():
        text = text.replace(word, digest)
    return text


def told(item: Component) -> str:
    scope = item.facts["scope"].value if "scope" in item.facts else ""
    return f"{item.purl or f'{item.name}@{item.version}'} {scope}".strip()


@pytest.mark.parametrize("name", ROWS)
def test_what_is_named_is_told(name: str, tmp_path: Path) -> None:
    files, wanted, unread = ROWS[name]
    for path, text in files.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(filled(text).encode())
    found = collect(open_tree(tmp_path))
    seen = sorted(told(item) for item in found.of_kind(ComponentKind.LIBRARY, ComponentKind.CONTAINER))
    seen += sorted("index " + item.facts["index"].value for item in found.components if "index" in item.facts)
    assert seen == [filled(text) for text in wanted]
    assert [f"{skip.path}: {skip.reason}" for skip in found.skipped] == unread


#: How a secret stands in an address: with a name, alone, behind `?`, as a token of a forge, in the path of an index.
PLANTED = {
    "password": (r"((?:https?|ssh|git)://)(?:git@)?", r"\1bob:S3cretWord99@"),
    "user": (r"(https?://)", r"\1S3cretToken@"),
    "query": (r"(https?://[^\s\"'#,}>)\]]+)", r"\1?token=S3cretWord99"),
    "token": (r"(https?://)", r"\1x-access-token:ghp_" + "S3cretWord" * 4 + "@"),
    "path": (r"https?://[^/\s\"'#,}>)\]]+", "https://dl.cloudsmith.io/S3cretWord99abcd/a/b"),
}


@pytest.mark.parametrize("way", PLANTED)
def test_no_secret_of_an_address_is_told(way: str, tmp_path: Path) -> None:
    for number, (files, _, _) in enumerate(ROWS.values()):
        for path, text in files.items():
            place = tmp_path / f"{number}" / path
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(re.sub(*PLANTED[way], filled(text)))
    told = repr(collect(open_tree(tmp_path)))
    assert len(told) > 50_000
    assert "S3cret" not in told
