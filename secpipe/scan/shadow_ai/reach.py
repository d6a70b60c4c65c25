"""Which files with a label ship all the same: what code without one imports, starts, or a build copies by name."""

from __future__ import annotations

import json
import re
import tomllib
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator

from secpipe.core.limits import Limits
from secpipe.core.protocols import Tree
from secpipe.formats.jsonc import plain_json
from secpipe.scan.shadow_ai.components import components, text_of
from secpipe.scan.shadow_ai.regions import is_code

_PYTHON = re.compile(
    r"(?m)^[ \t]*(?:from[ \t]+(?P<base>\.*[\w.]*)[ \t]+import[ \t]+"
    r"(?P<names>\([^()]*\)?|[^\n#;]+)|import[ \t]+(?P<plain>[\w., \t]+))"
)
_SCRIPT = re.compile(
    r"""\b(?:from|import|require|export|URL|Worker|importScripts)\b[^\n"'`;]{0,40}["'`]([^"'`\n]{1,300})["'`]"""
)
_DOTTED = re.compile(r"(?m)^[ \t]*(?:import|using|use|alias)[ \t]+(?:static[ \t]+|crate::)?([\w.:\\]+)")
_QUOTED = re.compile(r"""["'`]([\w@./-]{3,200}(?::\w+)?)["'`]""")
#: What runs text as Python, with the rest of its line; and what a name is: assigned, or opened by `with`.
_RUNS = re.compile(
    r"(?<![.\w])(?:exec|eval|execfile|compile|(?:runpy\.)?run_path|(?:[\w.]+\.)?(?:spec_from_file_location|SourceFileLoader))"
    r"[ \t]*\(([^\n]{0,400})"
)
_GIVEN = re.compile(
    r"(?m)^[ \t]*(?:(\w+)[ \t]*(?::[^=\n]{1,80})?=(?!=)([^\n]{1,400})|with[ \t]+([^\n]{1,300}?)[ \t]+as[ \t]+(\w+))"
)
_NAME = re.compile(r"\b[A-Za-z_]\w*")
#: A file that an interpreter is given, whatever it is called: in a line of shell, or as an argument list.
_RUN = re.compile(
    r"(?:^|[\s;&|(`\"'@/])(?:python|pypy|node|deno(?:[ \t]+run)?|bun|ruby|perl|php|(?:ba|z|k|da)?sh|source|\.)[\d.]*"
    r"[\"']?[ \t]*,?[ \t]+(?:-[\w-]+[ \t]+){0,5}[\"']?([\w./-]{1,200})",
    re.M,
)
_INSTRUCTION = re.compile(r"(?im)^[ \t]*(COPY|ADD|CMD|ENTRYPOINT|RUN)[ \t]+((?:[^\n\\]|\\\r?\n|\\.)*)")
_STARTS = re.compile(
    r"""(?m)^[ \t]*["']?(?:command|entrypoint|args|web|worker|release|main)["']?[ \t]*:(.*(?:\n[ \t]*-[^\n]*)*)"""
)
_WORD = re.compile(r"[\w@./-]+(?::\w+)?")
_ENDINGS = (
    "",
    ".py",
    ".js",
    ".mjs",
    ".cjs",
    ".ts",
    ".tsx",
    ".jsx",
    ".mts",
    ".vue",
    ".svelte",
    ".rb",
    ".php",
    ".java",
    ".kt",
    ".go",
    ".sh",
)
_SOURCES = ("", "src/", "lib/", "app/")
_INDEX = ("__init__.py", "__main__.py", "index.js", "index.ts", "index.tsx", "index.mjs", "mod.ts")

_STARTS_FILES = re.compile(
    r"(?i)(?:dockerfile|containerfile)[^/]*$|(?:^|/)(?:procfile|(?:gnu)?makefile|justfile|[^/]*\.ya?ml|package\.json|pyproject\.toml|setup\.cfg)$|\.html?$"
)

Read = Callable[[str], str]


def shipped(tree: Tree, region_of: Callable[[str], str], limits: Limits) -> frozenset[str]:
    """Return the files of a tree that ship: what bears no label, and what that reaches.

    In a tree without any code that bears no label, nothing is exempt: everything but prose ships.
    """
    plain = [entry.path for entry in tree.files if region_of(entry.path) in {"code", "config", "example"}]
    if not any(is_code(path) or "dockerfile" in path.lower() for path in plain):
        return frozenset(entry.path for entry in tree.files if region_of(entry.path) != "docs")
    paths = [entry.path for entry in tree.files]
    settled = components(tree, paths, limits)

    def read(path: str) -> str:
        entry = tree.find(path)
        if entry is None or not (is_code(path) or _STARTS_FILES.search(path)):
            return ""
        return text_of(tree, entry, limits)

    return reached(paths, plain, read) - settled


def reached(paths: Iterable[str], shipped: Iterable[str], read: Read) -> frozenset[str]:
    """Return the paths that the files `shipped`, or what they reach in turn, import, start or copy by name.

    `read` returns the text of a file, "" where it has none. `COPY .` copies everything and so says nothing.
    """
    places = Places(paths)
    done: set[str] = set()
    pending = list(shipped)
    while pending:
        path = pending.pop()
        if path in done:
            continue
        done.add(path)
        text = read(path)
        if text:
            pending += [found for found in edges(path, text, places) if found not in done]
    return frozenset(done)


class Places:
    """The files of a tree by name, and how a word of the code leads to one."""

    def __init__(self, paths: Iterable[str]) -> None:
        self.paths = frozenset(paths)
        self._by_stem: dict[str, str | list[str]] = {}  # a list for each single file would take as much room again
        self._indexes: dict[str, list[str]] = defaultdict(list)
        self._modules: dict[tuple[str, str], list[str]] = {}
        for path in sorted(self.paths):
            folder, _, name = path.rpartition("/")
            stem = name.partition(".")[0]
            known = self._by_stem.setdefault(stem, path)
            if isinstance(known, list):
                known.append(path)
            elif known is not path:
                self._by_stem[stem] = [known, path]
            if name in _INDEX:
                self._indexes[folder.rpartition("/")[2]].append(path)

    def file(self, path: str) -> list[str]:
        """Return the file at a path, with an ending that may go unsaid, or the index of a folder."""
        path = _normal(path)
        if not self._known(path):
            return []
        found = [path + ending for ending in _ENDINGS if path + ending in self.paths]
        stem = path[: -len(".js")] if path.endswith(".js") else ""
        found += [f"{stem}.ts"] if stem and f"{stem}.ts" in self.paths else []
        return found or [f"{path}/{name}" for name in _INDEX if f"{path}/{name}" in self.paths]

    def exact(self, path: str) -> list[str]:
        """Return the file at a path as it stands."""
        path = _normal(path)
        return [path] if path in self.paths else []

    def below(self, folder: str) -> list[str]:
        """Return everything in a folder that is named; nothing for the root."""
        folder = _normal(folder)
        return [path for path in self.paths if path.startswith(f"{folder}/")] if folder else []

    def ending(self, path: str) -> list[str]:
        """Return files whose path ends in several folders and a name, whatever stands before."""
        path = _normal(path)
        if "/" not in path:
            return []
        name = path.rpartition("/")[2]
        ends = tuple(f"/{path}{ending}" for ending in _ENDINGS)
        found = [item for item in self._called(name.partition(".")[0]) if f"/{item}".endswith(ends)]
        return found + [
            item for item in self._indexes.get(name, ()) if f"/{item.rpartition('/')[0]}".endswith(f"/{path}")
        ]

    def _called(self, stem: str) -> list[str]:
        found = self._by_stem.get(stem, [])
        return [found] if isinstance(found, str) else found

    def _known(self, path: str) -> bool:
        name = path.rpartition("/")[2]
        return name.partition(".")[0] in self._by_stem or name in self._indexes

    def module(self, dotted: str, importer: str) -> list[str]:
        """Return the files of a module by its dotted name: beside the importer or above it, or by a long ending."""
        path = dotted.replace("\\", "/").replace("::", "/").replace(".", "/")
        if not self._known(path):
            return []
        key = path, importer.rpartition("/")[0]
        if key not in self._modules:
            places = (f"{base}/{source}{path}" for base in (key[1], *_above(key[1])) for source in _SOURCES)
            self._modules[key] = next(filter(None, map(self.file, places)), []) or self.ending(path)
        return self._modules[key]


def edges(path: str, text: str, places: Places) -> Iterator[str]:
    """Yield the paths of the tree that a file imports, starts or copies by name."""
    name = path.rpartition("/")[2].lower()
    folder = path.rpartition("/")[0]
    for match in _RUN.finditer(text):
        yield from places.exact(f"{folder}/{match[1]}") or places.exact(match[1])
    if "dockerfile" in name or "containerfile" in name:
        yield from _container(text, folder, places)
    elif name == "procfile" or name.endswith((".yml", ".yaml")):
        for match in _STARTS.finditer(text):
            yield from _words(match[1], path, places)
    elif name == "package.json":
        yield from _started(_package(text), path, places)
    elif name in {"pyproject.toml", "setup.cfg"}:
        yield from _started(_project(text, name), path, places)
    elif name.endswith((".py", ".pyw", ".ipynb")):
        yield from _python(path, text, places)
    else:
        for match in _SCRIPT.finditer(text):
            yield from _script(match[1], path, places)
        for match in _DOTTED.finditer(text):
            yield from places.module(match[1].rstrip(".:\\"), path)
        for match in _QUOTED.finditer(text):
            if "/" in match[1]:
                yield from places.file(f"{folder}/{match[1]}")


def imports(path: str, text: str, places: Places) -> Iterator[str]:
    """Yield the paths of the tree that a Python file or a script imports by name: fewer than `edges`, and sooner."""
    if path.endswith((".py", ".pyw")):
        yield from _python_imports(path, text, places)
        return
    for match in _SCRIPT.finditer(text):
        yield from _script(match[1], path, places)


def _python(path: str, text: str, places: Places) -> Iterator[str]:
    yield from _python_imports(path, text, places)
    folder = path.rpartition("/")[0]
    for match in _QUOTED.finditer(text):
        yield from _named(match[1], path, places)
    for word in _executed(text):
        yield from places.file(f"{folder}/{word}") or places.file(word)


def _python_imports(path: str, text: str, places: Places) -> Iterator[str]:
    folder = path.rpartition("/")[0]
    for match in _PYTHON.finditer(text):
        if match["plain"]:
            for part in match["plain"].split(","):
                words = part.split()
                if words:
                    yield from _packages(words[0], path, places)
            continue
        base = match["base"]
        dots = len(base) - len(base.lstrip("."))
        names = [word.split()[0] for word in match["names"].strip("() \t").split(",") if word.split()]
        if not dots:
            yield from _packages(base, path, places)
            for word in names:
                yield from places.module(f"{base}.{word}", path)
            continue
        start = "/".join(folder.split("/")[: len(folder.split("/")) - dots + 1])
        inner = base.lstrip(".").replace(".", "/")
        yield from places.file(f"{start}/{inner}")
        for word in names:
            yield from places.file(f"{start}/{inner}/{word}")


def _executed(text: str) -> Iterator[str]:
    """Yield the quoted words of what is run as code: in the call, or in what is assigned to the names in it."""
    known: set[str] = set()
    pending = [match[1] for match in _RUNS.finditer(text)]
    if not pending:
        return
    given: dict[str, list[str]] = defaultdict(list)
    for match in _GIVEN.finditer(text):
        given[match[1] or match[4]].append(match[2] or match[3])
    while pending:
        said = pending.pop()
        yield from (match[1] for match in _QUOTED.finditer(said))
        for name in set(_NAME.findall(said)) - known:
            known.add(name)
            pending += given.get(name, ())


def _packages(dotted: str, path: str, places: Places) -> Iterator[str]:
    """A module, and the packages around it, which run when it is imported."""
    parts = dotted.split(".")
    for size in range(1, len(parts) + 1):
        yield from places.module(".".join(parts[:size]), path)


def _named(word: str, path: str, places: Places) -> Iterator[str]:
    """A word that is a path of the tree, or a module `a.b` or `a.b:run`."""
    word = word.partition(":")[0]
    if "/" in word:
        folder = path.rpartition("/")[0]
        yield from places.file(f"{folder}/{word}") or places.file(word) or places.ending(word)
    elif word.endswith(_ENDINGS[1:]):
        yield from places.file(f"{path.rpartition('/')[0]}/{word}")
    elif "." in word:
        yield from places.module(word, path)


def _script(word: str, path: str, places: Places) -> Iterator[str]:
    folder = path.rpartition("/")[0]
    if word.startswith("."):
        yield from places.file(f"{folder}/{word}")
    elif word.startswith(("@/", "~/", "#/", "/")):
        yield from places.ending(word.lstrip("@~#/"))
    else:
        yield from places.ending(f"node_modules/{word}")
        yield from places.file(word) if "/" in word else ()


def _words(text: str, path: str, places: Places) -> Iterator[str]:
    words = _WORD.findall(text)
    for before, word in zip(["", *words], words, strict=False):
        folder = path.rpartition("/")[0]
        if before == "-m":
            yield from places.module(word, path)
            yield from places.module(f"{word}.__main__", path)
        yield from places.file(f"{folder}/{word}") if "." in word or "/" in word else ()
        yield from _named(word.lstrip("/"), path, places)


def _container(text: str, folder: str, places: Places) -> Iterator[str]:
    for match in _INSTRUCTION.finditer(text):
        word, rest = match[1].upper(), match[2]
        if word not in {"COPY", "ADD"}:
            yield from _words(rest, f"{folder}/Dockerfile".lstrip("/"), places)
            continue
        parts = [part for part in re.findall(r"[^\s,\[\]\"']+", rest) if not part.startswith("--")]
        if "--from=" in rest:
            continue
        for source in parts[:-1]:
            for base in dict.fromkeys((folder, "")):
                place = f"{base}/{source.rstrip('*')}"
                yield from places.file(place)
                yield from places.below(place)


def _started(words: Iterable[str], path: str, places: Places) -> Iterator[str]:
    for word in words:
        yield from _words(word, path, places)


def _package(text: str) -> Iterator[str]:
    try:
        data = json.loads(plain_json(text))
    except (ValueError, RecursionError):
        return
    if not isinstance(data, dict):
        return
    scripts = data.get("scripts")
    starts = (
        [scripts.get(key) for key in ("start", "prestart", "serve", "postinstall")] if isinstance(scripts, dict) else []
    )
    yield from _every_text([data.get(key) for key in ("main", "module", "browser", "bin", "exports")] + starts)


def _project(text: str, name: str) -> Iterator[str]:
    if name == "setup.cfg":
        yield from re.findall(r"(?m)^[ \t]+[\w.-]+[ \t]*=[ \t]*([\w.]+:\w+)", text)
        return
    try:
        data = tomllib.loads(text)
    except (ValueError, RecursionError):
        return
    project = data.get("project")
    tool = data.get("tool")
    poetry = tool.get("poetry") if isinstance(tool, dict) else None
    for table in (project, poetry):
        if isinstance(table, dict):
            yield from _every_text([table.get(key) for key in ("scripts", "gui-scripts", "entry-points", "plugins")])


def _every_text(value: object) -> Iterator[str]:
    pending = [value]
    while pending:
        item = pending.pop()
        if isinstance(item, str):
            yield item
        elif isinstance(item, dict):
            pending += item.values()
        elif isinstance(item, list):
            pending += item


def _above(folder: str) -> list[str]:
    found = []
    while folder:
        folder = folder.rpartition("/")[0]
        found.append(folder)
    return found


def _normal(path: str) -> str:
    out: list[str] = []
    for part in path.split("/"):
        if part == "..":
            out = out[:-1]
        elif part not in {"", "."}:
            out.append(part)
    return "/".join(out)
