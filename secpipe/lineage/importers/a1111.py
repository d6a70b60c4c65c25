"""webui (A1111) and its kin: the text that stands as `parameters` in a PNG, or as user comment in a JPEG or WebP."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from secpipe.core.artifact import Digest
from secpipe.core.limits import MIB
from secpipe.lineage.importers.claims import MOST, Claims, named, number, parameters, table
from secpipe.lineage.record import Input, Role, Tool

_LORA = re.compile(r"<lora:([^:<>]{1,300}):(-?\d{1,4}(?:\.\d{1,8})?)[^<>]{0,100}>")
_HASH = re.compile(r"[0-9a-f]{8,64}")
_NEGATIVE = "\nNegative prompt: "
_LAST = re.compile(r"^Steps: \d", re.MULTILINE)


def read(texts: Mapping[str, str]) -> Claims | None:
    """Return what the text says, None where none of its kind is there."""
    text = texts.get("parameters") or texts.get("UserComment") or ""
    at = max((found.start() for found in _LAST.finditer(text, 0, MIB)), default=-1)  # a prompt may have such a line too
    if at < 0:
        return None
    said, last = text[:at].rstrip("\n"), text[at : at + MIB].split("\n", 1)[0]
    prompt, _, negative = said.partition(_NEGATIVE) if _NEGATIVE in said else _leading(said)
    fields = dict(_fields(last))
    settings = {new: number(fields[old]) for old, new in table("a1111").items() if old in fields}
    tool = Tool("webui", fields["Version"][:256]) if fields.get("Version") else None
    prompts = ((Role.PROMPT, prompt), (Role.NEGATIVE_PROMPT, negative))
    return Claims(
        "a1111", "generate", (*_model(fields), *_loras(prompt, fields)), parameters(settings),
        tuple((role, text) for role, text in prompts if text.strip()), tool,
    )  # fmt: skip


def _leading(said: str) -> tuple[str, str, str]:
    """A prompt may be empty: then the text begins with the negative one."""
    start = _NEGATIVE.lstrip()
    return ("", start, said.removeprefix(start)) if said.startswith(start) else (said, "", "")


def _model(fields: Mapping[str, str]) -> Iterator[Input]:
    name, digest = named(fields.get("Model", "")), fields.get("Model hash", "").lower()
    if name or digest:
        yield Input(name or digest[:64], Role.MODEL, _prefix(digest))


def _loras(prompt: str, fields: Mapping[str, str]) -> Iterator[Input]:
    pairs = (part.partition(":") for part in fields.get("Lora hashes", "").split(","))
    hashes = {name.strip(): digest.strip().lower() for name, _, digest in pairs}
    for count, match in enumerate(_LORA.finditer(prompt)):
        if count >= MOST:
            return
        yield Input(
            named(match[1]), Role.ADAPTER, _prefix(hashes.get(match[1], ""), "sha256-data-prefix"), float(match[2])
        )


def _prefix(digest: str, algorithm: str = "sha256-prefix") -> tuple[Digest, ...]:
    return (Digest(algorithm, digest),) if _HASH.fullmatch(digest) else ()


def _fields(line: str) -> Iterator[tuple[str, str]]:
    """Yield key and value of `Key: value, Key: "quoted, value"`."""
    part, quoted = list[str](), False
    for char in line[:65536] + ",":
        if char == "," and not quoted:
            key, colon, value = "".join(part).partition(":")
            if colon:
                yield key.strip(), value.strip().strip('"')
            part = []
            continue
        quoted ^= char == '"'
        part.append(char)
