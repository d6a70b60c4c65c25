"""What Terraform makes of variables, locals, `format` and `join`: the text with them in their place."""

from __future__ import annotations

import re

_GIVEN = re.compile(r"[ \t]*([A-Za-z_][\w-]*)[ \t]*=[ \t]*([^\n]{1,400}?)[ \t]*(?:(?:#|//)[^\n\"]*)?")
_LOCALS = re.compile(r"[ \t]*locals[ \t]*\{")
_DEFAULT = re.compile(r"\bvariable\s+\"([\w-]+)\"\s*\{[^{}]{0,2000}?\bdefault\s*=\s*(\"[^\"\n]*\")")
_REFERENCE = re.compile(r"\b(?:var|local)\.(?:[A-Za-z_][\w-]*\.)*([A-Za-z_][\w-]*)")
_TEXT = r"\"(?:[^\"\\\n]|\\.)*\""
_PLACED = re.compile(rf"\$\{{\s*({_TEXT})\s*\}}")
_FORMAT = re.compile(rf"\bformat\(\s*({_TEXT}(?:\s*,\s*{_TEXT})*)\s*\)")
_JOIN = re.compile(rf"\bjoin\(\s*({_TEXT})\s*,\s*\[\s*({_TEXT}(?:\s*,\s*{_TEXT})*)\s*,?\s*\]\s*\)")
_ONE = re.compile(_TEXT)
_BRACES = re.compile(rf"{_TEXT}|[{{}}]")
_LINES = {"{": "{\n", "}": "\n}"}
_VERB = re.compile(r"%[sdvq]")
_ROUNDS = 40  # a local may be made of others, and they of more
_MOST = 1 << 20  # characters that substitution may make of a text


def filled(text: str) -> tuple[str, bool]:
    """Return the text with what it gives to its variables and locals in their place, and whether that is all of it."""
    if not re.search(r"\b(?:var|local)\.|\b(?:format|join)\(|\$\{\s*\"", text):
        return text, True
    given = dict(_DEFAULT.findall(text)) | _given(text)
    for _ in range(_ROUNDS):
        before = text
        text = _REFERENCE.sub(lambda match: given.get(match[1], match[0]), text)
        text = _JOIN.sub(lambda match: _quoted(_bare(match[1]).join(map(_bare, _ONE.findall(match[2])))), text)
        text = _FORMAT.sub(lambda match: _quoted(_format([_bare(one) for one in _ONE.findall(match[1])])), text)
        text = _PLACED.sub(lambda match: _bare(match[1]), text)
        if text == before:
            return text, True
        if len(text) > _MOST:
            break
    return text, False


def _given(text: str) -> dict[str, str]:
    """Return what `locals` and a file of values assign, not what a block hands to its resource under the same name."""
    found: dict[str, str] = {}
    depth, inside = 0, False
    for line in _BRACES.sub(lambda match: _LINES.get(match[0], match[0]), text).split("\n"):
        inside = bool(_LOCALS.match(line)) if depth == 0 else inside
        match = _GIVEN.fullmatch(line.removesuffix("\r"))
        if match and (depth == 0 or (inside and (depth == 1 or ("$" not in match[2] and match[1] not in found)))):
            found[match[1]] = match[2]
        bare = _ONE.sub("", line)
        depth = max(0, depth + bare.count("{") - bare.count("}"))
    return found


def _format(parts: list[str]) -> str:
    rest = iter(parts[1:])
    return _VERB.sub(lambda match: next(rest, match[0]), parts[0])


def _bare(text: str) -> str:
    return text[1:-1]


def _quoted(text: str) -> str:
    return f'"{text}"'
