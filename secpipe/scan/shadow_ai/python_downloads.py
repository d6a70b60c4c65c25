"""Model downloads in Python: where the model comes from, whether its revision is pinned, whether remote code may
run.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from typing import Any

from secpipe.scan.shadow_ai.catalogue import Catalogue
from secpipe.scan.shadow_ai.fold import Scope
from secpipe.scan.shadow_ai.hosts import HOLE
from secpipe.scan.shadow_ai.signal import Download

_REPOSITORY = re.compile(r"[\w.-]{1,96}(?:/[\w.-]{1,96})?(?:[:@][\w./-]+)?")
#: A word without a sign or a number is hardly a repository of a hub: it stands for something of the program's own.
_SIGN = re.compile(r"[\d/.-]")
_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_LOCAL = ("./", "../", "/", "~", "\\", "C:", "file:")
#: A method of any class, or only of one imported from the module the catalogue names.
_ANYWHERE = {
    "from_pretrained",
    "hf_hub_download",
    "snapshot_download",
    "SentenceTransformer",
    "from_single_file",
    "CrossEncoder",
    "load_adapter",
    "load_lora_weights",
}


def download_of(node: ast.Call, name: str, last: str, scope: Scope, catalogue: Catalogue) -> Download | None:
    """Return the download a call makes, or None; a path on this machine is no download."""
    rules = catalogue.signals["downloads"]
    two = ".".join(name.split(".")[-2:])
    rule = rules.get(two) or rules.get(last)
    if rule is None:
        return None
    module = rule.get("module", "")
    if module and name.split(".")[0] != module:
        return None
    if not module and last not in _ANYWHERE and not catalogue.imported("python", name)[0]:
        return None
    words = {word.arg: word.value for word in node.keywords if word.arg}
    if "needs" in rule and not _true(words.get(rule["needs"]), scope):
        return None  # without it nothing is fetched
    named = (rule["argument"], *rule.get("also", ()))
    argument = next((words[key] for key in named if key in words), None)
    if argument is None and len(node.args) > rule["position"]:
        argument = node.args[rule["position"]]
    sources = sorted(scope.fold(argument).texts)
    source = next((text for text in sources if HOLE not in text), "")
    trusts = _true(words.get("trust_remote_code"), scope) or _true(words.get("trust_repo"), scope)
    if source and (source.startswith(_LOCAL) or not ("://" in source or _REPOSITORY.fullmatch(source))):
        return None
    if source in rule.get("local", ()) and not trusts and not _remote(words, scope):
        return None  # a reader of files on this machine, and no name of a repository
    if not source and not trusts:
        return None  # a variable: usually a path; where remote code is allowed it is reported all the same
    if _true(words.get("local_files_only"), scope):
        return None
    return Download(
        _provider(rule["provider"], name, source),
        _with_part(source, rule, node, words, scope),
        node.lineno,
        _pinned(rule["pin"], words, source, scope),
        trusts,
        last,
        thing=(thing := _thing(rule.get("thing", "model"), words, scope)),
        seen=thing != "model" or _SIGN.search(source) is not None or rule["provider"] != "huggingface",
    )


def _with_part(source: str, rule: Mapping[str, Any], node: ast.Call, words: dict[str, ast.expr], scope: Scope) -> str:
    """Return the source with the one of its models that is loaded, where a repository holds many."""
    if not source or "part" not in rule:
        return source if "/" in source or not source else rule.get("prefix", "") + source
    argument = words.get(rule["part"]) or (node.args[1] if len(node.args) > 1 else None)
    named = next((text for text in sorted(scope.fold(argument).texts) if _REPOSITORY.fullmatch(text)), "")
    return f"{source} {named}".strip()


def _remote(words: dict[str, ast.expr], scope: Scope) -> bool:
    """Whether the files that are given may stand elsewhere: an address, or a name that is not known."""
    given = [words[key] for key in ("data_files", "data_dir") if key in words]
    leaves = [leaf for node in given for leaf in _leaves(node)]
    texts = {text for leaf in leaves for text in scope.fold(leaf).texts}
    return not given or any("://" in text for text in texts)


def _leaves(node: ast.expr) -> list[ast.expr]:
    if isinstance(node, ast.Dict):
        return [leaf for value in node.values for leaf in _leaves(value)]
    if isinstance(node, ast.List | ast.Tuple):
        return [leaf for value in node.elts for leaf in _leaves(value)]
    return [node]


def _thing(default: str, words: dict[str, ast.expr], scope: Scope) -> str:
    """Return what is fetched: the hub's own word where the call says it."""
    return "dataset" if "dataset" in scope.fold(words.get("repo_type")).texts else default


def _provider(default: str, name: str, source: str) -> str:
    return "modelscope" if name.startswith("modelscope.") else default


def _true(node: ast.expr | None, scope: Scope) -> bool:
    """Whether an argument is true or may be: only a literal False (or absence) says no."""
    if node is None:
        return False
    return not (isinstance(node, ast.Constant) and not node.value)


def _pinned(pin: str, words: dict[str, ast.expr], source: str, scope: Scope) -> bool:
    """A full commit id pins; a branch or tag can be moved. `pin` names the argument or the mark inside the source."""
    if pin in {":", "@", "/"}:
        return bool(_COMMIT.fullmatch(source.rpartition(pin)[2])) if pin != "/" else source.rpartition("/")[2].isdigit()
    if pin == "check_hash":
        return _true(words.get(pin), scope)
    texts = scope.fold(words.get(pin)).texts if pin else frozenset()
    return bool(texts) and all(_COMMIT.fullmatch(text) for text in texts)
