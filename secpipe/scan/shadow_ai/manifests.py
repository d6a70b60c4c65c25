"""Manifests and lock files of eight ecosystems: which AI packages a project declares."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Callable, Iterator
from typing import Any

from secpipe.core.finding import Confidence
from secpipe.scan.shadow_ai import shell
from secpipe.scan.shadow_ai.catalogue import Catalogue
from secpipe.scan.shadow_ai.jsonc import plain_json
from secpipe.scan.shadow_ai.signal import Reading, Signal

#: (name, line); a line of 0 is looked up afterwards.
Names = Iterator[tuple[str, int]]

_REQUIREMENT = re.compile(r"^\s*(?:-e\s+)?([A-Za-z0-9][\w.-]*)\s*(?:\[[^\]]*\])?\s*(?:[=<>~!;@ ,#].*)?$")
_MAX_NAMES = 500_000
_DEPENDENCIES = (
    "dependencies",
    "devDependencies",
    "peerDependencies",
    "optionalDependencies",
    "bundledDependencies",
    "require",
    "require-dev",
    "overrides",
    "resolutions",
    "imports",
)


def read(text: str, path: str, catalogue: Catalogue) -> Reading:
    """Return the packages of the manifest at `path` that the catalogue knows; a broken manifest is read line by
    line.
    """
    ecosystem, parse, locked = _kind(path) or ("pypi", _words, False)
    out = Reading(engine="lock" if locked else "manifest")
    try:
        names = list(parse(text))
    except (ValueError, RecursionError, TypeError, AttributeError) as error:
        out.notes.append(f"does not parse as a manifest: {type(error).__name__}")
        names = list(_words(text))
    lines = text.split("\n")
    if len(names) > _MAX_NAMES:
        out.notes.append(f"names more than {_MAX_NAMES:,} packages")
    for name, line in names[:_MAX_NAMES]:
        normal = re.sub(r"[-_.]+", "-", name).lower() if ecosystem == "pypi" else name
        owner = catalogue.package(ecosystem, name)
        if owner or not locked:
            out.packages.add(f"{ecosystem}:{normal}")
        if owner:
            weak = name in (catalogue.providers[owner].lists["unconfirmed"])
            out.signals.append(
                Signal(
                    "manifest", "manifest", owner, line=line or _find(lines, name), sdk=owner,
                    evidence=f"{'locks' if locked else 'declares'} {name}",
                        confidence=Confidence.LOW if weak else Confidence.MEDIUM,
                )
            )  # fmt: skip
    if path.rpartition("/")[2] == "package.json":
        _scripts(text, lines, catalogue, out)
    return out


def is_manifest(path: str) -> bool:
    """Whether a file is a manifest or lock file by its name."""
    return _kind(path) is not None


def _kind(path: str) -> tuple[str, Callable[[str], Names], bool] | None:
    name = path.rpartition("/")[2].lower()
    if name in _BY_NAME:
        return _BY_NAME[name]
    return next((row for pattern, row in _BY_PATTERN if pattern.fullmatch(name)), None)


def _find(lines: list[str], name: str) -> int:
    return next((number for number, line in enumerate(lines, 1) if name in line), 1)


def _scripts(text: str, lines: list[str], catalogue: Catalogue, out: Reading) -> None:
    try:
        scripts = json.loads(text).get("scripts", {})
    except (ValueError, AttributeError, RecursionError):
        return
    for key, command in scripts.items() if isinstance(scripts, dict) else ():
        if isinstance(command, str):
            found = shell.commands(command, catalogue)
            line = _find(lines, f'"{key}"')
            out.signals += [sign.at("", "", line - sign.line) for sign in found.signals if sign.role != "manifest"]
            out.downloads += found.downloads


def _requirements(text: str) -> Names:
    for number, line in enumerate(text.split("\n"), 1):
        match = _REQUIREMENT.match(line.split(" #")[0])
        if match and not line.lstrip().startswith("#"):
            yield match[1], number
        link = re.search(r"#egg=([\w.-]+)", line)
        if link:
            yield link[1], number


def _requirement(text: Any) -> Names:
    match = re.match(r"\s*([A-Za-z0-9][\w.-]*)", text) if isinstance(text, str) else None
    if match:
        yield match[1], 0


def _pyproject(text: str) -> Names:
    """PEP 621, PEP 735, Poetry, PDM, uv, Hatch: requirement lists and tables below any `*dependencies*` key."""
    pending: list[tuple[str, Any]] = [("", tomllib.loads(text))]
    while pending:
        key, value = pending.pop()
        inside = "dependenc" in key or key == "dependency-groups" or key.endswith("requires") or key == "packages"
        if isinstance(value, dict):
            for name, item in value.items():
                if inside and not isinstance(item, list) and name not in {"optional", "dev", "group"}:
                    yield name, 0
                nested = "dependencies" if inside and isinstance(item, list | dict) else name
                pending.append((nested if name != "group" else "group-dependencies", item))
        elif isinstance(value, list) and inside:
            for item in value:
                yield from _requirement(item)


def _locked_toml(text: str) -> Names:
    for match in re.finditer(r'(?m)^\[\[package\]\]\s*\nname = "([^"]+)"', text):
        yield match[1], text.count("\n", 0, match.start()) + 2


def _setup(text: str) -> Names:
    for block in re.finditer(
        r"(?s)(?:install_requires|extras_require|tests_require|setup_requires|requires|options\.extras_require)"
        r"\s*\]?\s*=?\s*([\[{(][^=]*?[\])}]|\n(?:[ \t]+\S.*\n?)+)",
        text,
    ):
        for item in re.finditer(r"[\"']([A-Za-z0-9][\w.-]*)[^\"']*[\"']|(?m:^[ \t]+([A-Za-z0-9][\w.-]*))", block[1]):
            yield item[1] or item[2], text.count("\n", 0, block.start() + item.start()) + 1


def _conda(text: str) -> Names:
    for number, line in enumerate(text.split("\n"), 1):
        match = re.match(r"\s*-\s*[\"']?(?:[\w-]+::)?([A-Za-z0-9][\w.-]*)", line)
        if match:
            yield match[1], number


def _json_tables(text: str) -> Names:
    """package.json, composer.json, deno.json, Pipfile.lock: tables by name; `npm:` aliases name another package."""
    data = json.loads(plain_json(text))
    tables = [data.get(key) for key in (*_DEPENDENCIES, "default", "develop", "packages", "packages-dev")]
    for table in tables:
        if isinstance(table, list):
            for item in table:
                yield (item.get("name", "") if isinstance(item, dict) else str(item)), 0
        for name, version in table.items() if isinstance(table, dict) else ():
            yield re.sub(r"^.*node_modules/", "", name), 0
            alias = re.match(r"npm:(@?[^@]+)", version) if isinstance(version, str) else None
            if alias:
                yield alias[1], 0


def _matches(pattern: str) -> Callable[[str], Names]:
    compiled = re.compile(pattern, re.M)

    def parse(text: str) -> Names:
        for match in compiled.finditer(text):
            yield ":".join(group for group in match.groups() if group), text.count("\n", 0, match.start()) + 1

    return parse


def _maven(text: str) -> Names:
    for match in re.finditer(
        r"<groupId>\s*([\w.-]+)\s*</groupId>\s*<artifactId>\s*([\w.-]+)\s*</artifactId>",
        re.sub(r"<!--[\s\S]*?-->", "", text),
    ):
        yield f"{match[1]}:{match[2]}", 0


def _words(text: str) -> Names:
    for match in re.finditer(r"[\"']?(@?[A-Za-z][\w./-]{2,80})[\"']?\s*(?:[=:]|[<>~]=)", text):
        yield match[1], text.count("\n", 0, match.start()) + 1


_BY_NAME: dict[str, tuple[str, Callable[[str], Names], bool]] = {
    "pyproject.toml": ("pypi", _pyproject, False), "pipfile": ("pypi", _pyproject, False), "setup.py": ("pypi",
    _setup, False), "setup.cfg": ("pypi", _setup, False),
    "poetry.lock": ("pypi", _locked_toml, True), "uv.lock": ("pypi", _locked_toml, True), "pdm.lock": ("pypi",
    _locked_toml, True), "pipfile.lock": ("pypi", _json_tables, True),
    "environment.yml": ("pypi", _conda, False), "environment.yaml": ("pypi", _conda, False), "conda.yml": ("pypi",
    _conda, False), "conda.yaml": ("pypi", _conda, False),
    "package.json": ("npm", _json_tables, False), "deno.json": ("npm", _json_tables, False), "deno.jsonc": ("npm",
    _json_tables, False), "bower.json": ("npm", _json_tables, False),
    "package-lock.json": ("npm", _json_tables, True), "npm-shrinkwrap.json": ("npm", _json_tables, True),
    "yarn.lock": ("npm", _matches(r"^\"?(@?[\w./-]+)@[^\n:]*:$"), True), "pnpm-lock.yaml": ("npm",
    _matches(r"^\s+'?/?(@?[\w.-]+(?:/[\w.-]+)?)[@/]\d[^:\n]*:\s*$"), True),
    "bun.lock": ("npm", _matches(r"^\s+\"(@?[\w.-]+(?:/[\w.-]+)?)\":\s*\["), True),
    "go.mod": ("go", _matches(r"^\s*(?:require\s+)?([\w.-]+\.[\w.-]+/[\w./-]+)\s+v\d"), False), "go.sum": ("go",
    _matches(r"^([\w.-]+\.[\w.-]+/[\w./-]+)\s+v\d\S*\s"), True),
    "cargo.toml": ("cargo", _pyproject, False), "cargo.lock": ("cargo", _locked_toml, True),
    "gemfile": ("gem", _matches(r"^\s*gem\s*\(?\s*[\"']([\w-]+)[\"']"), False), "gemfile.lock": ("gem",
    _matches(r"^    ([\w-]+) \("), True),
    "composer.json": ("composer", _json_tables, False), "composer.lock": ("composer", _json_tables, True),
    "pom.xml": ("maven", _maven, False), "libs.versions.toml": ("maven",
    _matches(r"(?:module\s*=\s*|=\s*)\"([\w.-]+:[\w.-]+)(?::[^\"]*)?\""), False),
    "build.sbt": ("maven", _matches(r"\"([\w.-]+)\"\s+%%?%?\s+\"([\w.-]+)\""), False),
    "directory.packages.props": ("nuget",
    _matches(r"<Package(?:Version|Reference)\s+[^>]*?(?:Include|Update)=\"([\w.]+)\""), False),
    "packages.config": ("nuget", _matches(r"<package\s+id=\"([\w.]+)\""), False), "packages.lock.json": ("nuget",
    _matches(r"^\s+\"([\w.]+)\":\s*\{"), True),
    "package.swift": ("swift", _matches(r"url:\s*\"https://(github\.com/[\w.-]+/[\w-]+)"), False),
}  # fmt: skip
_BY_PATTERN: list[tuple[re.Pattern[str], tuple[str, Callable[[str], Names], bool]]] = [
    (re.compile(r"(?:[\w.-]*requirements[\w.-]*|constraints[\w.-]*)\.(?:txt|in)"), ("pypi", _requirements, False)),
    (
        re.compile(r"[\w.-]*\.gradle(?:\.kts)?"),
        ("maven", _matches(r"[\"']([\w.-]+\.[\w.-]+:[\w.-]+)(?::[^\"']*)?[\"']"), False),
    ),
    (
        re.compile(r"[\w.-]*\.(?:cs|fs|vb)proj|[\w.-]*\.props"),
        ("nuget", _matches(r"<Package(?:Version|Reference)\s+[^>]*?(?:Include|Update)=\"([\w.]+)\""), False),
    ),
    (re.compile(r"[\w.-]*\.gemspec"), ("gem", _matches(r"add_(?:\w+_)?dependency\s*\(?\s*[\"']([\w-]+)[\"']"), False)),
]
