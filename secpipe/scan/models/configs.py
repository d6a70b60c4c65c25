"""Configuration beside weights: JSON and YAML that make a loader import, call, fetch or open something."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, BinaryIO, Final

from secpipe.core.errors import InputError
from secpipe.core.text import printable
from secpipe.formats.lenient import decode_json, parse_json
from secpipe.formats.problem import script_sign
from secpipe.formats.stream import anywhere, at
from secpipe.formats.words import any_of
from secpipe.formats.yaml import parse_tagged
from secpipe.formats.zips import escapes
from secpipe.scan.models import keras
from secpipe.scan.models.allow import Use
from secpipe.scan.models.around import (
    is_maker,
    judge_activation,
    judge_attention,
    judge_base,
    judge_lines,
    judge_module,
    judge_named,
    judge_parts,
    judge_source,
    judge_tag,
)
from secpipe.scan.models.context import Context
from secpipe.scan.models.data import formats_data
from secpipe.scan.models.templates import DANGER, judge_template

#: Words one of which stands in every configuration that concerns us; all others are not even parsed.
_PLAIN: Final = (
    b"auto_map", b"custom_pipelines", b"trust_remote_code", b"chat_template", b"_target_", b"class_name", b"__class__",
    b"__module__", b"__loader__", b"loader_module", b"python_model", b"weight_map", b"handler", b"model_type",
    b"architectures", b"tokenizer_class", b"adapter_", b"custom_generate", b"tag:yaml", b"class_path", b"_partial_",
    b"jinja", b"__reduce__", b"__import__", b"learner", b"name_or_path", b"base_model", b"\"idx\"",
    b"@callbacks", b"_implementation", b"activation_f",
    b"py/object", b"py/reduce", b"py/function", b"py/repr", b"py/type", b"init_parameters",
    b"\"provider\"", b"component_type", b"implementation",
    b"megatron_core", b"custom_imports", b"structure", b"()",
    b"\"lc\"", b"arg_nodes", b"!new:", b"!apply:", b"!name:", b"!module:",
)  # fmt: skip
#: And those that are no plain words, by what stands in each of them.
_PATTERNS: Final = {
    b"python": rb"!!?python",
    b"%": rb"%TAG|![^\s]{0,80}%[0-9A-Fa-f]{2}",
    b"target": rb"\btarget\b",
    b"_file": rb"_file\b",
    b"\\": rb"\\u00[2-7]|\\x[2-7]",  # ASCII that is written as an escape: a word may be hidden in it
}
WORDS: Final = re.compile(b"|".join((*_PLAIN, *_PATTERNS.values())))
#: Whether one of all these signs stands in bytes: a fortieth of the time of one pattern for all.
may_concern: Final = any_of((*_PLAIN, *_PATTERNS))
_OTHERS: Final = {sign: re.compile(pattern) for sign, pattern in _PATTERNS.items()}
#: In a file too large to be parsed, the keys that a loader acts on; "target" with a dotted name, any key with escapes.
FAR: Final = re.compile(
    rb'(?<!\\)"(?:py/[a-z]{4,8}|init_parameters|component_type|implementation|megatron_core|custom_imports|auto_map|auto_mapping|custom_pipelines|custom_generate|trust_remote_code|_class_name|class_name|'
    rb"model_type|architectures|tokenizer_class|weight_map|learner|(?:default_)?(?:chat|prompt|jinja)_template|template|"
    rb"_target_|class_path|loader_module|python_model|__loader__|__reduce__|handler|[a-z_]{1,20}_(?:file|path)|"
    rb'weights|[^"\\\n]{0,80}\\u00[2-7][^"\n]{0,200})"\s{0,1000}:'
    rb'|(?<!\\)"target"\s{0,1000}:\s{0,1000}"\w{0,200}(?:\.|\\u)'
)
#: Of those, the words that nothing but a model's configuration has.
STRONG: Final = re.compile(
    rb"auto_map|custom_pipelines|trust_remote_code|chat_template|_target_|class_name|__loader__|loader_module|weight_map|"
    rb"model_type|architectures|tokenizer_class|adapter_|custom_generate|!!?python|\\u00[67]"
)
_NAMES: Final = re.compile(
    r"(?:^|[/_.-])(?:config|configuration)\.json$|(?:^|/)(?:tokenizer|chat_template|model_index|metadata|schema|modules|MANIFEST|"
    r"preprocessor|processor|model)\.json$"
    r"|\.index\.json$|(?:^|/)(?:hparams|model_config)\.ya?ml$|(?:^|/)MLmodel$"
)
_PYTHON: Final = "tag:yaml.org,2002:python/"
_PLAIN_TAGS: Final = frozenset({
    "tuple", "list", "dict", "str", "unicode", "bytes", "int", "long", "float", "complex", "bool", "none",
})  # fmt: skip
_TAGS: Final = {"name": Use.REFERENCE, "object": Use.CONSTRUCT, "object/new": Use.CONSTRUCT, "object/apply": Use.CALL}
_PYTHON_TAG: Final = re.compile(r"(?:!!|!|tag:yaml\.org,2002:)python/(\S{0,80})")
_TARGETS: Final = ("_target_", "target", "class_path", "loader_module", "()")
_WORDS_TOO: Final = frozenset({"target", "()"})  # stand in other configurations too
_CLASS: Final = re.compile(r"_?[A-Z]\w*")
_DOTTED: Final = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+")
_TEMPLATE_KEYS: Final = ("chat_template", "prompt_template", "default_chat_template", "jinja_template")
_PATH_KEYS: Final = frozenset({
    "vocab_file", "merges_file", "tokenizer_file", "spm_file", "sp_model_file", "source_spm", "target_spm",
    "vocab_path", "special_tokens_map_file", "weights", "weights_file", "weights_path", "model_file", "model_path",
    "checkpoint_file",    "ckpt_path", "restore_from_path", "adapter_file", "data_file", "codebook_file",
})  # fmt: skip
_AROUND: Final = (judge_activation, judge_attention, judge_base, judge_lines, judge_module)
_SKOPS: Final = ("__class__", "__module__", "__loader__")


def concerns(data: bytes) -> bool:
    """Tell whether a word stands in a text that is in every configuration which concerns us."""
    if not may_concern(data):
        return False
    return any(word in data for word in _PLAIN) or any(
        sign in data and pattern.search(data) for sign, pattern in _OTHERS.items()
    )


def judge_json(context: Context, file: BinaryIO, size: int) -> str:
    """A JSON file, if it configures a model."""
    if size > context.limits.document_bytes:
        return _too_large(context, file, size)
    data = at(file, 0, size)
    try:
        text = decode_json(data)
    except InputError as error:
        return _not_json(context, data, error)
    if not concerns(plain := text.encode("utf-8", "surrogatepass")):
        return ""
    try:
        read = parse_json(text, "the configuration")
    except InputError as error:
        return _not_json(context, plain, error)
    for table in read.hidden:
        judge_value(context, table)
    kind = judge_value(context, read.value)
    if read.hidden and (kind or _is_named(context)):
        key = printable(next(iter(read.hidden[0])), 80)
        context.add("malformed", f"the configuration is ambiguous: key {key!a} stands twice", subject="duplicate key")
    return kind


def is_yaml(name: str) -> bool:
    """Tell whether loaders read a file of this name as YAML."""
    return name.lower().endswith((".yaml", ".yml")) or name.rpartition("/")[2] == "MLmodel"


def _not_json(context: Context, data: bytes, error: InputError) -> str:
    """What begins like JSON and is none: YAML has braces and brackets too."""
    if kind := judge_source(context, data.decode("utf-8", "replace")):  # sections in brackets
        return kind
    return judge_yaml(context, data) if is_yaml(context.name) else _by_text(context, data, error)


def judge_yaml(context: Context, data: bytes) -> str:
    """A YAML text, if it configures a model."""
    try:
        documents, tags = parse_tagged(data, "the configuration", context.limits)
    except InputError as error:
        found = _PYTHON_TAG.search(data.decode("utf-8", "replace"))
        if found:
            _tag(context, found.group(0))
        return "config" if found else _by_text(context, data, error)
    named = sorted(tag for tag in tags if tag.startswith(_PYTHON))
    for tag in named:
        _tag(context, tag)
    for tag in sorted(tags):
        judge_tag(context, tag)
    kinds = [judge_value(context, value) for value in documents if isinstance(value, dict | list)]
    return next(filter(None, kinds), "config" if named else "")


def _tag(context: Context, tag: str) -> None:
    """A tag that PyYAML's loaders make a Python object of: judged as a pickle that did the same."""
    kind, _, path = tag.removeprefix(_PYTHON).partition(":")
    module, _, name = path.rpartition(".")
    use = _TAGS.get(kind)
    if kind in _PLAIN_TAGS and not path:
        return
    if use is not None and name and not context.allow.fault(module or "builtins", name, use):
        signature = context.allow.signature(module or "builtins", name)
        if use is Use.REFERENCE or (signature is not None and signature.is_plain):
            return
    what = printable(tag, 120)
    message = f"a tag makes the loader build Python objects: {what}"
    context.add("yaml-python-tag", message, subject=what, allow=path if use is not None and module and name else "")


def _too_large(context: Context, file: BinaryIO, size: int) -> str:
    """A JSON file that is not read whole: words of a configuration in it, wherever they stand, are told."""
    if not _is_named(context) and not anywhere(file, 0, size, FAR.search):
        return ""
    context.skip(f"the configuration is larger than {context.limits.document_bytes:,} bytes")
    return "config"


def _is_named(context: Context) -> bool:
    """Whether the name says that a loader takes the file for a configuration."""
    return _NAMES.search(context.name) is not None


def judge_text(context: Context, text: str) -> None:
    """Judge a text of another format's metadata that some loaders take for a configuration (JSON, YAML, Python)."""
    if concerns(data := text.encode("utf-8", "replace")):
        judge_yaml(context, data)


def _by_text(context: Context, data: bytes, error: InputError) -> str:
    """What does not parse may still be read by some loader: look for the words, and say so where it is a config."""
    text = data.decode("utf-8", "replace")
    for key in ("auto_map", "custom_pipelines", "_target_"):
        if re.search(rf'["\']?{key}["\']?\s*[:=]', text):
            context.unread("unreadable", f"a configuration that does not parse names {key}")
            return "config"
    if _is_named(context) and (context.where or STRONG.search(data.replace(b"\0", b""))):
        context.unread("unreadable", f"the configuration cannot be read: {error.message}")
        return "config"
    return ""


def judge_value(context: Context, value: Any) -> str:
    """Judge a parsed configuration; return its kind, "" where it is nothing to us."""
    kinds: set[str] = set()
    for key, item, table in _walk(value):
        for judge in (_code, _template, _target, _path, judge_named, _skops, _keras, _handler, *_AROUND):
            if kind := judge(context, key, item, table):
                kinds.add(kind)
    if kinds:
        for key, item, _ in _walk(value):
            _text(context, key, item)
    return min(kinds, default="")


def _walk(value: Any) -> Iterator[tuple[str, Any, dict[str, Any]]]:
    """Yield every (key, value, table it stands in), without recursion; what several aliases of YAML mean, once."""
    pending, met = [value], set[int]()
    while pending:
        item = pending.pop()
        if not isinstance(item, dict | list) or id(item) in met:
            continue
        met.add(id(item))
        if isinstance(item, dict):
            for key, inner in item.items():
                yield str(key), inner, item
            pending.extend(reversed(list(item.values())))
        else:
            pending.extend(reversed(item))


def _code(context: Context, key: str, item: Any, table: dict[str, Any]) -> str:
    """Custom code of a Hugging Face repository."""
    if key in formats_data().of("huggingface", "code_keys") and item:
        if isinstance(item, int) or (key == "auto_mapping" and not _is_foreign(context, item)):
            return ""  # a word in the list of a tokenizer, or a known library
        names = ", ".join(sorted({str(name) for name in _leaves(item)}))
        message = f"{key} makes the loader import code of the repository: {printable(names, 200)}"
        context.add("remote-code", message, subject=f"{key} {names}", allow=f"{key} {names}")
        return "config"
    if key == "trust_remote_code" and str(item).lower() in {"true", "yes", "1", "on"}:  # not its number in a vocabulary
        message = "trust_remote_code makes the loader import code of the repository"
        context.add("remote-code", message, subject=key, allow=key)
        return "config"
    if key == "_class_name" and "_diffusers_version" in table:
        judge_parts(context, item, table)
        return "config"
    if key in {"model_type", "tokenizer_class", "weight_map"}:
        return "config"
    if key == "learner" and isinstance(item, dict) and "gradient_booster" in item:
        return "xgboost"  # numbers, and names of objectives that the library has itself
    return ""


def _is_foreign(context: Context, item: Any) -> bool:
    """Whether PEFT's `auto_mapping` imports its base class from anything but a known library."""
    if not isinstance(item, dict):
        return True
    module, name = str(item.get("parent_library") or ""), str(item.get("base_model_class") or "")
    return bool(module) and context.allow.fault(module, name, Use.CONSTRUCT) != ""


def _template(context: Context, key: str, item: Any, table: dict[str, Any]) -> str:
    if key not in _TEMPLATE_KEYS and not (key == "template" and isinstance(item, str) and DANGER.search(item)):
        return ""
    named = item if isinstance(item, list) else [{"name": key, "template": item}]
    found = ""
    if isinstance(item, dict):
        named = [{"name": name, "template": text} for name, text in item.items()]
    for entry in named:
        text = entry.get("template") if isinstance(entry, dict) else entry
        if isinstance(text, str) and ("{{" in text or "{%" in text):
            judge_template(
                context, text, key if not isinstance(entry, dict) else f"{key} {entry.get('name', '')}".strip()
            )
            found = "chat-template"
    return found


def _target(context: Context, key: str, item: Any, table: dict[str, Any]) -> str:
    """Hydra and its kin (NeMo, Lightning, MLflow): the value is imported and called."""
    if key not in _TARGETS or not isinstance(item, str):
        return ""
    named = item.replace(".", "").isidentifier() if key == "loader_module" else _DOTTED.fullmatch(item) is not None
    if key != "_target_" and not (named and (key != "target" or {"params", "init_args"} & set(table))):
        return ""
    if key == "loader_module":
        if not item.startswith("mlflow."):
            context.add("remote-code", f"MLflow loads the model by the module {item}", subject=item, allow=item)
        return "config"
    module, _, name = item.rpartition(".")
    rule = context.allow.fault(module, name, Use.CALL) if module else "unlisted-call"
    classes = module.partition(".")[0] in formats_data().of("configurations", "packages") and _CLASS.fullmatch(name)
    if rule == "unlisted-class" or (rule == "unlisted-call" and classes) or (rule and is_maker(context, item, rule)):
        return "config"  # a class of a known package: making one is what such a configuration is for
    if rule == "unlisted-call" and _CLASS.fullmatch(name):
        rule = "unlisted-import"
    if key in _WORDS_TOO and rule not in {"dangerous-call", "code-object", "attribute-path"}:
        return ""  # a common word
    if rule:
        context.add(
            rule, f"the configuration calls {printable(item, 160)}", subject=item, call=f"{item}(…)", allow=item
        )
    return "config"


def _path(context: Context, key: str, item: Any, table: dict[str, Any]) -> str:
    """File names that a loader joins to its folder: shards, vocabularies, external data."""
    if key == "weight_map" and isinstance(item, dict):
        for name in {name for name in item.values() if isinstance(name, str)}:
            if escapes(name) or "://" in name:
                context.add("path-escape", f"a shard of weights lies outside: {printable(name, 160)}", subject=name)
        return "config"
    if isinstance(item, str) and key in _PATH_KEYS and (item.lower().startswith("file://") or _climbs(item)):
        context.add("path-escape", f"{printable(key, 60)} points outside: {printable(item, 160)}", subject=item)
        return "config"
    return ""


def _climbs(path: str) -> bool:
    return ".." in path.replace("\\", "/").split("/")


def _skops(context: Context, key: str, item: Any, table: dict[str, Any]) -> str:
    """skops' schema: types by name, some of which are called when the file is loaded."""
    if key != "__loader__" or not all(isinstance(table.get(name), str) for name in _SKOPS):
        return ""
    module, name, loader = table["__module__"], table["__class__"], table["__loader__"]
    if loader in {"MethodNode", "OperatorFuncNode"}:
        if loader == "MethodNode" or not module.startswith(("operator", "_operator")):
            path = f"{module}.{name}"
            context.add("unlisted-call", f"skops binds {printable(path, 160)}", subject=path, allow=path)
        elif name in {"methodcaller", "attrgetter", "call"}:
            context.add("dangerous-call", f"skops builds operator.{name}", subject=f"operator.{name}")
        return "skops"
    use = Use.CALL if loader == "ReduceNode" else Use.CONSTRUCT if loader == "ObjectNode" else Use.REFERENCE
    rule = context.allow.fault(module, name, use)
    if rule and rule != "unlisted-class":
        path = f"{module}.{name}"
        context.add(rule, f"skops {use.value} {printable(path, 160)}", subject=path, allow=path)
    return "skops"


def _keras(context: Context, key: str, item: Any, table: dict[str, Any]) -> str:
    if key != "class_name" or not isinstance(item, str) or not {"config", "module", "registered_name"} & set(table):
        return ""
    keras.judge_object(context, table)
    return "keras"


def _handler(context: Context, key: str, item: Any, table: dict[str, Any]) -> str:
    """The manifest of a TorchServe archive names the Python file that serves the model."""
    if key != "handler" or not isinstance(item, str) or not {"modelName", "serializedFile"} & set(table):
        return ""
    if item not in formats_data().of("torchserve", "handlers"):
        message = f"the archive brings its own handler: {printable(item, 120)}"
        context.add("serving-handler", message, subject=item, allow=item)
    return "mar"


def _text(context: Context, key: str, item: Any) -> None:
    """Strings of a configuration that look like code."""
    if isinstance(item, str) and len(item) >= 8 and key not in _TEMPLATE_KEYS and key != "template":
        sign = script_sign(item)
        if sign and ("__" in sign or "(" in sign or "|" in sign or "." in sign):
            context.add(
                "script-text", f"{printable(key, 60)} holds what looks like code: {printable(sign, 60)}", subject=key
            )


def _leaves(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        yield from (item for item in value if isinstance(item, str))
    for _, item, _ in _walk(value):
        if isinstance(item, str):
            yield item
        elif isinstance(item, list):
            yield from (inner for inner in item if isinstance(inner, str))
