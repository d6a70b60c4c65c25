"""The text layer: what can be read from any text, line by line. Hosts in URLs, environment names, model settings."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from secpipe.core.finding import Confidence
from secpipe.scan.shadow_ai import models
from secpipe.scan.shadow_ai.catalogue import Catalogue, squash
from secpipe.scan.shadow_ai.hosts import counts, resolve
from secpipe.scan.shadow_ai.places import destination_signal, endpoints
from secpipe.scan.shadow_ai.references import setting_of
from secpipe.scan.shadow_ai.signal import EnvValue, Reading, Signal
from secpipe.scan.shadow_ai.spelling import spelled_out

_COMMENT = re.compile(r"^\s*(?:#|//|;|--|\*|/\*|<!--|REM\b|%|\"\"\")")
_TRAILING = re.compile(r"\s(?:#|//)\s.*$")
_NAME = re.compile(r"(?<![A-Za-z0-9_])[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+(?![A-Za-z0-9_])")
_SETTING = re.compile(
    r"""["']?(?P<key>[A-Za-z_$][\w.$-]{0,80})["']?\s*(?:=>|:=|[:=])\s*(?P<value>"[^"\n]{1,4000}"?|'[^'\n]{1,4000}'?|(?!\{\s*["']?\w+["']?\s*:)[^\s,;#}\]"'<]{1,500})"""
)
#: An option of a command, in a line of shell or a list of arguments.
_OPTION = re.compile(
    r"--(?:[a-z]{1,20}[-_]){0,3}(?:model|vision[-_]tower)(?:[-_](?:id|path|name|repo|name[-_]or[-_]path))?[\"']?[=,\s]{1,20}[\"']?([\w.-]{1,96}/[\w.-]{1,96})"
)
_MAX_LINE = 20_000
_STOP = re.compile(r"""[\s"'`<>()\[\]{}|\\^,;]""")  # what ends a URL


def read(text: str, catalogue: Catalogue, *, comments: bool = True) -> Reading:
    """Return the signs in a text of any kind; with `comments=False` a line that looks like a comment is read as
    well.
    """
    out = Reading()
    for number, line in enumerate(text.split("\n"), 1):
        for part in _parts(line) if len(line) > _MAX_LINE else (line,):
            _line(part, number, catalogue, out, in_comment=comments and bool(_COMMENT.match(line)))
    _pairs(text, out)
    out.engine = "text"
    return out


def _parts(line: str) -> Iterator[str]:
    """Yield a long line in parts that overlap and end where a word ends: an address is whole in one of them."""
    start = end = 0
    while end < len(line):
        stop = _STOP.search(line, start + _MAX_LINE)
        end = stop.start() if stop else len(line)
        yield line[start:end]
        start = end - 300


def _line(line: str, number: int, catalogue: Catalogue, out: Reading, *, in_comment: bool) -> None:
    line = spelled_out(line)
    if "://" not in line and "_" not in line and "." not in line and ":" not in line and "=" not in line:
        return
    region = "comment" if in_comment else ""
    confidence = Confidence.LOW if in_comment else Confidence.HIGH
    code = line if in_comment else _TRAILING.sub("", line)
    found = endpoints(code, number, catalogue, line, confidence=confidence)
    if code != line:
        said = endpoints(line[len(code) :], number, catalogue, line, confidence=Confidence.LOW)
        out.signals += [replace(sign, region="comment") for sign in said]
    out.signals += [replace(sign, region=region) for sign in found]
    for match in (
        _OPTION.finditer(code) if "--" in code and "/" in code and not line.lstrip().startswith(("#", "//")) else ()
    ):
        if (named := setting_of("model", match[1], number, catalogue)) is not None:
            out.downloads.append(named)
    if in_comment:  # as a line that begins with an option looks like in SQL
        return
    names(code, number, catalogue, out)
    for match in _SETTING.finditer(code):
        _setting(match["key"], match["value"].strip("\"'"), number, catalogue, out)


def names(line: str, number: int, catalogue: Catalogue, out: Reading) -> None:
    """Environment names of providers, as whole words."""
    for match in _NAME.finditer(line):
        name = match[0]
        owner = catalogue.env.get(name) or catalogue.weak_env.get(name) or catalogue.base_url_env.get(name)
        if owner or name in catalogue.base_url_env:
            out.reads.add(name)
        if owner:
            weak = name in catalogue.weak_env
            out.signals.append(
                Signal(
                    "env",
                    "env",
                    owner,
                    line=number,
                    evidence=f"names {name}",
                    confidence=Confidence.LOW if weak else Confidence.MEDIUM,
                )
            )


def _setting(key: str, value: str, number: int, catalogue: Catalogue, out: Reading) -> None:
    """`KEY=value`, `key: value`, `"key": "value"`."""
    if not value:
        return
    last = key.rpartition(".")[2]
    if last.isupper() and len(last) > 2:
        out.values.append(EnvValue(last, value, "", number))
    word = squash(last)
    if not last.isupper() and word in catalogue.base_names - catalogue.weak_base_names and "://" in value:
        out.values.append(EnvValue(last.upper(), value, "", number))  # read by its key: `config["llm"]["base_url"]`
    if (
        word in catalogue.base_names
        or last in catalogue.base_url_env
        or word in {"hostname", "host", "server", "upstream", "proxypass", "servername"}
        or word.endswith(("host", "url", "uri", "endpoint"))
    ):
        destination = resolve(value, catalogue)
        if destination is not None and destination.provider in catalogue.providers and counts(destination, catalogue):
            out.signals.append(
                destination_signal("endpoint", "config", destination, number, f"{key} is {destination.host}")
            )
    if word in catalogue.model_keys or word.endswith(("model", "modelname", "modelid")):
        owner = models.provider_of(value, catalogue, key=True)
        if owner:
            out.signals.append(Signal("model", "model", owner, line=number, model=value, evidence=f"{key} is {value}"))
            return
    if (named := setting_of(last, value, number, catalogue)) is not None:
        out.downloads.append(named)


_LONGEST = 2000  # characters of a value that are kept; addresses are found without it
_NAME_LINE = re.compile(r"""^\s*-?\s*["']?name["']?\s*[:=]\s*["']?(?P<name>[A-Z][A-Z0-9_]+)["']?,?\s*$""")
_VALUE_LINE = re.compile(r"""^\s*["']?value["']?\s*[:=]\s*["']?(?P<value>[^"'\n]+?)["']?,?\s*$""")


def _pairs(text: str, out: Reading) -> None:
    """Kubernetes, ECS and Terraform spell an environment entry as a name and a value on neighbouring lines."""
    lines = text.split("\n")
    for index, line in enumerate(lines):
        match = _NAME_LINE.match(line.strip()[:_LONGEST])
        if match is None:
            continue
        for after in lines[index + 1 : index + 3]:
            value = _VALUE_LINE.match(after.strip()[:_LONGEST])
            if value:
                out.values.append(EnvValue(match["name"], value["value"], "", index + 1))
                break
