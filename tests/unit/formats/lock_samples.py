"""One sound file a lock format of the newer readers, and what each names: (ecosystem, name, version, line, optional)."""
# ruff: noqa: E501  (lock files are long)

from __future__ import annotations

import base64
import json

H = "a" * 64
C = "b" * 40
SRI = "sha512-" + base64.b64encode(b"x" * 64).decode()

Named = tuple[str, str, str, int, bool]

POM = """<?xml version="1.0"?>
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <parent><groupId>org.acme</groupId><artifactId>up</artifactId><version>7</version></parent>
  <artifactId>app</artifactId>
  <properties><log.version>2.14.1</log.version><both>${log.version}</both></properties>
  <dependencyManagement><dependencies>
    <dependency><groupId>com.h2</groupId><artifactId>h2</artifactId><version>[1.4.200]</version></dependency>
  </dependencies></dependencyManagement>
  <dependencies>
    <dependency><groupId>org.log</groupId><artifactId>core</artifactId><version>${both}</version></dependency>
    <dependency><groupId>com.h2</groupId><artifactId>h2</artifactId></dependency>
    <dependency><groupId>junit</groupId><artifactId>junit</artifactId><version>4.12</version><scope>test</scope></dependency>
    <!-- <dependency><groupId>no</groupId><artifactId>no</artifactId><version>1</version></dependency> -->
    <dependency><groupId>org.range</groupId><artifactId>r</artifactId><version>[1,2)</version></dependency>
    <dependency><groupId>${project.groupId}</groupId><artifactId>own</artifactId><version>${project.version}</version></dependency>
  </dependencies>
</project>
"""
GRADLE = "# a comment\norg.log:core:2.14.1=compileClasspath,runtimeClasspath\njunit:junit:4.12=testCompileClasspath,testRuntimeClasspath\nempty=annotationProcessor\n"
NUGET = json.dumps({"version": 1, "dependencies": {"net8.0": {
    "Newtonsoft.Json": {"type": "Direct", "requested": "[12.0.1, )", "resolved": "12.0.1", "contentHash": SRI[7:], "dependencies": {"system.text": "1"}},
    "System.Text": {"type": "Transitive", "resolved": "1.0.0"},
    "acme.lib": {"type": "Project"},
}}}, indent=2)  # fmt: skip
CONFIG = '<packages>\n  <package id="jQuery" version="1.8.0" />\n  <package id="xunit" version="2.0" developmentDependency="true"/>\n</packages>\n'
BUN = """{
  "lockfileVersion": 1, // text
  "workspaces": {
    "": {"name": "app", "dependencies": {"chalk": "^4", "own": "workspace:*", "lo": "npm:lodash@4.17.20"}, "devDependencies": {"jest": "1",},},
    "packages/own": {"name": "own", "dependencies": {"fork": "github:a/b"}},
  },
  "packages": {
    "chalk": ["chalk@4.1.2", "", {"dependencies": {"ansi": "^4"}}, "SRI"],
    "chalk/ansi": ["ansi@4.3.0", "", {}, "SRI"],
    "ansi": ["ansi@5.0.0", "", {}, "SRI"],
    "jest": ["jest@1.0.0", "", {"dependencies": {"ansi": "^5"}}, "SRI"],
    "lo": ["lodash@4.17.20", "", {}, "SRI"],
    "own": ["own@workspace:packages/own", {}],
    "fork": ["fork@github:a/b#COMMIT", {}, "a-b-bbb"],
  },
}
""".replace("SRI", SRI).replace("COMMIT", C)
CONDA = f"""version: 1
package:
- name: numpy
  version: 1.26.4
  manager: conda
  platform: linux-64
  dependencies: {{python: '>=3.11'}}
  url: https://conda.anaconda.org/conda-forge/linux-64/numpy-1.26.4-py311_0.conda
  hash: {{md5: {"c" * 32}, sha256: {H}}}
  category: main
- name: python
  version: 3.11.9
  manager: conda
  platform: linux-64
  url: https://conda.anaconda.org/conda-forge/linux-64/python-3.11.9-h_0.conda
  hash: {{sha256: {H}}}
- name: Jinja2
  version: 3.1.4
  manager: pip
  platform: linux-64
  dependencies: {{}}
  url: https://files.pythonhosted.org/packages/j.whl
  hash: {{sha256: {H}}}
  category: dev
  optional: true
"""
EXPLICIT = f"# made by conda\n@EXPLICIT\nhttps://conda.anaconda.org/conda-forge/linux-64/numpy-1.26.4-py311_0.conda#{'c' * 32}\n"
PIXI = f"""version: 6
environments:
  default:
    packages:
      linux-64:
      - conda: https://conda.anaconda.org/conda-forge/linux-64/numpy-1.26.4-py311_0.conda
      - pypi: https://files.pythonhosted.org/packages/j.whl
  test:
    packages:
      linux-64:
      - conda: https://conda.anaconda.org/conda-forge/noarch/pytest-8.0.0-py_0.conda
packages:
- conda: https://conda.anaconda.org/conda-forge/linux-64/numpy-1.26.4-py311_0.conda
  sha256: {H}
- conda: https://conda.anaconda.org/conda-forge/noarch/pytest-8.0.0-py_0.conda
  md5: {"c" * 32}
- pypi: https://files.pythonhosted.org/packages/j.whl
  name: jinja2
  version: 3.1.4
  sha256: {H}
"""
PUBSPEC = f"""packages:
  http:
    dependency: "direct main"
    description:
      name: http
      sha256: {H}
      url: "https://pub.dev"
    source: hosted
    version: "0.13.3"
  lints:
    dependency: "direct dev"
    description: {{name: lints, url: "https://pub.dev"}}
    source: hosted
    version: "2.0.0"
  flutter:
    dependency: "direct main"
    description: flutter
    source: sdk
    version: "0.0.0"
sdks:
  dart: ">=3.0.0"
"""
MIX = f"""%{{
  "plug": {{:hex, :plug, "1.10.0", "{H}", [:mix], [{{:mime, "~> 1.0", [hex: :mime, repo: "hexpm", optional: false]}}], "hexpm", "{H}"}},
  "mime": {{:hex, :mime, "1.3.1", "{H}", [:mix], [], "hexpm", "{H}"}},
  "own": {{:hex, :own, "1.0.0", "{H}", [:mix], [], "acme", "{H}"}},
  "fork": {{:git, "https://git.example/fork.git", "{C}", [branch: "main"]}},
}}
"""
SWIFT = json.dumps({"pins": [
    {"identity": "swift-nio", "kind": "remoteSourceControl", "location": "https://github.com/apple/swift-nio.git", "state": {"revision": C, "version": "2.29.0"}},
    {"identity": "own", "kind": "remoteSourceControl", "location": "git@git.example:acme/own.git", "state": {"revision": C, "branch": "main"}},
], "version": 2}, indent=2)  # fmt: skip
SWIFT1 = json.dumps({"object": {"pins": [
    {"package": "NIO", "repositoryURL": "https://github.com/apple/swift-nio", "state": {"branch": None, "revision": C, "version": "2.29.0"}},
]}, "version": 1}, indent=2)  # fmt: skip
PODS = f"""PODS:
  - AFNetworking (2.5.1):
    - AFNetworking/Core (= 2.5.1)
    - Local
  - AFNetworking/Core (2.5.1)
  - Fork (1.0)
  - Local (0.1)

DEPENDENCIES:
  - AFNetworking (~> 2.5)
  - Fork (from `https://git.example/fork.git`)

EXTERNAL SOURCES:
  Fork:
    :git: https://git.example/fork.git
  Local:
    :path: ../local

CHECKOUT OPTIONS:
  Fork:
    :commit: {C}
    :git: https://git.example/fork.git

SPEC CHECKSUMS:
  AFNetworking: {C}

COCOAPODS: 1.15.2
"""
SETUP = """from setuptools import setup
import os
NEEDS = ["requests==2.19.0", "six>=1"]
setup(
    name="own",
    version="1.2",
    install_requires=NEEDS + [
        "jinja2==2.10; python_version > '3'",
    ],
    extras_require={"dev": ["pytest==5.0"]},
)
"""
CFG = """[metadata]
name = own
version = attr: own.version
[options]
install_requires =
    requests==2.19.0
    # a comment
    six>=1; python_version > '3'
[options.extras_require]
dev = pytest==5.0
"""

#: file name -> (content, what it names)
SAMPLES: dict[str, tuple[str, list[Named]]] = {
    "pom.xml": (POM, [
        ("Maven", "org.log:core", "2.14.1", 10, False), ("Maven", "com.h2:h2", "1.4.200", 11, False),
        ("Maven", "junit:junit", "4.12", 12, True), ("Maven", "org.range:r", "", 14, False),
        ("Maven", "org.acme:own", "7", 15, False),
    ]),
    "gradle.lockfile": (GRADLE, [("Maven", "org.log:core", "2.14.1", 2, False), ("Maven", "junit:junit", "4.12", 3, True)]),
    "packages.lock.json": (NUGET, [("NuGet", "Newtonsoft.Json", "12.0.1", 5, False), ("NuGet", "System.Text", "1.0.0", 14, False)]),
    "packages.config": (CONFIG, [("NuGet", "jQuery", "1.8.0", 2, False), ("NuGet", "xunit", "2.0", 3, True)]),
    "bun.lock": (BUN, [
        ("npm", "chalk", "4.1.2", 8, False), ("npm", "ansi", "4.3.0", 9, False), ("npm", "ansi", "5.0.0", 10, True),
        ("npm", "jest", "1.0.0", 11, True), ("npm", "lodash", "4.17.20", 12, False), ("", "fork", "", 14, False),
    ]),
    "conda-lock.yml": (CONDA, [("", "numpy", "1.26.4", 0, False), ("", "python", "3.11.9", 0, False), ("PyPI", "jinja2", "3.1.4", 0, True)]),
    "conda-linux-64.lock": (EXPLICIT, [("", "numpy", "1.26.4", 3, False)]),
    "pixi.lock": (PIXI, [("", "numpy", "1.26.4", 0, False), ("", "pytest", "8.0.0", 0, True), ("PyPI", "jinja2", "3.1.4", 0, False)]),
    "pubspec.lock": (PUBSPEC, [("Pub", "http", "0.13.3", 2, False), ("Pub", "lints", "2.0.0", 10, True), ("", "flutter", "0.0.0", 15, False)]),
    "mix.lock": (MIX, [("Hex", "plug", "1.10.0", 2, False), ("Hex", "mime", "1.3.1", 3, False), ("", "own", "1.0.0", 4, False), ("", "fork", "", 5, False)]),
    "Package.resolved": (SWIFT, [("SwiftURL", "github.com/apple/swift-nio", "2.29.0", 6, False), ("", "own", "", 15, False)]),
    "x/Package.resolved": (SWIFT1, [("SwiftURL", "github.com/apple/swift-nio", "2.29.0", 6, False)]),
    "Podfile.lock": (PODS, [("CocoaPods", "AFNetworking", "2.5.1", 2, False), ("", "Fork", "1.0", 6, False), ("", "Local", "0.1", 7, False)]),
    "setup.py": (SETUP, [
        ("PyPI", "requests", "2.19.0", 3, False), ("PyPI", "six", "", 3, False), ("PyPI", "jinja2", "2.10", 8, False),
        ("PyPI", "pytest", "5.0", 10, True),
    ]),
    "setup.cfg": (CFG, [("PyPI", "requests", "2.19.0", 0, False), ("PyPI", "six", "", 0, False), ("PyPI", "pytest", "5.0", 0, True)]),
    "requirements/prod.lock": (f"six==1.16.0 --hash=sha256:{H}\n", [("PyPI", "six", "1.16.0", 1, False)]),
    "requirements-dev.lock": ("-e file:.\nsix==1.16.0\n", [("PyPI", "six", "1.16.0", 2, False)]),
}  # fmt: skip
