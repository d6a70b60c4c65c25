"""What code and settings name of models and datasets without calling a service: for the bill of materials alone.

The function of a library that loads by a name of its own (`whisper.load_model("base")`), the default of an option
(`--model`, a field `model_name_or_path`), a key of a settings file. Which ones is data: `[references]` and `[options]`
of the catalogue's signals. None of them is a use of a provider or a finding.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from typing import Any

from secpipe.formats import kinds
from secpipe.scan.shadow_ai.catalogue import Catalogue, squash
from secpipe.scan.shadow_ai.fold import Scope
from secpipe.scan.shadow_ai.hosts import HOLE
from secpipe.scan.shadow_ai.signal import Download

_REPOSITORY = re.compile(r"[A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9][\w.-]{0,95}")
_WORD = re.compile(r"[A-Za-z0-9][\w./:-]{1,95}")
_FILE = re.compile(r"\.(?:py|json|ya?ml|toml|txt|csv|md|cfg|ini|sh|html?|js|ts|xml|log|png|jpe?g|zip|gz)$", re.I)


def reference_of(node: ast.Call, name: str, scope: Scope, catalogue: Catalogue) -> Download | None:
    """Return what a library's own function loads by name; `name` is the dotted name of what is called."""
    rule, last = _rule(name, catalogue.signals["references"])
    if rule is None:
        return None
    words = {word.arg: word.value for word in node.keywords if word.arg}
    if any(_is_off(words.get(key)) for key in rule.get("unless", ())):
        return None
    if "needs" in rule and all(_is_off(words.get(key), absent=True) for key in rule["needs"]):
        return None
    if rule.get("itself"):
        texts = [last]
    else:
        argument = next((words[key] for key in rule["argument"] if key in words), None)
        position = rule.get("position", 0)
        if argument is None and len(node.args) > position:
            argument = node.args[position]
        texts = sorted(text for text in scope.fold(argument).texts if HOLE not in text and _WORD.fullmatch(text))
    source = next((text for text in texts if not text.startswith((".", "/"))), "")
    if not source or _FILE.search(source):
        return None
    thing = "dataset" if source in rule.get("datasets", ()) else "model"
    prefix = rule.get("prefix", "")
    full = source if ("/" in source and "slash" not in rule) or source.startswith(prefix) else prefix + source
    return Download("", full, node.lineno, False, False, last, thing=thing)


def _rule(name: str, rules: Mapping[str, Mapping[str, Any]]) -> tuple[Mapping[str, Any] | None, str]:
    """Return the rule of a function by its whole name, or by the module above it and its last word."""
    last = name.rpartition(".")[2]
    if name in rules:
        return rules[name], last
    parts = name.split(".")[:8]
    for at in range(len(parts) - 1, 0, -1):
        rule = rules.get(".".join(parts[:at]) + ".*")
        if rule is not None and rule.get("last", last) == last:
            return rule, last
    return None, last


def _is_off(node: ast.expr | None, *, absent: bool = False) -> bool:
    if node is None:
        return absent
    return isinstance(node, ast.Constant) and not node.value


def defaults_of(node: ast.AST, name: str, scope: Scope, catalogue: Catalogue) -> Iterator[Download]:
    """Yield what an option's default names: of argparse, click, a dataclass, a constant."""
    if isinstance(node, ast.Call):
        flags = [one.value for one in node.args if isinstance(one, ast.Constant) and isinstance(one.value, str)]
        value = next((word.value for word in node.keywords if word.arg == "default"), None)
        keys = flags if name.rpartition(".")[2] in {"add_argument", "option", "add_option"} else []
        yield from _named(node, keys, value, scope, catalogue, "an option", seen=True)
    elif isinstance(node, ast.Assign | ast.AnnAssign):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        keys = [one.id for one in targets if isinstance(one, ast.Name)]
        value = node.value
        if isinstance(value, ast.Call):  # field(default=...), Field("...")
            given = [word.value for word in value.keywords if word.arg == "default"]
            value = next(iter([*given, *value.args[:1]]), None)
        if isinstance(value, ast.Dict | ast.List | ast.Tuple) and any("models" in squash(key) for key in keys):
            yield from _listed(value)
        elif isinstance(value, ast.Constant):
            yield from _named(node, keys, value, scope, catalogue, "a setting", seen=False)


def _listed(value: ast.Dict | ast.List | ast.Tuple) -> Iterator[Download]:
    """Yield the repositories in a table or list that is called the models of something."""
    for one in value.values if isinstance(value, ast.Dict) else value.elts:
        if isinstance(one, ast.Constant) and isinstance(one.value, str) and _REPOSITORY.fullmatch(one.value):
            yield Download("", one.value, one.lineno, False, False, "a table", seen=False)


def _named(
    node: ast.expr | ast.stmt, keys: list[str], value: ast.expr | None, scope: Scope, catalogue: Catalogue, call: str,
    *, seen: bool,
) -> Iterator[Download]:  # fmt: skip
    things = {thing for key in keys if (thing := thing_of(key, catalogue))}
    for text in sorted(scope.fold(value).texts) if things and value is not None else ():
        if is_named(text, keys, catalogue):
            yield Download("", text, node.lineno, False, False, call, thing=min(things), seen=seen)


def thing_of(key: str, catalogue: Catalogue) -> str:
    """Return what an option of this name names: `model`, `dataset`, or ""."""
    word = squash(key)
    for thing, endings in catalogue.signals["options"]["endings"].items():
        if word.endswith(tuple(endings)):
            return str(thing)
    return ""


def is_named(text: str, keys: list[str], catalogue: Catalogue) -> bool:
    """Whether a default names a repository of a hub, or a model of a provider; a path on this machine is neither."""
    options = catalogue.signals["options"]
    if _FILE.search(text) or text.lower().endswith(tuple(kinds.WEIGHTS)):
        return False
    if _REPOSITORY.fullmatch(text):
        return text.partition("/")[0].lower() not in options["local"]
    if not _WORD.fullmatch(text) or "/" in text:
        return False
    whole = any(squash(key).endswith(tuple(options["whole"])) for key in keys)
    return bool(catalogue.model_owner(text)) or (whole and "-" in text)


def setting_of(key: str, value: str, line: int, catalogue: Catalogue) -> Download | None:
    """Return what a key of a settings file names, as `model_name_or_path: org/name`."""
    thing = thing_of(key, catalogue)
    if not thing or "/" not in value or not is_named(value, [key], catalogue):
        return None
    return Download("", value, line, False, False, "a setting", thing=thing, seen=True)
