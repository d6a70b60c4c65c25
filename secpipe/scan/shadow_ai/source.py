"""Source in languages without a parser of their own: imports, clients and where they point, raw calls, model strings."""

from __future__ import annotations

import re
from dataclasses import replace

from secpipe.core.finding import Confidence
from secpipe.scan.shadow_ai import models, shell, sql, text
from secpipe.scan.shadow_ai.catalogue import Catalogue, squash
from secpipe.scan.shadow_ai.expressions import Expressions
from secpipe.scan.shadow_ai.fold import Value
from secpipe.scan.shadow_ai.hosts import HOLE, URL, counts, resolve
from secpipe.scan.shadow_ai.lexer import LANGUAGES, SUFFIXES, Language, Lexed, Token, lex
from secpipe.scan.shadow_ai.places import ai_path, destination_signal, endpoints, permissions
from secpipe.scan.shadow_ai.signal import UNKNOWN, Download, Reading, Signal

_IMPORT = {
    "java": re.compile(r"(?m)^\s*import\s+(?:static\s+)?([\w.]+)"),
    "csharp": re.compile(
        r"(?m)^\s*(?:global\s+)?(?:using|open|Imports)\s+(?:static\s+)?(?:\w+\s*=\s*)?([\w.]+)\s*;?\s*$"
    ),
    "rust": re.compile(r"(?m)\b(?:use|extern\s+crate)\s+(?:::)?([\w:]+)|\b([a-z_][a-z0-9_]*)::[A-Za-z{]"),
    "php": re.compile(r"(?m)^\s*use\s+\\?([\w\\]+)|\\?\b(OpenAI|Anthropic|Gemini)::(?:client|factory)\("),
    "swift": re.compile(r"(?m)^\s*(?:@\w+\s+)?import\s+(?:class\s+|struct\s+)?(\w+)"),
    "elixir": re.compile(r"(?m)\b(OpenAI|OpenaiEx|LangChain|Ollama)\.[A-Za-z]"),
}
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
_DOWNLOAD = re.compile(
    r"""(?:from_pretrained|fromPretrained|hf_hub_download|snapshotDownload|downloadModel|hub_model|api\.model)\(\s*["'`]([\w.-]+(?:/[\w.-]+)?)["'`]"""
)
_PIPELINE = re.compile(r"""\bpipeline\(\s*["'][\w-]+["']\s*,\s*["']([\w.-]+/[\w.-]+)["']""")
_PROCESS = re.compile(r"(?i)exec|spawn|system|popen|command|process|shell|run|sh$|\$$|execa|zx|backtick|arg")
_HTTP = {"fetch", "post", "newrequest", "newrequestwithcontext", "request", "postasync", "sendasync", "postasjsonasync", "httprequestmessage", "urlrequest", "uri", "axios", "ajax",
         "curl_init", "post_form", "send", "put", "open", "url", "got", "ky", "superagent", "httppost", "baseurl", "postjson", "bodyvalue", "got.post", "wp_remote_post"}  # fmt: skip
_NOT_SDK = {"framework", "mcp", "vector-db", "llm-observability"}


def read(source: str, name: str, catalogue: Catalogue) -> Reading:
    """Return the signs in source of language `name`; bounded, never fails."""
    language = LANGUAGES[name]
    reader = _Reader(lex(source, language), language, catalogue)
    return reader.run()


def language_of(path: str) -> str:
    """Return the language of a file by its ending, or ""."""
    name = path.rpartition("/")[2].lower()
    if name in {"gemfile", "rakefile", "vagrantfile", "podfile", "fastfile"}:
        return "ruby"
    if name == "jenkinsfile":
        return "kotlin"
    return SUFFIXES.get(name[name.rfind(".") :], "") if "." in name else ""


class _Reader:
    """One pass over the tokens of one file."""

    def __init__(self, lexed: Lexed, language: Language, catalogue: Catalogue) -> None:
        self.lexed = lexed
        self.tokens = lexed.tokens
        self.language = language
        self.catalogue = catalogue
        self.expressions = Expressions(lexed, language)
        self.out = Reading(engine=f"lexer:{language.name}")
        self.sdks: list[str] = []
        self.consumed: set[int] = set()
        self.inline: list[tuple[int, str]] = []  # (token of an override inside a call, its SDK)

    def run(self) -> Reading:
        self._imports()
        self._overrides()
        self._strings()
        self._names_and_models()
        self._plain_clients()
        self._downloads()
        if not any(sign.role in {"client", "endpoint"} for sign in self.out.signals):
            self._raw_call()
        for line, comment in self.lexed.comments:
            for sign in endpoints(comment, line, self.catalogue, comment, confidence=Confidence.LOW):
                self.out.signals.append(replace(sign, region="comment"))
        if not self.lexed.complete:
            self.out.notes.append("holds more words than the lexer reads")
        return self.out

    # imports

    def _imports(self) -> None:
        index = self.language.imports
        found: list[tuple[str, int]] = []
        if index == "npm" or index == "dart":
            found = self._quoted_imports()
        elif index == "go":
            for match in _GO_IMPORT.finditer(self.lexed.code):
                for name in re.finditer(r'"([^"\n]+)"', match[0]):
                    found.append((name[1], self._line(match.start() + name.start())))
        elif index == "ruby":
            for match in _RUBY.finditer(self.lexed.code):
                found.append((match[1] or _RUBY_NAMES[match[2]], self._line(match.start())))
        elif index in _IMPORT:
            for match in _IMPORT[index].finditer(self.lexed.code):
                found.append((next(group for group in match.groups() if group), self._line(match.start())))
        seen: set[str] = set()
        for name, line in found:
            owner, part = self._owner(index, name)
            if owner and part not in seen:
                seen.add(part)
                self.sdks.append(owner)
                kind = self.catalogue.providers[owner].kind
                weak = (
                    index == "swift" and part in {"OpenAI", "MCP", "Replicate", "Transformers", "llama"}
                ) or kind == "framework"
                self.out.signals.append(
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

    def _owner(self, index: str, name: str) -> tuple[str, str]:
        if index == "npm":
            owner = self.catalogue.package("npm", name)
            if not owner:
                head = "/".join(name.split("/")[: 2 if name.startswith("@") else 1])
                owner, name = self.catalogue.package("npm", head), head
            return owner, name
        if index == "rust":
            name = name.rstrip(":")
        if index == "dart":
            return self.catalogue.imported("dart", name.partition("/")[0])
        return self.catalogue.imported(index, name)

    def _quoted_imports(self) -> list[tuple[str, int]]:
        found = []
        for position, token in enumerate(self.tokens):
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
            if start < len(self.tokens) and self.tokens[start].value == "(" and self.tokens[start].kind == "mark":
                start += 1
            if start < len(self.tokens) and (
                self.tokens[start].kind in {"string", "template"} or token.value in {"require", "import"}
            ):
                value, after = self.expressions.fold(start)
                for name in value.texts:
                    name = re.sub(
                        r"^(?:npm:|https://(?:esm\.sh|cdn\.skypack\.dev|unpkg\.com|cdn\.jsdelivr\.net/npm|jspm\.dev)/)",
                        "",
                        name,
                    )
                    name = re.sub(r"(?<=[\w])@[\^~\d][\w.-]*", "", name)
                    if name and not name.startswith("."):
                        found.append((name, token.line))
                        self.consumed.update(range(start, after))
        return found

    def _line(self, offset: int) -> int:
        return self.lexed.code.count("\n", 0, offset) + 1

    # clients that are told where to go

    def _overrides(self) -> None:
        sdks = [owner for owner in self.sdks if self.catalogue.providers[owner].kind not in _NOT_SDK] or self.sdks
        if not sdks:
            return
        for position, token in enumerate(self.tokens):
            if token.kind not in {"word", "string"} or squash(token.value) not in self.catalogue.base_names:
                continue
            start = self._value_of(position)
            if start is None:
                continue
            value, after = self.expressions.fold(start)
            weak = squash(token.value) in self.catalogue.weak_base_names
            self._pointed(position, token, value, range(start, after), weak, sdks)

    def _value_of(self, position: int) -> int | None:
        """Return the token where the value of a setting starts: `x: V`, `x = V`, `.x(V)`, `"x" => V`, `{ x }`."""
        if position + 1 >= len(self.tokens):
            return None
        after = self.tokens[position + 1]
        before = self.tokens[position - 1] if position else None
        if after.kind == "mark" and after.value in {":", "=", "=>", ":="} and position + 2 < len(self.tokens):
            if self.tokens[position + 2].value == "=":
                return None
            return position + 2
        if (
            after.value == "("
            and before is not None
            and (before.value in {".", "->", "::"} or self.tokens[position].value.startswith(("With", "with")))
        ):
            return position + 2
        if (
            self.tokens[position].kind == "word"
            and after.value in {",", "}"}
            and before is not None
            and before.value in {"{", ","}
        ):
            return position
        return None

    def _pointed(self, position: int, token: Token, value: Value, span: range, weak: bool, sdks: list[str]) -> None:
        sdk = self._sdk_near(position, sdks)
        evidence = f"sets {token.value}"
        found = False
        for item in sorted(value.texts):
            destination = resolve(item, self.catalogue) if "://" in item or not weak or "." in item else None
            if destination is None or (
                weak and destination.provider not in self.catalogue.providers and "://" not in item
            ):
                continue
            found = True
            self.out.signals.append(
                destination_signal(
                    "client", "sdk", destination, token.line, f"{evidence} to {destination.host}", sdk=sdk
                )
            )
        if value.envs:
            found = True
            self.out.reads |= value.envs
            self.out.signals.append(
                Signal("client", "sdk", "", line=token.line, sdk=sdk, envs=tuple(sorted(value.envs)), confirm="optional" if value.texts else "",
                       evidence=f"{evidence} from {', '.join(sorted(value.envs))}", confidence=Confidence.HIGH)
            )  # fmt: skip
        if not found and not weak and not value.none and not self._declares(position):
            self.out.signals.append(
                Signal(
                    "client",
                    "sdk",
                    UNKNOWN,
                    line=token.line,
                    sdk=sdk,
                    evidence=f"{evidence} to an address that the code computes",
                    confidence=Confidence.MEDIUM,
                )
            )
            found = True
        if found:
            self.consumed.update(span)
            self.inline.append((position, sdk))

    def _declares(self, position: int) -> bool:
        """A type, a parameter or a field by that name is no setting: `baseURL?: string`, `baseUrl: String,`."""
        start = self._value_of(position)
        if start is None or start >= len(self.tokens):
            return True
        word = self.tokens[start]
        if self.tokens[position + 1].value == ":" and word.kind == "word":
            return word.value in {
                "string",
                "String",
                "URL",
                "URI",
                "undefined",
                "null",
                "None",
                "any",
                "Option",
                "Uri",
                "str",
            }
        return (
            start == position
            or word.value in {"null", "nil", "undefined", '""', "String", "string"}
            or (word.kind == "string" and not word.value)
        )

    def _sdk_near(self, position: int, sdks: list[str]) -> str:
        """The SDK whose client's name stands nearest before an override."""
        for ahead in range(position - 1, max(-1, position - 60), -1):
            token = self.tokens[ahead]
            if token.kind == "word" and len(token.value) > 3:
                owner = self.catalogue.brand(token.value)
                if owner and (owner in sdks or token.value in self.catalogue.signals["classes"]):
                    return owner if owner in sdks else sdks[0]
        return sdks[0]

    def _plain_clients(self) -> None:
        """`new Client(...)` beside clients that are pointed elsewhere goes where its SDK goes by default."""
        if not self.inline:
            return
        for position, token in enumerate(self.tokens[:-2]):
            if token.value != "new" or self.tokens[position + 2].value != "(":
                continue
            name = self.tokens[position + 1].value
            owner = self.catalogue.brand(name)
            if owner not in self.sdks:
                continue
            end = self.expressions.arguments(position + 2)[1]
            spans = [where for where, sdk in self.inline if sdk == owner]
            if (
                not spans
                or any(position < where < end for where in spans)
                or not any(self._inside_call(where, name) for where in spans)
            ):
                continue
            if any(
                item.kind == "word"
                and item.value not in {"process", "env"}
                and squash(item.value) in {"config", "options", "configuration", "opts"}
                for item in self.tokens[position + 3 : end]
            ):
                continue
            provider = self.catalogue.providers[owner]
            self.out.signals.append(Signal("client", "sdk", owner, line=token.line, host=provider.host, sdk=owner, envs=provider.lists["base_url_env"],
                                           evidence=f"creates {name}", confidence=Confidence.HIGH))  # fmt: skip

    def _inside_call(self, where: int, name: str) -> bool:
        return any(self.tokens[back].value == name for back in range(max(0, where - 40), where))

    # strings

    def _strings(self) -> None:
        position = 0
        while position < len(self.tokens):
            token = self.tokens[position]
            if token.kind not in {"string", "template"} or position in self.consumed:
                lookup = token.kind == "word" and token.value in {
                    "atob",
                    "Buffer",
                    "Base64",
                    "base64",
                    "base64_decode",
                    "Convert",
                    "String",
                    "strings",
                }
                if not lookup:
                    position += 1
                    continue
            value, after = self.expressions.fold(position)
            for item in sorted(value.texts):
                self._text(item, token, position)
            position = max(after, position + 1) if token.kind != "word" else position + 1

    def _text(self, item: str, token: Token, position: int) -> None:
        spaced = any(char.isspace() for char in item.strip())
        for match in URL.finditer(item):
            destination = resolve(match[0].rstrip(".:"), self.catalogue)
            if destination is None:
                continue
            known = destination.provider in self.catalogue.providers
            if (
                counts(destination, self.catalogue)
                if known
                else ai_path(destination.path, self.catalogue, self.lexed.code)
            ):
                confidence = Confidence.LOW if spaced else Confidence.HIGH
                self.out.signals.append(
                    destination_signal(
                        "endpoint", "http", destination, token.line, f"calls {destination.host}", confidence=confidence
                    )
                )
        if "://" not in item and not spaced and "." in item and len(item) < 300:
            destination = resolve(item, self.catalogue)
            if (
                destination is not None
                and destination.provider in self.catalogue.providers
                and counts(destination, self.catalogue)
            ):
                self.out.signals.append(
                    destination_signal(
                        "endpoint",
                        "http",
                        destination,
                        token.line,
                        f"names {destination.host}",
                        confidence=Confidence.MEDIUM,
                    )
                )
        self.out.signals += permissions(item, token.line, self.catalogue) if ":" in item else []
        self.out.signals += sql.functions(item, self.catalogue, line=token.line) if spaced and "(" in item else []
        if spaced and self._runs(position):
            found = shell.commands(item, self.catalogue)
            self.out.signals += [sign.at("", "", token.line - 1) for sign in found.signals if sign.role == "direct"]
            self.out.downloads += [replace(download, line=token.line) for download in found.downloads]
        elif not spaced and HOLE not in item and ("/" in item or ":" in item):
            self._model(item, token, position)

    def _runs(self, position: int) -> bool:
        return any(
            self.tokens[back].kind == "word" and _PROCESS.search(self.tokens[back].value)
            for back in range(max(0, position - 5), position)
        )

    def _model(self, item: str, token: Token, position: int) -> None:
        key = self._key_before(position)
        owner = models.provider_of(item, self.catalogue, key=key) if models.is_model_name(item) else ""
        if owner:
            self.out.signals.append(
                Signal(
                    "model",
                    "model",
                    owner,
                    line=token.line,
                    model=item,
                    evidence=f"model {item}",
                    confidence=Confidence.MEDIUM if key else Confidence.LOW,
                )
            )

    def _key_before(self, position: int) -> bool:
        if position < 2:
            return False
        mark, name = self.tokens[position - 1], self.tokens[position - 2]
        named = squash(name.value) in self.catalogue.model_keys or squash(name.value).endswith(
            ("model", "modelname", "modelid")
        )
        return named and name.kind in {"word", "string"} and mark.value in {":", "=", "=>", "(", ":="}

    def _names_and_models(self) -> None:
        for number, line in enumerate(self.lexed.code.split("\n"), 1):
            if "_" in line and len(line) < 20_000:
                text.names(line, number, self.catalogue, self.out)
        for position, token in enumerate(self.tokens):
            if (
                token.kind == "string"
                and self._key_before(position)
                and "/" not in token.value
                and ":" not in token.value
            ):
                self._model(token.value, token, position)

    def _downloads(self) -> None:
        for pattern in (_DOWNLOAD, _PIPELINE):
            for match in pattern.finditer(self.lexed.code):
                if pattern is _PIPELINE and "huggingface" not in self.sdks:
                    continue
                nearby = self.lexed.code[match.end() : match.end() + 300].partition(";")[0]
                pinned = bool(re.search(r"revision[\"']?\s*[:=]\s*[\"'][0-9a-f]{40}[\"']", nearby))
                self.out.downloads.append(
                    Download(
                        "huggingface", match[1], self._line(match.start()), pinned, False, match[0].partition("(")[0]
                    )
                )

    def _raw_call(self) -> None:
        """A chat request posted by hand to an address that names no provider."""
        place = self._chat_body()
        if place is None:
            return
        for position, token in enumerate(self.tokens):
            if (
                token.kind != "word"
                or token.value.lower() not in _HTTP
                or position + 1 >= len(self.tokens)
                or self.tokens[position + 1].value != "("
            ):
                continue
            for value in self.expressions.arguments(position + 1)[0][:3]:
                if value.envs:
                    self.out.signals.append(
                        Signal(
                            "client",
                            "http",
                            "",
                            line=token.line,
                            envs=tuple(sorted(value.envs)),
                            evidence=f"posts a chat request to {', '.join(sorted(value.envs))}",
                            confidence=Confidence.HIGH,
                        )
                    )
                    return
                for item in sorted(value.texts):
                    destination = resolve(item, self.catalogue) if "://" in item else None
                    if destination is not None:
                        self.out.signals.append(
                            destination_signal(
                                "endpoint",
                                "http",
                                destination,
                                token.line,
                                f"posts a chat request to {destination.host}",
                            )
                        )
                        return

    def _chat_body(self) -> int | None:
        """Return the line of an object with `model` and `messages`, spelled as keys."""
        keys = {"model": -1, "messages": -1}
        body = re.compile(r"""\\?["']?\b(model|messages)\b\\?["']?\s*(?::|=>|=)""")
        for match in body.finditer(self.lexed.code):
            keys[match[1]] = match.start()
            if min(keys.values()) >= 0 and abs(keys["model"] - keys["messages"]) < 600:
                return self._line(match.start())
        return None
