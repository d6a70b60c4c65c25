"""Where clients are told to go, in languages without a parser of their own."""

from __future__ import annotations

import re

from secpipe.core.bounds import Bound
from secpipe.core.finding import Confidence
from secpipe.scan.shadow_ai.catalogue import squash
from secpipe.scan.shadow_ai.hosts import resolve
from secpipe.scan.shadow_ai.lexer import Token
from secpipe.scan.shadow_ai.places import destination_signal
from secpipe.scan.shadow_ai.signal import LOCAL, UNKNOWN, EnvValue, Signal
from secpipe.scan.shadow_ai.source_file import File
from secpipe.scan.shadow_ai.values import MAX_VALUES, OPEN, Value

_PROVIDER_KEYS = {"modelprovider", "llmprovider", "customllmprovider", "embeddingprovider", "providerid"}
_DATA = re.compile(r"""\.(?:json[5c]?|ya?ml|toml)["'`]""")
_NOT_SDK = {"framework", "mcp", "vector-db", "llm-observability"}


def overrides(file: File) -> None:
    """Find the settings that say where a client goes."""
    sdks = [owner for owner in file.sdks if file.catalogue.providers[owner].kind not in _NOT_SDK] or file.sdks
    if not sdks:
        return
    for position, token in enumerate(file.tokens):
        if token.kind not in {"word", "string"} or squash(token.value) not in file.catalogue.base_names:
            continue
        start = _value_of(file, position)
        if start is None:
            continue
        value, after = file.expressions.fold(start)
        weak = squash(token.value) in file.catalogue.weak_base_names
        _pointed(file, position, token, value, range(start, after), weak, sdks)


def placed(file: File) -> None:
    """`new ChatCompletionsClient(new Uri("https://..."), key)`: the class of an SDK whose first argument is where."""
    for position, token in enumerate(file.tokens[:-3]):
        if token.value != "new" or file.tokens[position + 2].value != "(":
            continue
        owner = file.catalogue.brand(file.tokens[position + 1].value)
        value, after = file.expressions.fold(position + 3) if owner in file.sdks else (OPEN, 0)
        for item in sorted(text for text in value.texts if "://" in text):
            destination = resolve(item, file.catalogue)
            own = owner in file.sdks and file.catalogue.providers[owner].local  # at home wherever it runs
            if destination and not (own and destination.provider == LOCAL):
                evidence = f"creates {file.tokens[position + 1].value} at {destination.host}"
                file.out.signals.append(
                    destination_signal("client", "sdk", destination, token.line, evidence, sdk=owner)
                )
                file.consumed.update(range(position + 3, after))


def routed(file: File) -> None:
    """`modelProvider: "groq"` in a file of a framework: the client goes to each of the providers it may name."""
    if not any(file.catalogue.providers[sdk].kind in {"framework", "gateway"} for sdk in file.sdks):
        return
    for position, token in enumerate(file.tokens):
        start = _value_of(file, position) if squash(token.value) in _PROVIDER_KEYS else None
        names = file.expressions.fold(start)[0].texts if start is not None else frozenset(_member(file, position))
        for name in sorted(names):
            owner = file.catalogue.prefix(name)
            if owner:
                host = file.catalogue.providers[owner].host
                evidence = f"sets {token.value} to {name}"
                file.out.signals.append(
                    Signal("client", "sdk", owner, line=token.line, host=host, sdk=file.sdks[0], evidence=evidence,
                        confidence=Confidence.HIGH)
                )  # fmt: skip


def _member(file: File, position: int) -> list[str]:
    """The member of an enumeration of providers: `Provider::XAI`."""
    after = file.tokens[position + 1 : position + 3]
    is_one = file.tokens[position].value in {"Provider", "ModelProvider", "LLMProvider"} and len(after) == 2
    return [after[1].value] if is_one and after[0].value in {"::", "."} and after[1].kind == "word" else []


def switched(file: File) -> None:
    """`vertexai: true`, `genai.BackendVertexAI`: a client of one provider's SDK that calls another of the same firm."""
    for position, token in enumerate(file.tokens):
        row = file.catalogue.signals["switches"].get(squash(token.value)) if token.kind == "word" else None
        if row is None or row["sdk"] not in file.sdks:
            continue
        start = _value_of(file, position)
        if not row["constant"] and (start is None or file.tokens[start].value != "true"):
            continue
        host = file.catalogue.providers[row["provider"]].host
        evidence = f"sets {token.value}"
        file.out.signals.append(
            Signal("client", "sdk", row["provider"], line=token.line, host=host, sdk=row["sdk"], evidence=evidence,
                confidence=Confidence.HIGH)
        )  # fmt: skip
        file.inline.append((position, row["sdk"]))


def _value_of(file: File, position: int) -> int | None:
    """Return the token where the value of a setting starts: `x: V`, `x = V`, `.x(V)`, `"x" => V`, `{ x }`."""
    if position + 1 >= len(file.tokens):
        return None
    after = file.tokens[position + 1]
    before = file.tokens[position - 1] if position else None
    if after.kind == "mark" and after.value in {":", "=", "=>", ":="} and position + 2 < len(file.tokens):
        if file.tokens[position + 2].value == "=":
            return None
        return position + 2
    if (
        after.value == "("
        and before is not None
        and (before.value in {".", "->", "::"} or file.tokens[position].value.startswith(("With", "with")))
    ):
        return position + 2
    if (
        file.tokens[position].kind == "word"
        and after.value in {",", "}"}
        and before is not None
        and before.value in {"{", ","}
    ):
        return position
    return None


def _pointed(file: File, position: int, token: Token, value: Value, span: range, weak: bool, sdks: list[str]) -> None:
    near = _sdk_near(file, position, sdks)
    sdk = near or sdks[0]
    evidence = f"sets {token.value}"
    found = False
    for item in sorted(value.texts):
        destination = resolve(item, file.catalogue) if "://" in item or not weak or "." in item else None
        if destination is None:
            continue
        # `Endpoint = new Uri("http://orders")` is an AI client's only beside the name of one.
        if weak and destination.provider not in file.catalogue.providers and not (near and "://" in item):
            continue
        found = True
        file.out.signals.append(
            destination_signal("client", "sdk", destination, token.line, f"{evidence} to {destination.host}", sdk=sdk)
        )
    if value.cut and (found or near or not weak):
        found = True
        file.cut(token, "client", "sdk", evidence, sdk)
    if value.envs and (near or not weak):
        found = True
        file.out.reads |= value.envs
        file.out.signals.append(
            Signal("client", "sdk", "", line=token.line, sdk=sdk, envs=tuple(sorted(value.envs)),
                confirm="optional" if value.texts else "",
                   evidence=f"{evidence} from {', '.join(sorted(value.envs))}", confidence=Confidence.HIGH)
        )  # fmt: skip
    if not found and not weak and not value.none and (name := _setting_name(file, span)):
        file.out.signals.append(
            Signal(
                "client",
                "sdk",
                "",
                line=token.line,
                sdk=sdk,
                envs=(name,),
                evidence=f"{evidence} from {name}",
                confidence=Confidence.HIGH,
            )
        )
        found = True
    if not found and not weak and not value.none and not _declares(file, position):
        file.out.signals.append(
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
        file.consumed.update(span)
        file.inline.append((position, sdk))


def _declares(file: File, position: int) -> bool:
    """A type, a parameter or a field by that name is no setting: `baseURL?: string`, `baseUrl: String,`."""
    start = _value_of(file, position)
    if start is None or start >= len(file.tokens):
        return True
    word = file.tokens[start]
    if file.tokens[position + 1].value == ":" and word.kind == "word":
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


def _sdk_near(file: File, position: int, sdks: list[str]) -> str:
    """The SDK whose client's name stands nearest before a setting, or ""."""
    for ahead in range(position - 1, max(-1, position - 60), -1):
        token = file.tokens[ahead]
        if token.kind == "word" and len(token.value) > 3:
            owner = file.catalogue.brand(token.value)
            if owner and (owner in sdks or token.value in file.catalogue.signals["classes"]):
                return owner if owner in sdks else sdks[0]
    return ""


def plain_clients(file: File) -> None:
    """`new Client(...)` beside clients that are pointed elsewhere goes where its SDK goes by default."""
    if not file.inline:
        return
    for position, token in enumerate(file.tokens[:-2]):
        if token.value != "new" or file.tokens[position + 2].value != "(":
            continue
        name = file.tokens[position + 1].value
        owner = file.catalogue.brand(name)
        if owner not in file.sdks:
            continue
        end = file.expressions.arguments(position + 2)[1]
        spans = [where for where, sdk in file.inline if sdk == owner]
        if (
            not spans
            or any(position < where < end for where in spans)
            or not any(_inside_call(file, where, name) for where in spans)
        ):
            continue
        if any(
            item.kind == "word"
            and item.value not in {"process", "env"}
            and squash(item.value) in {"config", "options", "configuration", "opts"}
            for item in file.tokens[position + 3 : end]
        ):
            continue
        provider = file.catalogue.providers[owner]
        file.out.signals.append(Signal("client", "sdk", owner, line=token.line, host=provider.host, sdk=owner,
            envs=provider.lists["base_url_env"],
                                       evidence=f"creates {name}", confidence=Confidence.HIGH))  # fmt: skip


def _inside_call(file: File, where: int, name: str) -> bool:
    return any(file.tokens[back].value == name for back in range(max(0, where - 40), where))


def _setting_name(file: File, span: range) -> str:
    """The constant under which another file may hold the address: `baseURL: LLM_BASE_URL`, `config.LLM_BASE_URL`."""
    words = [
        file.tokens[index].value for index in span if index < len(file.tokens) and file.tokens[index].kind == "word"
    ]
    if words and words[-1].isupper() and "_" in words[-1]:
        return words[-1]
    # `config.llm.baseURL` beside `import config from "./config.json"`
    told = len(words) > 1 and squash(words[-1]) in file.catalogue.base_names - file.catalogue.weak_base_names
    return words[-1].upper() if told and _DATA.search(file.lexed.code) else ""


def settings(file: File) -> None:
    """Constants that hold an address, for the files that import them; and environment names the program itself sets."""
    for name, places in file.expressions.assigned.items():
        if not (name.isupper() and len(name) > 3):
            continue
        values = Bound(MAX_VALUES, f"values of {name}", file.out.unread.append)
        for index in values.first(places):
            for item in sorted(file.expressions.fold(index)[0].texts):
                if "://" in item:
                    file.out.values.append(EnvValue(name, item, "", file.tokens[min(index, len(file.tokens) - 1)].line))
    for position, token in enumerate(file.tokens[:-2]):
        if token.value in file.catalogue.base_url_env and file.tokens[position + 1].value in {",", "]"}:
            start = position + 2 if file.tokens[position + 1].value == "," else position + 3
            for item in sorted(file.expressions.fold(start)[0].texts):
                if "://" in item:
                    file.out.values.append(EnvValue(token.value, item, "", token.line))
