"""Which reader a file gets, by its name and first bytes; and the fall-back to the text layer, with the reason kept."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable
from dataclasses import replace

from secpipe.core.errors import InputError
from secpipe.core.finding import Confidence
from secpipe.core.ledger import NOBODY
from secpipe.core.paths import is_page
from secpipe.scan.shadow_ai import (
    agents,
    configs,
    encoded,
    manifests,
    notebooks,
    pages,
    python,
    source,
    sql,
    surfaces,
    text,
)
from secpipe.scan.shadow_ai.catalogue import Catalogue
from secpipe.scan.shadow_ai.places import bare_host, endpoints
from secpipe.scan.shadow_ai.regions import region_of
from secpipe.scan.shadow_ai.signal import Reading

Reader = Callable[[str, str, Catalogue], Reading]

_DOCKERFILE = re.compile(r"(?:^|/)(?:[\w.-]*\.)?(?:docker|container)file(?:\.[\w.-]+)?$", re.I)
_MAKE = re.compile(r"(?:^|/)(?:GNU)?(?:makefile|justfile|taskfile|procfile)$|\.mk$", re.I)
_SHELL = re.compile(
    r"\.(?:sh|bash|zsh|fish|t?csh|ksh|ps1|psm1|bat|cmd|command)$|(?:^|/)(?:\.husky|\.githooks|hooks)/[\w-]+$|(?:^|/)(?:crontab|\.bashrc|\.zshrc|\.profile)$",
    re.I,
)
_PYTHON = re.compile(r"\.(?:py|pyi|pyw|pyx|bzl|star)$|(?:^|/)(?:SConstruct|wscript)$", re.I)
_SQL = re.compile(r"\.(?:sql|ddl|dml|psql|hql|bq|prql)$", re.I)
_CONFIG = re.compile(
    r"\.(?:ya?ml|jsonc?|json5|toml|tf|tfvars|hcl|bicep|tpl|j2|gotmpl|ini|cfg|conf|properties|xml|plist|config|nomad|pkl|cue|nix|jsonnet|libsonnet|http|rest|curl|bru|hurl)$|(?:^|/)Modelfile[\w.-]*$",
    re.I,
)
_ALWAYS = re.compile(
    r"(?:^|/)(?:\.env[\w.-]*|[\w.-]+\.env|\.envrc|docker-compose[\w.-]*|compose[\w.-]*\.ya?ml|\.gitlab-ci\.yml|values[\w.-]*\.ya?ml|wrangler\.(?:toml|jsonc?))$|/workflows/[\w.-]+\.ya?ml$|\.tf(?:vars)?$"
)
_SETTINGS = (".yml", ".yaml", ".toml", ".json", ".jsonc", ".tf", ".tfvars")
_SHEBANG = re.compile(rb"#!.*\b(?:(python|pypy|uv run)|(node|deno|bun)|(ruby)|(?:ba|z|k|da|t?c)?sh|fish)")
#: Programming languages that no reader parses: their words are searched.
_UNPARSED = re.compile(
    r"\.(?:abap|ad[abs]|ahk|applescript|as[mp]|aspx|awk|cbl|cfc|cfm|cls|cob|cobol|cpy|cu|el|erl|f|f90|f95|for|fth|hrl|hx"
    r"|jsp|lisp|lsp|mli?|pike|pli|pro|rkt|raku|rex|rexx|sas|scm|st|tcl|trigger|vala|vbs|wl|xq|xql|xslt?)$",
    re.I,
)
#: How a script begins, whatever its file is called, and what a line of shell does that tells where it calls.
_SCRIPT = re.compile(
    r"\s*(?://.*(?:\n\s*|\Z)|/\*(?:[^*]|\*(?!/)){0,4000}\*/\s*|[\"']use strict[\"'];?\s*)*"
    r"(?:import\s*[\w{*\"'].{0,200}?[\"']|(?:const|let|var)\s+[\w{\[]|(?:await\s+)?(?:fetch|require)\(|(?:async\s+)?function\b)"
)
_CALLS = re.compile(r"(?m)^[ \t]*(?:curl|wget|export[ \t]+\w+=|\w+=\S+$)")
_SOURCE = re.compile(
    r"\.(?:py|js|mjs|cjs|jsx|ts|tsx|go|java|kt|cs|rb|rs|php|swift|scala|sh|ya?ml|toml|tf|sql|ipynb|json|env)$", re.I
)


def always(path: str, catalogue: Catalogue) -> bool:
    """Whether a file is read whatever the prefilter says: manifests, environment and agent settings are few and
    telling; the lines of a notebook are put together before anything can be found in them.
    """
    if manifests.is_manifest(path) or agents.is_agent_config(path) or path.endswith(".ipynb"):
        return True
    return is_context(path) or bool(agents.instruction_owner(path, catalogue))


def is_context(path: str) -> bool:
    """Whether a file may say where an environment name leads, so that it is read even when only others are judged."""
    possible = ".env" in path or "compose" in path or path.endswith(_SETTINGS)
    return possible and bool(_ALWAYS.search(path))


def is_local(path: str, head: bytes, catalogue: Catalogue) -> bool:
    """Whether an excerpt of a file says what the whole says: it is not parsed as one piece."""
    whole = (
        _PYTHON.search(path)
        or head.startswith(b"#!")
        or path.endswith(".ipynb")
        or agents.is_agent_config(path)
        or always(path, catalogue)
    )
    return not whole


def is_source(path: str) -> bool:
    """Whether the name promises text that a scan must be able to read."""
    return bool(_SOURCE.search(path)) or bool(source.language_of(path))


def is_code(path: str, head: bytes) -> bool:
    """Whether a file is a program in a language that a reader here parses."""
    return bool(_PYTHON.search(path) or source.language_of(path) or _SHEBANG.match(head))


def is_unparsed(path: str, head: bytes) -> bool:
    """Whether a file that was read as plain text is a program all the same, in a language without a parser here."""
    return head.startswith(b"#!") or _UNPARSED.search(path) is not None


def read(path: str, content: str, head: bytes, catalogue: Catalogue) -> Reading:
    """Return what the file's own reader finds; where that fails, what a simpler one finds, with a note why."""
    try:
        found = _reader(path, content, head)(content, path, catalogue)
        if found.engine:
            found.signals += surfaces.accounts(content)
            for said, line in encoded.numbers(content):
                found.signals += endpoints(said, line, catalogue, said) + bare_host(said, line, catalogue)
            return found
        note = NOBODY
    except InputError as error:
        note = error.message
    except Exception as error:  # a defect of a reader on hostile input must not hide the file, nor end the scan
        note = f"its reader failed ({type(error).__name__})"
    out = read_part(path, content, catalogue)
    out.notes.append(note)
    return out


def read_part(path: str, content: str, catalogue: Catalogue, *, comments: bool = True) -> Reading:
    """Return what can be read in text that does not parse, or is a part of a file; `comments` as in `text.read`."""
    try:
        if _PYTHON.search(path) or path.endswith(".ipynb"):
            out = source.read(content, "hash", catalogue)
            with contextlib.suppress(Exception):  # what it failed on before, it may fail on again
                _joined(out, python.read_what_parses(content, catalogue))
            return out
        return text.read(content, catalogue, comments=comments)
    except Exception:
        return Reading()


def read_excerpt(path: str, content: str, head: bytes, catalogue: Catalogue) -> Reading:
    """Return what code says near its terms, cut out of a file too long to be parsed; whole lines of it.

    Where the cut does not parse either, an import does not tell where its client goes: it only informs.
    """
    lines = content[content.find("\n") + 1 : content.rfind("\n") + 1] or content
    out = read(path, lines, head, catalogue)
    if out.notes:
        weak = (replace(sign, confidence=Confidence.LOW) if sign.role == "import" else sign for sign in out.signals)
        out.signals, out.notes = list(weak), []
    out.signals = [sign.at("", "", content.count("\n", 0, content.find(lines))) for sign in out.signals]
    # Where a cut falls into a string, quotes may pair up wrongly: addresses are found without them.
    with contextlib.suppress(Exception):
        found = text.read(content, catalogue, comments=False).signals
        out.signals += [sign for sign in found if sign.role == "endpoint"]
    return out


def _reader(path: str, content: str, head: bytes) -> Reader:
    name = path.rpartition("/")[2]
    rows: tuple[tuple[bool, Reader], ...] = (
        (manifests.is_manifest(path), _manifest),
        (_DOCKERFILE.search(path) is not None, lambda content, path, catalogue: configs.dockerfile(content, catalogue)),
        (name.endswith(".ipynb"), lambda content, path, catalogue: notebooks.read(content, catalogue)),
        (_PYTHON.search(path) is not None, lambda content, path, catalogue: python.read(content, catalogue)),
        (_SHELL.search(path) is not None, lambda content, path, catalogue: configs.script(content, catalogue)),
        (_MAKE.search(path) is not None, lambda content, path, catalogue: configs.makefile(content, catalogue)),
        (_SQL.search(path) is not None, lambda content, path, catalogue: sql.read(content, catalogue)),
    )
    for matches, reader in rows:
        if matches:
            return reader
    return _by_content(path, content, head)


def _by_content(path: str, content: str, head: bytes) -> Reader:
    if is_page(path):
        return pages.read
    language = source.language_of(path)
    if language:
        return lambda content, path, catalogue: source.read(content, language, catalogue)
    shebang = _SHEBANG.match(head)
    if shebang:
        if shebang[1]:
            return lambda content, path, catalogue: python.read(content, catalogue)
        if shebang[2] or shebang[3]:
            return lambda content, path, catalogue: source.read(
                content, "javascript" if shebang[2] else "ruby", catalogue
            )
        return lambda content, path, catalogue: configs.script(content, catalogue)
    return _settings if _CONFIG.search(path) or path.endswith((".md", ".mdc")) or "/." in f"/{path}" else _plain


def _manifest(content: str, path: str, catalogue: Catalogue) -> Reading:
    """A manifest names packages; it may also hold settings, scripts or code."""
    out = manifests.read(content, path, catalogue)
    if path.endswith(("setup.py",)):
        return _joined(out, python.read(content, catalogue))
    language = source.language_of("a.kts" if path.endswith(".gradle") else path)
    if language:  # a build that is a program: Gradle, Gemfile, mix.exs, Package.swift
        return _joined(out, source.read(content, language, catalogue))
    if path.endswith("pom.xml"):
        return _joined(out, configs.read(content, path, catalogue))
    if path.endswith((".yml", ".yaml")):  # a conda environment, or any YAML file of such a name
        return _joined(out, agents.read(content, path, catalogue))
    if re.search(r"(?:^|/)requirements/[^/]*$", path, re.I):  # a folder of that name may hold prose
        return _joined(out, text.read(content, catalogue))
    return out


def _joined(out: Reading, other: Reading) -> Reading:
    out.signals += other.signals
    out.values += other.values
    out.downloads += other.downloads
    out.reads |= other.reads
    return out


def _settings(content: str, path: str, catalogue: Catalogue) -> Reading:
    return _joined(agents.read(content, path, catalogue), _as_program(content, catalogue))


def _plain(content: str, path: str, catalogue: Catalogue) -> Reading:
    """Text of no known kind; an interpreter runs a file of any name, so what imports as Python does is read as that."""
    out = _joined(text.read(content, catalogue), _as_program(content, catalogue))
    if region_of(path) != "docs":
        _joined(out, python.read_what_parses(content, catalogue))
    elif _CALLS.search(content):  # what it tells of ships where a script runs it
        _joined(out, configs.script(content, catalogue))
    return out


def _as_program(content: str, catalogue: Catalogue) -> Reading:
    """What a text says if it is a program as a whole: an interpreter runs a file of any name."""
    if "import" in content:
        with contextlib.suppress(InputError):
            return python.read(content, catalogue)
    return source.read(content, "javascript", catalogue) if _SCRIPT.match(content) else Reading()
