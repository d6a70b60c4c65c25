"""A document in one of the formats; the writers that tell rules in their own words get them here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from secpipe.core.registry import load
from secpipe.report import EXPLAINING, WRITERS

if TYPE_CHECKING:  # a warm check of the command pays for nothing that it does not use
    from secpipe.report.rules import Rule


def rendered(
    document: Mapping[str, Any], form: str, *, color: bool = False, writers: Mapping[str, str] = WRITERS
) -> str:
    """Return the document in the format `form`; raises ConfigError for one that nobody writes, InputError as `read`."""
    write = load(writers, form, "format")
    told = {"rules": known_rules()} if form in EXPLAINING and writers is WRITERS else {}
    text: str = write(document, color=color, **told)
    return text


def as_written(document: Mapping[str, Any], form: str) -> bytes:
    """Return the bytes that a file in the format `form` holds, as the one door writes it."""
    from secpipe.core.foreign import neutral
    from secpipe.report import SINKS
    from secpipe.system import redaction

    text = redaction.redact(rendered(redaction.redact_values(document), form))
    return neutral(text, SINKS[form]).encode("utf-8", "backslashreplace")


def known_rules() -> dict[str, Rule]:
    """Return every shipped rule by id, in order."""
    from secpipe.core.limits import DEFAULT
    from secpipe.gate.rules import EXPLAINED
    from secpipe.report.rules import parse
    from secpipe.system.files import read_bytes
    from secpipe.system.places import shipped

    data = {file.stem: read_bytes(file, DEFAULT.text_bytes) for file in sorted((shipped() / "rules").glob("*.toml"))}
    data["gate"] += EXPLAINED.encode()
    return {rule.id: rule for wing, text in data.items() for rule in parse(text, wing)}
