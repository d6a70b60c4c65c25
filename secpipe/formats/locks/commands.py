"""What install commands other than pip's name: npm, yarn, pnpm, bun, gem, cargo, go. Linear in the text."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass

from secpipe.core.inventory import Component
from secpipe.formats.locks.library import library


@dataclass(frozen=True, slots=True)
class Installer:
    """One kind of command: how it begins, whose packages it names, and what parts a name from its version.

    `version` are its options that carry the version of the one package named; `valued` those with another value.
    """

    start: re.Pattern[str]
    ecosystem: str
    separator: str = "@"
    version: tuple[str, ...] = ()
    valued: tuple[str, ...] = ()


_NPM = ("--registry", "--prefix", "-w", "--workspace", "--cwd", "--filter", "--tag", "--loglevel", "--omit",
        "--include", "--cache", "--userconfig", "-C")  # fmt: skip
TABLE = (
    Installer(re.compile(r"\b(?:npm|pnpm|bun)\s+(?:-\S{1,80}\s+){0,9}(?:install|i|add)\s+"), "npm", valued=_NPM),
    Installer(re.compile(r"\byarn\s+(?:global\s+)?add\s+"), "npm", valued=_NPM),
    Installer(
        re.compile(r"\bgem\s+install\s+"), "RubyGems", ":", ("-v", "--version"),
        ("-i", "--install-dir", "-n", "--bindir", "-s", "--source", "-P", "--platform"),
    ),
    Installer(
        re.compile(r"\bcargo\s+(?:\+\S{1,80}\s+)?(?:install|binstall)\s+"), "crates.io", "@", ("--version", "--vers"),
        ("--git", "--tag", "--branch", "--rev", "--path", "--root", "--features", "-F", "--profile", "--target", "-j",
         "--jobs", "--registry", "--index", "--bin"),
    ),
    Installer(re.compile(r"\bgo\s+install\s+"), "Go", valued=("-ldflags", "-tags", "-mod", "-gcflags")),
)  # fmt: skip
_REST = re.compile(r"[^&|;\n]*")
_NAME = re.compile(r"(?:@[\w.~-]+/)?[\w.~][\w.~/-]*")
_EXACT = re.compile(r"v?\d+(?:\.\d+){1,3}(?:[-+.][\w.+-]+)?")
_ADDRESS = re.compile(r"[\w+.-]*://|[./~$]|git@|file:|link:|workspace:|\w+:\w+/")


def named(text: str, path: str, line: int) -> Iterator[Component | str]:
    """Yield the packages that the commands of a line name, or why one cannot be read."""
    for kind in TABLE:
        for match in kind.start.finditer(text):
            rest = _REST.match(text, match.end())
            try:
                words = shlex.split(rest[0] if rest else "", comments=True)
            except ValueError:
                yield f"line {line}: the install command cannot be read"
                continue
            yield from _packages(kind, words, path, line)


def _packages(kind: Installer, words: list[str], path: str, line: int) -> Iterator[Component]:
    asked: list[str] = []
    version = pending = ""
    for word in words:
        option, sign, value = word.partition("=")
        if pending:
            version = word if pending in kind.version else version
            pending = ""
        elif option in kind.version and sign:
            version = value
        elif word in kind.version or word in kind.valued:
            pending = word
        elif not word.startswith("-") and not _ADDRESS.match(word) and "$" not in word and not word.endswith(".tgz"):
            asked.append(word)
    for word in asked:
        name, _, own = word.rpartition(kind.separator) if kind.separator in word[1:] else (word, "", version)
        if not _NAME.fullmatch(name) or (kind.ecosystem == "Go" and "." not in name.partition("/")[0]):
            continue
        exact = own if _EXACT.fullmatch(own) else ""
        facts = {"specifier": "" if exact else own}
        module = _module(name) if kind.ecosystem == "Go" else name
        yield library(kind.ecosystem, module, exact, path=path, line=line, direct=True, facts=facts)


def _module(package: str) -> str:
    """Return the module that a Go package most likely stands in: what stands before its folder of commands."""
    return package.partition("/cmd/")[0].removesuffix("/...")
