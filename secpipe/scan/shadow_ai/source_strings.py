"""Strings in languages without a parser of their own: addresses, model strings, permissions, SQL, commands,
downloads.
"""

from __future__ import annotations

import re
from dataclasses import replace

from secpipe.core.finding import Confidence
from secpipe.scan.shadow_ai import models, shell, sql, text
from secpipe.scan.shadow_ai.catalogue import squash
from secpipe.scan.shadow_ai.hosts import HOLE, URL, counts, resolve
from secpipe.scan.shadow_ai.lexer import Token
from secpipe.scan.shadow_ai.places import ai_path, bare_host, destination_signal, permissions
from secpipe.scan.shadow_ai.signal import UNKNOWN, Download, Signal
from secpipe.scan.shadow_ai.source_file import File
from secpipe.scan.shadow_ai.values import Value, is_address

_DOWNLOAD = re.compile(
    r"""(?:from_pretrained|fromPretrained|hf_hub_download|snapshotDownload|downloadModel|hub_model|api\.model)\(\s*["'`]([\w.-]+(?:/[\w.-]+)?)["'`]"""
)
_PIPELINE = re.compile(r"""\bpipeline\(\s*["'][\w-]+["']\s*,\s*["']([\w.-]+/[\w.-]+)["']""")
#: Words at which an expression that makes a text may start.
_MAKERS = {
    *("atob", "Buffer", "Base64", "base64", "base64_decode", "Convert", "String", "strings", "string", "concat"),
    *("concat!", "paste0", "implode", "join", "format", "format!", "fmt", "sprintf", "Enum", "table", "listOf"),
    *("Arrays", "List"),
}
_PROCESS = re.compile(r"(?i)exec|spawn|system|popen|command|process|shell|run|sh$|\$$|execa|zx|backtick|arg")


def strings(file: File) -> None:
    """Read every string, put together or not."""
    position = 0
    while position < len(file.tokens):
        token = file.tokens[position]
        text_here = token.kind in {"string", "template"} and position not in file.consumed
        if not text_here and not (token.kind == "word" and token.value in _MAKERS):
            position += 1
            continue
        value, after = file.expressions.fold(position)
        if token.value.startswith("/") and (start := file.expressions.start_of(position)) < position:
            value = file.expressions.fold(start)[0]  # `base + "/chat/completions"`
        if value.cut and any(map(is_address, value.texts)):
            file.cuts.add(token.line)
        for item in sorted(value.texts):
            _text(file, item, token, position)
            if item.startswith(HOLE) and ai_path(item, file.catalogue, ""):
                _open_address(file, token, value)
        position = max(after, position + 1) if token.kind != "word" else position + 1
    for place, value in file.expressions.grown():  # `url.append("api.").append(NAME)`: no string of it is the whole
        for item in sorted(value.texts):
            if "://" in item and place < len(file.tokens):
                _text(file, item, file.tokens[place], place)


def _open_address(file: File, token: Token, value: Value) -> None:
    """`${base}/chat/completions`: an AI call to an address that is set somewhere else, or cannot be told."""
    names = tuple(sorted(value.envs))
    evidence = f"calls an AI path at {', '.join(names) or 'an address that the code computes'}"
    provider = "" if names else UNKNOWN
    file.out.signals.append(
        Signal("client", "http", provider, line=token.line, envs=names, evidence=evidence, confidence=Confidence.MEDIUM)
    )


def _text(file: File, item: str, token: Token, position: int) -> None:
    spaced = any(char.isspace() for char in item.strip())
    for match in URL.finditer(item):
        destination = resolve(match[0].rstrip(".:"), file.catalogue)
        if destination is None:
            continue
        known = destination.provider in file.catalogue.providers
        if counts(destination, file.catalogue) if known else ai_path(destination.path, file.catalogue, file.lexed.code):
            confidence = Confidence.LOW if spaced else Confidence.HIGH
            file.out.signals.append(
                destination_signal(
                    "endpoint", "http", destination, token.line, f"calls {destination.host}", confidence=confidence
                )
            )
    if not spaced:
        file.out.signals += bare_host(item, token.line, file.catalogue)
    file.out.signals += permissions(item, token.line, file.catalogue) if ":" in item else []
    file.out.signals += sql.functions(item, file.catalogue, line=token.line) if spaced and "(" in item else []
    if spaced and _runs(file, position):
        found = shell.commands(item, file.catalogue)
        file.out.signals += [sign.at("", "", token.line - 1) for sign in found.signals if sign.role == "direct"]
        file.out.downloads += [replace(download, line=token.line) for download in found.downloads]
    elif not spaced and HOLE not in item and ("/" in item or ":" in item):
        _model(file, item, token, position)


def _runs(file: File, position: int) -> bool:
    return any(
        file.tokens[back].kind == "word" and _PROCESS.search(file.tokens[back].value)
        for back in range(max(0, position - 5), position)
    )


def _model(file: File, item: str, token: Token, position: int) -> None:
    key = _key_before(file, position)
    gateways: dict[str, str] = file.catalogue.signals["gateway_of_models"]
    gateway = next((gateways[sdk] for sdk in file.sdks if sdk in gateways), "")
    if gateway and key and "/" in item and models.provider_of(item, file.catalogue, key=True):
        host = file.catalogue.providers[gateway].host
        file.out.signals.append(
            Signal(
                "client", "model", gateway, line=token.line, model=item, host=host, evidence=f"model {item}",
                confidence=Confidence.HIGH,
            )
        )  # fmt: skip
        return
    owner = models.provider_of(item, file.catalogue, key=key) if models.is_model_name(item) else ""
    if owner:
        file.out.signals.append(
            Signal(
                "model",
                "model",
                owner,
                line=token.line,
                model=item,
                evidence=f"model {item}",
                confidence=Confidence.MEDIUM if key or item.startswith("@") else Confidence.LOW,
            )
        )


def _key_before(file: File, position: int) -> bool:
    if position < 2:
        return False
    mark, name = file.tokens[position - 1], file.tokens[position - 2]
    if mark.value == "=":  # `MODEL: &str = "..."`
        typed = (at for at in range(position - 2, max(0, position - 9), -1) if file.tokens[at].value == ":")
        name = file.tokens[at - 1] if (at := next(typed, 0)) and file.tokens[at].line == mark.line else name
    named = squash(name.value) in file.catalogue.model_keys or squash(name.value).endswith(
        ("model", "modelname", "modelid")
    )
    return named and name.kind in {"word", "string"} and mark.value in {":", "=", "=>", "(", ":="}


def names_and_models(file: File) -> None:
    """Find environment names and bare model names."""
    for number, line in enumerate(file.lexed.code.split("\n"), 1):
        if "_" in line:
            text.names(line, number, file.catalogue, file.out)
    for position, token in enumerate(file.tokens):
        if token.kind == "string" and _key_before(file, position) and "/" not in token.value and ":" not in token.value:
            _model(file, token.value, token, position)


def downloads(file: File) -> None:
    """Find models fetched by code."""
    for pattern in (_DOWNLOAD, _PIPELINE):
        for match in pattern.finditer(file.lexed.code):
            if pattern is _PIPELINE and "huggingface" not in file.sdks:
                continue
            nearby = file.lexed.code[match.end() : match.end() + 300].partition(";")[0]
            pinned = bool(re.search(r"revision[\"']?\s*[:=]\s*[\"'][0-9a-f]{40}[\"']", nearby))
            file.out.downloads.append(
                Download(
                    "huggingface", match[1], file.line_at(match.start()), pinned, False, match[0].partition("(")[0]
                )
            )
