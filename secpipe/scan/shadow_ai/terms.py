"""The literal terms of which every sign of the catalogue contains at least one; derived, never written by hand."""

from __future__ import annotations

import base64
import codecs
import re
from collections.abc import Iterable
from dataclasses import dataclass

from secpipe.scan.shadow_ai.catalogue import Catalogue

_QUOTES = ('"{}', "'{}", "`{}", "={}", ": {}", " {}")
_WHOLE = ('"{}"', "'{}'", "`{}`")
_SHORT = 6  # a bare word shorter than this is looked for only beside quotes or an import keyword


@dataclass(frozen=True, slots=True)
class Terms:
    """`single`: each makes a file a candidate. `pairs`: groups of which both sides must be met. All lower case.

    `dynamic` are calls that import by name: they count where a `decoders` term stands as well, or a quoted piece (three
    characters or more) that is one of `pieces`, the beginnings and ends of module names. `senders` call out or run
    something: beside them, terms are also looked for in pieces.
    """

    single: tuple[str, ...]
    pairs: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...]
    dynamic: tuple[str, ...] = ()
    decoders: tuple[str, ...] = ()
    pieces: frozenset[str] = frozenset()
    senders: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()


_START = 4  # characters by which terms that may stand in another are looked up


def derive(catalogue: Catalogue) -> Terms:
    """Return the terms of a catalogue. A file without any of them holds no sign of it."""
    settings = catalogue.signals["prefilter"]
    common = {word.lower() for word in settings["common_words"]}
    found: set[str] = {term.lower() for term in settings["terms"]}
    for provider in catalogue.providers.values():
        lists = provider.lists
        for host in lists["hosts"]:
            found |= _host_terms(host.lower())
        found.update(term for pattern in lists["host_patterns"] for term in required(pattern))
        for name in (*lists["env"], *lists["base_url_env"], *lists["weak_env"]):
            found.add(name.lower())
        for prefix in lists["model_prefixes"]:
            word = prefix.rstrip("/:").lower()
            if word in common or len(word) < _SHORT:
                found.update(form.format(f"{word}/") for form in _QUOTES[:4])
                found.update(form.format(f"{word}:") for form in _QUOTES[:3])
            else:
                found.update((f"{word}/", f"{word}:"))
        # A model name without a distinctive word (`o1`, `command-r`) is a sign only in a file that has another.
        groups = [required(pattern) for pattern in lists["model_names"]]
        found.update(term for terms in groups if not any(len(t) < 4 or t in common for t in terms) for term in terms)
        for field in ("cli", "images", "actions", "terraform", "iam", "sql"):
            found.update(item.lower() for item in lists[field])
        for language, names in (
            *provider.imports.items(),
            ("npm", provider.packages.get("npm", ())),
            ("go", provider.packages.get("go", ())),
        ):
            for name in names:
                found |= _import_terms(language, name.lower(), common)
        for command in lists["cli"]:
            # A program also stands by itself at the head of an argument list: ["claude", "-p", ...].
            program = command.split()[0].lower()
            if program not in settings["common_programs"]:
                found.update((f'"{program}"', f"'{program}'"))
    found.update(f"{quote}{name}{quote}" for name in catalogue.signals["aws_services"] for quote in "\"'")
    found.update(catalogue.signals["extensions"])
    for key in catalogue.keys:
        if key.term:
            forms = _QUOTES if len(key.term) < 5 else ("{}",)
            found.update(form.format(key.term) for form in forms)
    found.update(word for word in catalogue.signals["brands"] if len(word) >= _SHORT and word not in common)
    found.update(name.lower() for name in catalogue.signals["base_url_env"])
    pairs = tuple((_quoted(a), _quoted(b)) for a, b in settings["pairs"])
    code = tuple(((a.lower(),), (b.lower(),)) for a, b in settings["code_pairs"])
    return Terms(
        tuple(sorted(_minimal(found - {""}))),
        (*pairs, *code, *sorted(_from_parts(catalogue))),
        tuple(settings["dynamic"]),
        tuple(settings["decoders"]),
        _pieces(catalogue),
        tuple(settings["senders"]),
        tuple(host for provider in catalogue.providers.values() for host in provider.lists["hosts"]),
    )


def _from_parts(catalogue: Catalogue) -> set[tuple[tuple[str, ...], tuple[str, ...]]]:
    """`from a.b import c` and `from a import b` name `a.b.c` in parts: the first and the last are both there."""
    dotted = (name.lower().split(".") for name in catalogue.imports.get("python", ()) if "." in name)
    return {((parts[0],), (parts[-1],)) for parts in dotted}


def _pieces(catalogue: Catalogue) -> frozenset[str]:
    """Beginnings and ends, three characters or more, of the Python modules: of two parts of a name one is as long."""
    names = {name.partition(".")[0].lower() for name in catalogue.imports.get("python", ())}
    return frozenset(piece for name in names for size in range(3, len(name)) for piece in (name[:size], name[-size:]))


def _quoted(word: str) -> tuple[str, ...]:
    """A key as it is spelled in the languages that have object literals or keyword arguments."""
    around = (('"', '"'), ("'", "'"), ("", ":"), (":", " ="), (".", " ="), ("", '\\"'), ("", "="))
    return tuple(f"{left}{word}{right}" for left, right in around)


def _host_terms(host: str) -> set[str]:
    """The host as it stands, backwards, in base64 at each alignment, in hex, and rotated by 13."""
    raw = host.encode()
    terms = {host, host[::-1], raw.hex(), codecs.encode(host, "rot13")}
    for shift in range(3):
        # The characters that depend on what stands before or after the host are cut off.
        text = base64.b64encode(b"\0" * shift + raw).decode().rstrip("=").lower()
        terms.add(text[(0, 2, 3)[shift] : -1 if (shift + len(raw)) % 3 else None])
    return terms


def _import_terms(language: str, name: str, common: set[str]) -> set[str]:
    last = re.split(r"[./\\:]+", name)[-1]
    if (
        name not in common
        and (len(name) >= _SHORT + 2 or (len(name) >= _SHORT and last == name))
        and not name.isdigit()
    ):
        return {name, name.replace("\\", "\\\\")}
    if language == "python":
        words = (f"{word}{gap}{name}" for word in ("import", "from", ",") for gap in (" ", "  ", "\t"))
        return {*words, f",{name}", "import \\\n", f'"{name}"', f"'{name}'"}
    if language == "csharp":
        return {f"using {name}"}
    if language in {"swift", "java"}:
        return {f"import {name}"}
    if language == "rust":
        return {f"use {name}", f"{name}::"}
    if language == "php":
        return {f"use {name}\\", f"\\{name}\\", f"{name}::"}
    if language == "elixir":
        return {f"{name}."}
    if language == "c":
        return {f'"{name}"', f"<{name}>", f'/{name}"', f"/{name}>"}
    if language == "r":
        return {
            f"{name}::",
            *(f"{word}({mark}{name}" for word in ("library", "require", "load") for mark in ("", '"', "'")),
        }
    return {form.format(name) for form in _WHOLE} | {form.format(f"{name}/") for form in ('"{}', "'{}")}


def required(pattern: str) -> set[str]:
    """Return plain texts, lower case, of which every match of a regular expression contains one; empty if none is
    known.

    Of the mandatory runs and groups of the pattern, the choice whose shortest text is longest.
    """
    choices: list[set[str]] = []
    run = ""
    for kind, value in _items(pattern.replace("(?i)", "").replace("\\b", "")):
        if kind == "plain":
            run += value
            continue
        choices.append({run.lower()})
        run = ""
        if kind == "group":
            branches = [required(branch) for branch in _branches(value)]
            if all(branches):
                choices.append(set().union(*branches))
    choices.append({run.lower()})
    best = max(choices, key=lambda choice: min(map(len, choice)))
    return best - {""} if "" not in best else set()


def _items(text: str) -> list[tuple[str, str]]:
    """Split a pattern into plain characters, mandatory groups (their inside) and everything variable."""
    items: list[tuple[str, str]] = []
    index = 0
    while index < len(text):
        char = text[index]
        if char == "\\":
            items.append(("plain", text[index + 1]) if text[index + 1] in ".-/:" else ("variable", ""))
            index += 2
        elif char in "[(":
            end = _close(text, index)
            inside = text[index + 1 : end]
            items.append(("group", inside.removeprefix("?:")) if char == "(" else ("variable", ""))
            index = end + 1
        elif char in "?*+{":
            end = text.index("}", index) if char == "{" else index
            if char != "+":
                items[-1] = ("variable", "")
            else:
                items.append(("variable", ""))
            index = end + 1
        else:
            items.append(("variable", "") if char in ".^$" else ("plain", char))
            index += 1
    return items


def _branches(text: str) -> list[str]:
    """Split at the alternation bars of the outermost level."""
    parts, start, index = [], 0, 0
    while index < len(text):
        if text[index] == "\\":
            index += 1
        elif text[index] in "[(":
            index = _close(text, index)
        elif text[index] == "|":
            parts.append(text[start:index])
            start = index + 1
        index += 1
    return [*parts, text[start:]]


def _close(text: str, start: int) -> int:
    """Return the index of the bracket that closes the one at `start`."""
    if text[start] == "[":
        return text.index("]", start + 2)
    depth, index = 0, start
    while index < len(text):
        if text[index] == "\\":
            index += 1
        elif text[index] == "(":
            depth += 1
        elif text[index] == ")":
            depth -= 1
            if depth == 0:
                return index
        elif text[index] == "[":
            index = _close(text, index)
        index += 1
    return len(text) - 1


def _minimal(terms: Iterable[str]) -> set[str]:
    """Drop every term that contains another: the shorter one finds it too."""
    every = set(terms)
    by_start: dict[str, list[str]] = {}
    for term in every:
        by_start.setdefault(term[:_START], []).append(term)
    short = [term for term in every if len(term) < _START]
    any_short = re.compile("|".join(map(re.escape, short)) or r"(?!)")

    def holds_another(term: str) -> bool:
        if len(term) < _START:
            return any(one in term and one != term for one in short)
        return any_short.search(term) is not None or any(
            one != term and term.startswith(one, start)
            for start in range(len(term) - _START + 1)
            for one in by_start.get(term[start : start + _START], ())
        )

    return {term for term in every if not holds_another(term)}
