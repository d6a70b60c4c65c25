"""Models written as text: PMML and OpenVINO (XML), Ollama's Modelfile, chat templates, TorchScript code."""

from __future__ import annotations

import re
from typing import BinaryIO, Final

from secpipe.core.text import printable
from secpipe.formats.coding import as_utf8, coding_of
from secpipe.formats.stream import anywhere, at
from secpipe.formats.zips import escapes
from secpipe.scan.models.around import is_source, judge_source, look_alike
from secpipe.scan.models.configs import WORDS, concerns, is_yaml, judge_yaml, may_concern
from secpipe.scan.models.context import Context
from secpipe.scan.models.data import formats_data
from secpipe.scan.models.templates import DANGER, judge_template, parses
from secpipe.scan.models.work import LOOK

_MODEL_XML: Final = re.compile(r"<(?:\w+:)?(?:PMML|net)\b", re.IGNORECASE)
_ENTITY: Final = re.compile(
    r"<!ENTITY\b[^>]{0,2000}>?|<!DOCTYPE\b[^<>\[]*?(?:\[|\b(?:SYSTEM|PUBLIC)\b[^<>]{0,500})",
    re.IGNORECASE,
)
_INCLUDE: Final = re.compile(
    r"<(?:\w+:)?include\b[^<>]*?\bhref\s*=\s*[\"']([^\"']+)|<\?xml-stylesheet\b[^>]{0,300}", re.IGNORECASE
)
_XML_SCRIPT: Final = re.compile(
    r"<(?:\w+:)?script\b|\bxsl:|javascript:|Runtime\.getRuntime|<!\[CDATA\[\s*(?:import|__import__|#!)", re.IGNORECASE
)
_XML_FILE: Final = re.compile(
    r"\b(?:library|plugin|extension|weights|location|kernel|source)\s*=\s*[\"']([^\"']+)[\"']", re.IGNORECASE
)
_MODELFILE: Final = re.compile(
    r"^[ \t]*(FROM|ADAPTER|TEMPLATE|SYSTEM|PARAMETER|MESSAGE|LICENSE|REQUIRES)\b[ \t]*(.*)$",
    re.IGNORECASE | re.MULTILINE,
)
_SAYS: Final = re.compile(r"^[^\S\n]*[^\s#].*$", re.MULTILINE)  # the first line that is no comment
_DOCKER: Final = re.compile(r"^[ \t]*(?:RUN|CMD|ENTRYPOINT|COPY|WORKDIR|EXPOSE)\b", re.MULTILINE)
_TORCH_CALL: Final = re.compile(
    r"\b(?:torch|ops)\.([A-Za-z_]\w*)(?:\.([A-Za-z_]\w*))?\s*\(|\bimport\s+(?!__torch__|torch\b)([A-Za-z_]\w*)|\b(eval|exec|__import__|open|compile)\s*\("
)
_TEMPLATE_SIGN: Final = re.compile(r"\{%|\{\{")
#: A tag where YAML has one: at the start of a line or of a value, not quoted inside prose or another language's string.
_YAML_SIGN: Final = re.compile(
    r"^[ \t]*(?:-[ \t]*)?[\"']?_target_[\"']?[ \t]*:"
    r"|^(?:[^\"'#=\n]{0,200}:\s{1,200}|[ \t\[{,-]*)(?:!!python/|!<tag:yaml\.org,2002:python/)",
    re.MULTILINE,
)
_PROSE: Final = re.compile(
    r"(?:METADATA|PKG-INFO|README|CHANGELOG|CHANGES|LICENSE|NOTICE|AUTHORS)(?:\.[a-z]{2,4})?$", re.IGNORECASE
)
#: What chat templates are never written in: loaders read these for what their names say.
_NO_TEMPLATE: Final = frozenset(
    {
        ".py",
        ".pyi",
        ".md",
        ".rst",
        ".html",
        ".htm",
        ".js",
        ".ts",
        ".tsx",
        ".jsx",
        ".css",
        ".ipynb",
        ".c",
        ".h",
        ".cpp",
        ".go",
        ".rs",
        ".java",
        ".vue",
        ".svelte",
        ".hbs",
        ".liquid",
        ".sh",
        ".tf",
    }
)
#: Words that begin an expression in Go templates (Helm, Ollama) and nowhere else, and ERB.
_GO: Final = re.compile(
    r"\{\{-?\s*(?:\.[A-Za-z_ }|]|\$|/\*|"
    r"(?:if|else|end|range|with|define|include|template|block|toYaml|tpl|printf)\b)|<%[-=#]?\s"
)
_ACTIONS: Final = re.compile(
    r"\$\{\{\s*!?\(?(?:github|env|vars|job|jobs|steps|runner|secrets|strategy|matrix|needs|inputs|parameters|variables|"
    r"hashFiles|format|fromJSON|toJSON|contains|startsWith|endsWith|join|always|success|failure|cancelled)\b"
)
#: In the rest of a long text, behind braces: an escape from a template.
_ESCAPE: Final = re.compile(
    rb"__(?:class|bases?|mro|subclasses|globals|builtins|getattribute|code|dict|self|reduce)|"
    rb"\|\s{0,9}attr\s{0,9}\(|\\x5f|\\u005f|\b(?:lipsum|cycler|joiner)\b"
)
_BRACES: Final = 1000  # bytes before an escape in which its braces open
#: A target of Hydra, a tag of PyYAML, an instruction of a Modelfile that leads outside. No plain text has them.
_FAR: Final = re.compile(
    rb"^[ \t]{0,200}-?\s?[\"']?_target_[\"']?\s?:"
    rb"|(?:[:,\[{-]|^)[ \t]{0,20}(?:!!python/|!<tag:yaml\.org,2002:python/)|^%TAG\s"
    rb"|^[ \t]{0,20}(?:FROM|ADAPTER)[ \t]+[\"']?(?:\.\./|/|~|[a-z]{3,5}://)",
    re.MULTILINE,
)
_FAR_XML: Final = re.compile(rb"(?i)<(?:\w{1,80}:)?(?:PMML|net)\b|<!ENTITY\b|<!DOCTYPE\b[^<>\[]{0,500}[\[\"']")
_TEMPLATES: Final = frozenset({".jinja", ".jinja2", ".j2"})


def judge_xml(context: Context, file: BinaryIO, size: int) -> str:
    """A PMML or OpenVINO model. Entities and includes make an XML parser open what they name."""
    most = context.limits.text_bytes
    text = _decode(at(file, 0, min(size, most)))
    is_model = _MODEL_XML.search(text) is not None or context.suffix == ".pmml"
    if size > most and (is_model or anywhere(file, most, size, _FAR_XML.search)):
        context.unread("resource-limit", f"only the first {most:,} bytes of the model were looked at")
    entity = _ENTITY.search(text)
    outside = entity is not None and re.search(r"\b(?:SYSTEM|PUBLIC)\b|<!ENTITY", entity.group(0), re.IGNORECASE)
    if not is_model and not ("<!ENTITY" in text.upper() and outside):
        return ""
    if entity:
        what = printable(" ".join(entity.group(0).split()), 160)
        context.add("xml-entity", f"the model declares XML entities or a document type: {what}", subject=what)
    if found := _INCLUDE.search(text):
        context.add(
            "xml-entity", f"the model includes other files: {printable(found.group(0), 120)}", subject="include"
        )
    if found := _XML_SCRIPT.search(text):
        context.add(
            "script-text", f"the model holds what looks like code: {printable(found.group(0), 60)}", subject="script"
        )
    for found in _XML_FILE.finditer(text):
        name = found.group(1)
        if escapes(name) or "://" in name or name.endswith((".so", ".dll", ".dylib", ".py")):
            context.add("path-escape", f"the model loads {printable(name, 160)}", subject=name)
    return "pmml" if "pmml" in text.lower() else "openvino" if is_model else "xml"


def judge_text(context: Context, file: BinaryIO, size: int) -> str:
    """A text file: a Modelfile, a configuration or a template; "" for all others."""
    most = context.limits.text_bytes
    text = _decode(at(file, 0, min(size, most)))
    far = WORDS.search if is_yaml(context.name) else _hidden
    if size > most and (_takes_long(context, text) or anywhere(file, most, size, far)):
        context.unread("resource-limit", f"only the first {most:,} bytes of the text were looked at")
        return _judge_text(context, text) or "text"
    return _judge_text(context, text)


def says_nothing(name: str, suffix: str, data: bytes) -> bool:
    """Tell whether `_judge_text` stops at once at a text of UTF-8, without a mark, of this name and content."""
    if data.startswith((b"tree\nversion=v", b"tree\r\nversion=v")) or is_source(name, suffix):
        return False
    if _is_modelfile(data.decode("utf-8", "replace")):
        return False
    if suffix in _NO_TEMPLATE or _PROSE.match(name.rpartition("/")[2]):
        return True
    if b"{" in data and (b"{{" in data or b"{%" in data):
        return False
    return not may_concern(data) or not (b"_target_" in data or b"python/" in data or concerns(data))


def _hidden(data: bytes) -> bool:
    """Whether signs of an escape or of a loader's configuration stand in a part of a long text."""
    if _FAR.search(data):
        return True
    before = (data[max(found.start() - _BRACES, 0) : found.start()] for found in _ESCAPE.finditer(data))
    return any(b"{{" in part or b"{%" in part for part in before)


def _takes_long(context: Context, text: str) -> bool:
    """Whether a loader takes a text of this name or beginning whole, however long it is."""
    name = context.name.rpartition("/")[2].lower()
    return context.suffix in _TEMPLATES or "template" in name or name.startswith("modelfile") or _is_modelfile(text)


def _judge_text(context: Context, text: str) -> str:
    suffix = context.suffix
    if text.startswith(("tree\nversion=v", "tree\r\nversion=v")):
        return "lightgbm"  # numbers and names of features, line by line
    if _is_modelfile(text):
        _modelfile(context, text)
        return "modelfile"
    if kind := judge_source(context, text):
        return kind
    if suffix in _NO_TEMPLATE or _PROSE.match(context.name.rpartition("/")[2]):
        return ""
    if (is_yaml(context.name) and concerns(text.encode())) or (
        ("_target_" in text or "python/" in text) and _YAML_SIGN.search(text)
    ):
        kind = judge_yaml(context, text.encode())
        if kind or "__" not in text:
            return kind
    if not _TEMPLATE_SIGN.search(text):
        return ""
    if context.name.rpartition("/")[2] != "chat_template.jinja" and _is_foreign(text, suffix):
        return ""
    named = suffix in _TEMPLATES or "template" in context.name.rpartition("/")[2].lower()
    suspect = DANGER.search(text) or ("messages" in text and "{%" in text)
    # What no Jinja engine can read cannot run as a template: other languages have double braces too.
    if not named and not (suspect and parses(text)):
        return ""
    judge_template(context, text, "")
    return "chat-template"


def _is_foreign(text: str, suffix: str) -> bool:
    """Whether the braces are another language's: a Go template that no Jinja engine reads, or GitHub's expressions."""
    if _GO.search(text) and not parses(text):
        return True
    braces = text.count("{{")
    return suffix not in _TEMPLATES and "{%" not in text and len(_ACTIONS.findall(text)) == braces and "__" not in text


def _is_modelfile(text: str) -> bool:
    """Whether the first line that says anything is an instruction; `FROM` names one thing, not `from x import y`."""
    first = _SAYS.search(text)
    if first is None or not _MODELFILE.match(first[0]) or _DOCKER.search(text):
        return False
    named = [found.group(2).split() for found in _MODELFILE.finditer(text) if found.group(1).upper() == "FROM"]
    return bool(named) and all(len(words) == 1 for words in named)


def _modelfile(context: Context, text: str) -> None:
    for found in _MODELFILE.finditer(text):
        word, rest = found.group(1).upper(), found.group(2).strip().strip("\"'")
        if word in {"FROM", "ADAPTER"}:
            if not context.spend(LOOK):
                return
            if escapes(rest) or rest.startswith("~"):
                context.add("path-escape", f"{word} reads {printable(rest, 160)}", subject=rest)
            elif known := look_alike(_owner(rest)):
                message = (
                    f"{word} names {printable(rest, 120)}, which is named like a model of {known}, and is none of it"
                )
                context.add("look-alike", message, subject=rest, allow=rest)
            elif "://" in rest:
                context.add("outside-file", f"{word} fetches {printable(rest, 160)}", subject=rest)
    if DANGER.search(text) and ("{%" in text or "__" in text):
        judge_template(context, text, "TEMPLATE")


def _owner(name: str) -> str:
    """Return who publishes a model that a Modelfile names, "" of one of Ollama's own."""
    owner, slash, _ = name.removeprefix("hf.co/").removeprefix("huggingface.co/").partition("/")
    return owner.lower() if slash else ""


def judge_torchscript(context: Context, source: str) -> None:
    """Code of a TorchScript archive: calls that leave the interpreter's own operators."""
    lists = formats_data()
    for found in _TORCH_CALL.finditer(source):
        namespace, inner, module, builtin = found.groups()
        name = builtin or module or inner or namespace
        refused = builtin or module or name in lists.of("torchscript", "refused")
        foreign = found.group(0).startswith("ops.") and namespace not in lists.of("torchscript", "namespaces")
        if refused:
            what = printable(found.group(0).rstrip("("), 80)
            context.add("torchscript-escape", f"TorchScript code reaches outside: {what}", subject=what, call=what)
        elif foreign:
            context.add(
                "custom-operator",
                f"TorchScript code needs operators of {printable(namespace or '', 60)}",
                subject=namespace or "",
                allow=namespace or "",
            )


def _decode(data: bytes) -> str:
    if not coding_of(data) and data[:4].count(0) >= 2:  # JSON too short, or not plain enough, to be told by its NULs
        return data.decode("utf-32" if data[:3].count(0) == 3 else "utf-16-le", "replace")
    return as_utf8(data).decode("utf-8", "replace")
