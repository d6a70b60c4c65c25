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
#: ending -> the field that names an operation, and whose graphs have it.
_GRAPHS: Final = {
    ".pbtxt": (re.compile(r"\bop\s{0,9}:\s{0,9}((?:(?:\"[^\"\n]{0,200}\"|'[^'\n]{0,200}')\s{0,9}){1,9})"), "graphdef"),
    ".prototxt": (
        re.compile(r"\btype\s{0,9}:\s{0,9}((?:(?:\"[^\"\n]{0,200}\"|'[^'\n]{0,200}')\s{0,9}){1,9})"),
        "caffe",
    ),
}
_QUOTED: Final = re.compile(r"\"[^\"\n]*\"|'[^'\n]*'")
#: A text as it stands, or a comment.
_COMMENT: Final = re.compile(r"(\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*')|#[^\n]*")
_OCTAL: Final = re.compile(r"\\(?:([0-7]{1,3})|[xX]([0-9a-fA-F]{1,2}))")
#: Tags of HyperPyYAML.
_TAGS: Final = {"new": Use.CALL, "apply": Use.CALL, "name": Use.REFERENCE, "module": Use.REFERENCE}
_MODULE: Final = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*")
_TRITON: Final = re.compile(r"\bbackend\s{0,9}:\s{0,9}[\"']python[\"']")
_DOTTED: Final = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+")
_BASES: Final = frozenset({"_name_or_path", "base_model_name_or_path", "base_model", "teacher_name_or_path"})
_SHORT: Final = 6  # characters of an organisation's name below which one other character is another name
#: Characters that read alike.
_ALIKE: Final = str.maketrans({"1": "l", "i": "l", "0": "o", "5": "s", "3": "e", "-": "", "_": "", ".": ""})


def is_source(name: str, suffix: str) -> bool:
    """Tell whether `judge_source` looks into a text of this name."""
    return suffix in {".cfg", *_GRAPHS} or _GENERATE.search(name) is not None


def judge_source(context: Context, text: str) -> str:
    """A text that a model's loader takes for code or for a list of hooks; "" for all others."""
    if _GENERATE.search(context.name):
        message = "generate() imports this file of the model's folder where custom code is trusted"
        context.add("remote-code", message, subject="custom_generate", allow="custom_generate")
        return "custom-generate"
    if context.suffix in _GRAPHS:
        return _judge_graph(context, text)
    if context.suffix != ".cfg" or not _SPACY.search(text):
        return ""
    for name in sorted({found[1] for found in _CALLBACK.finditer(text)}):
        if not name.startswith("spacy."):
            message = f"spaCy calls {printable(name, 120)} when it makes the pipeline"
            context.add("remote-code", message, subject=name, allow=name)
    return "spacy"


def _judge_graph(context: Context, text: str) -> str:
    """A graph of TensorFlow or Caffe written as text; Caffe imports the module of a layer of its kind `Python`."""
    field, kind = _GRAPHS[context.suffix]
    text = _COMMENT.sub(lambda found: found[1] or " ", text)
    if context.name.endswith("config.pbtxt") and _TRITON.search(_unquoted(f" {text} ")):
        message = "Triton runs the model.py of this folder"
        context.add("serving-handler", message, subject="backend python", allow="backend python")
        return "triton"
    names = {"".join(map(_unquoted, _QUOTED.findall(found[1]))) for found in field.finditer(text)}
    for name in sorted(names):
        shown = printable(name, 80)
        if name == "Python" and kind == "caffe":
            context.add("graph-escape", "a layer is Python that the model's folder brings", subject=name, call=name)
        elif formats_data().is_operation(name, "dangerous"):
            message = f"the graph reaches files, processes or the network by {shown}"
            context.add("graph-escape", message, subject=name, call=name)
        elif formats_data().is_operation(name, "review"):
            message = f"the graph reads or sends outside data by {shown}"
            context.add("graph-outside", message, subject=name, allow=name)
    return kind if names else ""


def _unquoted(text: str) -> str:
    """Return a string of text protobuf without its quotes and escapes."""
    return _OCTAL.sub(lambda found: chr(int(found[1], 8) if found[1] else int(found[2], 16)), text[1:-1])


def judge_lines(context: Context, key: str, item: Any, table: dict[str, Any]) -> str:
    """Objects of LangChain by their path, custom operations of MXNet, code that MLflow puts on its path."""
    if key == "id" and table.get("type") == "constructor" and "lc" in table and isinstance(item, list) and item:
        path = ".".join(map(str, item))
        if str(item[0]) not in formats_data().of("configurations", "langchain"):
            message = f"LangChain makes {printable(path, 160)} when it reads the chain"
            context.add("unlisted-import", message, subject=path, allow=path)
        return "langchain"
    if key == "arg_nodes" and isinstance(nodes := table.get("nodes"), list):
        if any(isinstance(node, dict) and node.get("op") == "Custom" for node in nodes):
            context.add(
                "custom-operator", "the graph has an operation of the program's own", subject="Custom", allow="Custom"
            )
        return "mxnet"
    if key in {"code", "model_code_path"} and "loader_module" in table and isinstance(item, str) and item:
        message = f"MLflow imports code that the model brings: {printable(item, 120)}"
        context.add("remote-code", message, subject=f"{key} {item}", allow=f"{key} {item}")
        return "config"
    return ""


def judge_named(context: Context, key: str, item: Any, table: dict[str, Any]) -> str:
    """Keys of several loaders under which a dotted name stands that they import: see `[configurations.imported]`."""
    if key.startswith("py/") and isinstance(item, str | list | dict):
        return _judge_jsonpickle(context, key, item)
    if key == "custom_imports" and isinstance(item, dict):
        names = item.get("imports")
        for name in sorted({str(name) for name in (names if isinstance(names, list) else [names]) if name}):
            shown = printable(name, 120)
            context.add("remote-code", f"the configuration imports {shown}", subject=name, allow=name)
        return "config"
    if key == "types" and isinstance(item, dict) and "structure" in table:
        for name in item.values():
            judge_module(context, "type", name, {"idx": 0, "path": ""})
        return "config"
    if key == "provider" and isinstance(item, str) and "config" in table and _DOTTED.fullmatch(item):
        module, _, name = item.rpartition(".")
        rule = context.allow.fault(module, name, Use.CALL)
        if name[0].isupper() and rule in {"dangerous-call", "code-object"}:
            context.add(rule, f"{key} imports {printable(item, 120)}", subject=item, call=item)
            return "config"
    known = formats_data().imported.get(key)
    if known is None or not isinstance(item, str) or not known[0] <= set(table) or not _MODULE.fullmatch(item):
        return ""
    if item.partition(".")[0] in known[1] or (not table.get("megatron_config") and key == "megatron_core"):
        return "config"
    context.add("remote-code", f"{key} imports {printable(item, 120)}", subject=item, call=item, allow=item)
    return "config"


def _judge_jsonpickle(context: Context, key: str, item: Any) -> str:
    """jsonpickle: imports, makes and calls what it names, as a pickle does."""
    use = {"py/object": Use.CONSTRUCT, "py/type": Use.REFERENCE, "py/function": Use.CALL, "py/repr": Use.CALL}.get(key)
    if use is None or not isinstance(item, str):
        return "jsonpickle" if key in {"py/reduce", "py/state", "py/tuple", "py/set", "py/id"} else ""
    module, _, name = item.partition("/")[0].rpartition(".")
    rule = "code-object" if key == "py/repr" else context.allow.fault(module or "builtins", name, use)
    if rule:
        shown = printable(item, 120)
        context.add(rule, f"jsonpickle {use.value} {shown}", subject=item, call=f"{shown}(…)", allow=item)
    return "jsonpickle"


def judge_parts(context: Context, pipeline: Any, table: dict[str, Any]) -> None:
    """model_index.json: each part is [library, class]; a library that is none is a file of the repository."""
    libraries = formats_data().of("huggingface", "libraries")
    parts = {name: part[:2] for name, part in table.items() if isinstance(part, list) and len(part) in {2, 3}}
    for name, part in table.items():
        hint = (
            part[2].get("type_hint") if isinstance(part, list) and len(part) == 3 and isinstance(part[2], dict) else 0
        )
        if isinstance(hint, list) and len(hint) == 2:
            parts[f"{name} type_hint"] = hint
    if isinstance(pipeline, list) and len(pipeline) == 2:
        parts["_class_name"] = pipeline
    for name, (library, part) in parts.items():
        if isinstance(library, str) and isinstance(part, str) and library.split(".")[0] not in libraries:
            what = f"{library}.{part}"
            message = f"{name} is loaded from code of the repository: {what}"
            context.add("remote-code", message, subject=what, allow=what)


def is_maker(context: Context, item: str, rule: str) -> bool:
    """Whether a function is one that configurations call to make a model."""
    parts = item.split(".")
    if (
        rule.startswith("dangerous")
        or context.allow.refused_names.search(parts[-1])
        or any(p[:1] == "_" for p in parts)
    ):
        return False
    return any(re.fullmatch(pattern, item) for pattern in formats_data().of("configurations", "functions"))


def judge_tag(context: Context, tag: str) -> None:
    """A tag of HyperPyYAML, by which SpeechBrain imports, makes or calls what is named."""
    kind, _, path = tag.lstrip("!").partition(":")
    module, _, name = path.rpartition(".")
    if kind not in _TAGS or not path:
        return
    rule = context.allow.fault(module, name, _TAGS[kind]) if module else "unlisted-import"
    known = path.partition(".")[0] in formats_data().of("configurations", "packages")
    if rule and rule != "unlisted-class" and not (known and rule.startswith("unlisted")):
        shown = printable(path, 120)
        context.add(rule, f"a tag makes the loader call {shown}", subject=path, call=f"{shown}(…)", allow=path)


def judge_module(context: Context, key: str, item: Any, table: dict[str, Any]) -> str:
    """The class of a step of sentence-transformers: one of no known library is a file of the repository."""
    if key != "type" or not isinstance(item, str) or not {"idx", "path"} <= set(table) or not _DOTTED.fullmatch(item):
        return ""
    module, _, name = item.rpartition(".")
    if context.allow.fault(module, name, Use.CONSTRUCT):
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
