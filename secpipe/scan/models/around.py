"""What stands around weights and is loaded with them: modules, callbacks, bases of look-alike names."""

from __future__ import annotations

import re
from typing import Any, Final

from secpipe.core.text import printable
from secpipe.scan.models.allow import Use
from secpipe.scan.models.context import Context
from secpipe.scan.models.data import formats_data

#: spaCy's hooks before and after a pipeline is made, each a function by its registered name.
_CALLBACK: Final = re.compile(r"^[ \t]*@callbacks[ \t]*=[ \t]*[\"']([^\"'\n]{1,200})[\"']", re.MULTILINE)
_SPACY: Final = re.compile(r"^\[nlp\]", re.MULTILINE)
_GENERATE: Final = re.compile(r"(?:^|/)custom_generate/generate\.py$")
_DOTTED: Final = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+")
_BASES: Final = frozenset({"_name_or_path", "base_model_name_or_path", "base_model", "teacher_name_or_path"})
_SHORT: Final = 6  # characters of an organisation's name below which one other character is another name
#: Characters that read alike.
_ALIKE: Final = str.maketrans({"1": "l", "i": "l", "0": "o", "5": "s", "3": "e", "-": "", "_": "", ".": ""})


def is_source(name: str, suffix: str) -> bool:
    """Tell whether `judge_source` looks into a text of this name."""
    return suffix == ".cfg" or _GENERATE.search(name) is not None


def judge_source(context: Context, text: str) -> str:
    """A text that a model's loader takes for code or for a list of hooks; "" for all others."""
    if _GENERATE.search(context.name):
        message = "generate() imports this file of the model's folder where custom code is trusted"
        context.add("remote-code", message, subject="custom_generate", allow="custom_generate")
        return "custom-generate"
    if context.suffix != ".cfg" or not _SPACY.search(text):
        return ""
    for name in sorted({found[1] for found in _CALLBACK.finditer(text)}):
        if not name.startswith("spacy."):
            message = f"spaCy calls {printable(name, 120)} when it makes the pipeline"
            context.add("remote-code", message, subject=name, allow=name)
    return "spacy"


def judge_module(context: Context, key: str, item: Any, table: dict[str, Any]) -> str:
    """The class of a step of sentence-transformers: one of no known library is a file of the repository."""
    if key != "type" or not isinstance(item, str) or not {"idx", "path"} <= set(table) or not _DOTTED.fullmatch(item):
        return ""
    if item.partition(".")[0] not in formats_data().of("huggingface", "libraries") | {"sentence_transformers"}:
        context.add("remote-code", f"a step is loaded from code of the repository: {item}", subject=item, allow=item)
    return "config"


def judge_attention(context: Context, key: str, item: Any, table: dict[str, Any]) -> str:
    """Which implementation a part of the model is run by: one named like a repository is code that is downloaded."""
    if not key.endswith("_implementation") and key != "_attn_implementation_internal":
        return ""
    names = [name for name in (item.values() if isinstance(item, dict) else [item]) if isinstance(name, str)]
    for name in sorted({name for name in names if "/" in name}):
        shown = printable(name, 120)
        context.add("remote-code", f"{printable(key, 60)} loads a kernel from {shown}", subject=name, allow=name)
    return "config" if names else ""


def judge_activation(context: Context, key: str, item: Any, table: dict[str, Any]) -> str:
    """A function between two steps of sentence-transformers, by its dotted name: it is imported and called."""
    if key.rpartition("_")[2] not in {"function", "fn"} or "activation" not in key or not isinstance(item, str):
        return ""
    module, _, name = item.rpartition(".")
    if not module:
        return ""  # a word that the library itself knows
    rule = context.allow.fault(module, name, Use.CALL)
    if rule and rule != "unlisted-class":
        shown = printable(item, 120)
        context.add(rule, f"the configuration calls {shown}", subject=item, call=f"{item}(…)", allow=item)
    return "config"


def judge_base(context: Context, key: str, item: Any, table: dict[str, Any]) -> str:
    """The model that this one is made from: an organisation that only reads like a known one is none."""
    if key not in _BASES or not isinstance(item, str) or item.count("/") != 1:
        return ""
    owner = item.partition("/")[0].lower()
    if known := look_alike(owner):
        message = f"{printable(item, 120)} is named like a model of {known}, and is none of it"
        context.add("look-alike", message, subject=item, allow=item)
    return ""


def look_alike(owner: str) -> str:
    """Return the known organisation that another one's name reads like, "" where there is none."""
    known = formats_data().of("huggingface", "organisations")
    if owner in known:
        return ""
    plain = _plain(owner)
    for name in sorted(known):
        if plain == _plain(name) or (len(name) >= _SHORT and _one_apart(owner, name)):
            return name
    return ""


def _plain(name: str) -> str:
    return name.lower().translate(_ALIKE).replace("rn", "m").replace("vv", "w")


def _one_apart(one: str, other: str) -> bool:
    """Tell whether one character is missing, added or changed, or two stand in the wrong order."""
    if abs(len(one) - len(other)) > 1:
        return False
    at = next((index for index, pair in enumerate(zip(one, other, strict=False)) if pair[0] != pair[1]), len(one))
    a, b = one[at:], other[at:]
    return a[1:] == b or a == b[1:] or a[1:] == b[1:] or (a[:2] == b[1::-1] and a[2:] == b[2:])
