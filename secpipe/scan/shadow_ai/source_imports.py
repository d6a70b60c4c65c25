"""Imports of AI libraries in languages without a parser of their own."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from secpipe.core.finding import Confidence
from secpipe.scan.shadow_ai.catalogue import squash
from secpipe.scan.shadow_ai.lexer import Token
from secpipe.scan.shadow_ai.signal import Signal
from secpipe.scan.shadow_ai.source_file import File

_IMPORT = {
    "java": re.compile(r"(?m)^\s*import\s+(?:static\s+)?([\w.]+)"),
    "csharp": re.compile(
        r"(?m)\b(DistributedApplication)\.CreateBuilder|^\s*(?:global\s+)?(?:using|open|Imports)\s+(?:static\s+)?(?:\w+\s*=\s*)?([\w.]+)\s*;?\s*$"
    ),
    "rust": re.compile(
        r"(?m)\b(?:use|extern\s+crate)\s+(?:::)?((?:\w+::)*\{[^;]{0,2000};|[\w:]+)|\b([a-z_][a-z0-9_]*)::[A-Za-z{]"
    ),
    "php": re.compile(r"(?m)^\s*use\s+\\?([\w\\]+)|\\?\b(OpenAI|Anthropic|Gemini)::(?:client|factory)\("),
    "swift": re.compile(r"(?m)^\s*(?:@\w+\s+)?import\s+(?:class\s+|struct\s+)?(\w+)"),
    "c": re.compile(r"(?m)^[ \t]*#[ \t]*(?:include|import)[ \t]*[<\"]([\w./+-]+)[>\"]"),
    "r": re.compile(
        r"\b(?:library|require|requireNamespace|loadNamespace)\([ \t]*[\"']?([A-Za-z][\w.]*)"
        r"|\b([A-Za-z][\w.]*):::?[A-Za-z]"
    ),
    "elixir": re.compile(r"(?m)\b(OpenAI|OpenaiEx|LangChain|Ollama)\.[A-Za-z]"),
}
_MADE = {"build", "fromEnv", ";"}
_RUBY = re.compile(
    r"""(?m)^\s*(?:require|gem)\s*\(?\s*["']([\w/-]+)["']|\b(OpenAI|Anthropic|RubyLLM|Cohere|Groq|Replicate|Ollama)(?:::Client|\.chat|\.new|\.configure)"""
)
_RUBY_NAMES = {
    "OpenAI": "openai",
    "Anthropic": "anthropic",
    "RubyLLM": "ruby_llm",
    "Cohere": "cohere",
    "Groq": "groq",
    "Replicate": "replicate-ruby",
    "Ollama": "ollama-ai",
}
_GO_IMPORT = re.compile(r"(?ms)^\s*import\s*(?:\((.*?)^\s*\)|(?:[\w.]+\s+)?\"([^\"]+)\")")


def imports(file: File) -> None:
    """Find the AI libraries that the file imports."""
    index = file.language.imports
    found: list[tuple[str, int]] = []
    if index == "npm" or index == "dart":
        found = _quoted_imports(file)
    elif index == "go":
        for match in _GO_IMPORT.finditer(file.lexed.code):
            for quoted in re.finditer(r'"([^"\n]+)"', match[0]):
                found.append((quoted[1], file.line_at(match.start() + quoted.start())))
    elif index == "ruby":
        for match in _RUBY.finditer(file.lexed.code):
            found.append((match[1] or _RUBY_NAMES[match[2]], file.line_at(match.start())))
    elif index in _IMPORT:
        for match in _IMPORT[index].finditer(file.lexed.code):
            name, line = next(group for group in match.groups() if group), file.line_at(match.start())
            found += [(item, line) for item in _tree(name)] if "{" in name else [(name, line)]
    seen: dict[str, str] = {}
    for name, line in found:
        owner, part = _owner(file, index, name)
        owners = _named(file, owner, name) if owner and index != "npm" else []
        if owner and (part not in seen or not set(owners) <= {*file.sdks, owner}):
            seen[part] = owner
            owners = _classes(file, owner, line) if index == "npm" else owners
            file.sdks += owners
            owner, *more = owners
            file.out.signals += [
                Signal("import", "sdk", item, line=line, sdk=item, evidence=f"imports {name}",
                    confidence=Confidence.HIGH)
                for item in more
            ]  # fmt: skip
            kind = file.catalogue.providers[owner].kind
            weak = (
                index == "swift" and part in {"OpenAI", "MCP", "Replicate", "Transformers", "llama"}
            ) or kind == "framework"
            file.out.signals.append(
                Signal(
                    "import",
                    "sdk",
                    owner,
                    line=line,
                    sdk=owner,
                    evidence=f"imports {name}",
                    confidence=Confidence.MEDIUM if weak else Confidence.HIGH,
                )
            )
    _served_elsewhere(file, seen)


def _tree(name: str) -> list[str]:
    """The names that a tree of Rust imports: `rig::{providers::{cohere, groq}, Agent};`."""
    heads, out, last = [""], [], ""
    for piece in re.findall(r"[\w:]+|[{},]", name):
        if piece == "{":
            heads.append(heads[-1] + last)
        elif piece == "}" and len(heads) > 1:
            heads.pop()
        elif piece not in "},":
            out.append(heads[-1] + piece)
        last = piece if piece not in "{}," else ""
    return [one.strip(":") for one in out if not one.endswith("::")]


def _served_elsewhere(file: File, parts: Mapping[str, str]) -> None:
    """`anthropic.NewClient(bedrock.WithLoadDefaultConfig(ctx))`: the SDK of one provider, whose every client is given
    a part of that SDK for another one, calls only that other one.
    """
    for inner, other in parts.items():
        outer = next(
            (part for part in parts if inner.startswith((f"{part}/", f"{part}.")) and parts[part] != other), ""
        )
        clients = _clients(file, parts[outer]) if outer else []
        word = re.split(r"[/.]", inner)[-1]
        if clients and all(any(word in squash(token.value) for token in client) for client in clients):
            file.sdks = [sdk for sdk in file.sdks if sdk != parts[outer]]
            file.out.signals = [sign for sign in file.out.signals if sign.sdk != parts[outer]]


def _clients(file: File, owner: str) -> Sequence[Sequence[Token]]:
    """What each client of an SDK is made with: arguments of `NewClient(...)`, steps from a builder to `build`."""
    found = []
    for at, token in enumerate(file.tokens[:-1]):
        if token.value == "NewClient" and file.tokens[at + 1].value == "(":
            found.append(file.tokens[at : file.expressions.arguments(at + 1)[1]])
        elif (
            file.tokens[at + 1].value == "." and "Client" in token.value and file.catalogue.brand(token.value) == owner
        ):
            end = next((i for i in range(at, min(at + 200, len(file.tokens))) if file.tokens[i].value in _MADE), at)
            found.append(file.tokens[at:end])
    return found


def _classes(file: File, owner: str, line: int) -> list[str]:
    """The providers of the classes that an import takes (`{ AzureChatOpenAI }`), where each of them has one."""
    rows: dict[str, str] = file.catalogue.signals["classes"]
    at = next((i for i, token in enumerate(file.tokens) if token.line == line and token.value == "from"), 0)
    start = next((i for i in range(at - 1, max(-1, at - 200), -1) if file.tokens[i].value == "{"), at)
    names = [token.value for token in file.tokens[start:at] if token.kind == "word" and token.value[:1].isalpha()]
    names = [name for name in names if name not in {"as", "type"} and (name[:1].isupper() or name in rows)]
    return list(dict.fromkeys(rows.get(name, owner) for name in names)) or [owner]


_SETTINGS = re.compile(r"(?:Settings|Options|Exception|Error|Config|Properties|Request|Response)$")


def _named(file: File, owner: str, name: str) -> list[str]:
    """The providers that the parts of a framework's import name (`rig::providers::cohere`), else the owner."""
    if file.catalogue.providers[owner].kind != "framework":
        return [owner]
    brands_ = file.catalogue.signals["brands"]
    parts = (part.lower() for part in re.split(r"\W+", name)[1:])
    return list(dict.fromkeys(brands_[part] for part in parts if part in brands_)) or [owner]


def brands(file: File) -> None:
    """Classes of a framework that name a provider (`AddOpenAIChatCompletion`), where no import does: each of them."""
    if not file.sdks or any(file.catalogue.providers[sdk].kind != "framework" for sdk in file.sdks):
        return
    for index, token in enumerate(file.tokens[:-1]):
        word = token.value
        plain = word.islower() and file.language.name != "r"  # in R, classes are functions: `chat_anthropic()`
        if token.kind != "word" or len(word) <= 6 or plain or _SETTINGS.search(word):
            continue
        if file.tokens[index + 1].value in {"(", "<", ".", ":", ","} or len(file.sdks) == 1:
            owner = file.catalogue.brand(word)
            if owner and owner not in file.sdks:
                file.sdks.append(owner)
                file.out.signals.append(
                    Signal(
                        "import",
                        "sdk",
                        owner,
                        line=token.line,
                        sdk=owner,
                        evidence=f"uses {token.value}",
                        confidence=Confidence.HIGH,
                    )
                )


def _owner(file: File, index: str, name: str) -> tuple[str, str]:
    if index == "npm":
        owner = file.catalogue.package("npm", name)
        if not owner:
            head = "/".join(name.split("/")[: 2 if name.startswith("@") else 1])
            owner, name = file.catalogue.package("npm", head) or file.catalogue.bound(name), head
        return owner, name
    if index == "rust":
        name = name.rstrip(":")
    if index == "dart":
        return file.catalogue.imported("dart", name.partition("/")[0])
    return file.catalogue.imported(index, name)


def _quoted_imports(file: File) -> list[tuple[str, int]]:
    found = []
    for position, token in enumerate(file.tokens):
        if token.kind != "word" or token.value not in {
            "from",
            "require",
            "import",
            "export",
            "importScripts",
            "resolve",
            "loadModule",
        }:
            continue
        start = position + 1
        if start < len(file.tokens) and file.tokens[start].value == "(" and file.tokens[start].kind == "mark":
            start += 1
        if start < len(file.tokens) and (
            file.tokens[start].kind in {"string", "template"} or token.value in {"require", "import"}
        ):
            value, after = file.expressions.fold(start)
            for name in sorted(value.texts):
                name = re.sub(
                    r"^(?:npm:|https://(?:esm\.sh|cdn\.skypack\.dev|unpkg\.com|cdn\.jsdelivr\.net/npm|jspm\.dev)/)",
                    "",
                    name,
                )
                name = re.sub(r"(?<=[\w])@[\^~\d][\w.-]*", "", name)
                if name and not name.startswith("."):
                    found.append((name, token.line))
                    file.consumed.update(range(start, after))
    return found
