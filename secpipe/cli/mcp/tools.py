"""What the four tools answer: text in, text out; nothing here knows the protocol."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from secpipe.core.errors import ConfigError, InputError, SecpipeError
from secpipe.core.foreign import as_data
from secpipe.core.text import plural, printable

_LISTED = 200


@dataclass(frozen=True, slots=True)
class Served:
    """What the person who started the server decided; `roots` are resolved."""

    roots: tuple[Path, ...]
    policy: str = ""
    policy_ref: str = ""
    trust: Path | None = None
    trust_pin: str = ""
    environment: str = "prod"


def answer(served: Served, tool: str, words: dict[str, Any]) -> tuple[str, bool]:
    """Return what a tool says, and whether that is an error. Never raises for what a client or a project sends."""
    known = {"check": _check, "explain": _explain, "sbom": _sbom, "verify": _verify}
    try:
        if tool not in known:
            raise ConfigError("there is no such tool", hint=f"tools: {', '.join(known)}")
        return known[tool](served, words), False
    except SecpipeError as error:
        hint = f"\nhint: {as_data(error.hint)}" if error.hint else ""
        return f"error, and so no pass: {as_data(error.message)}{hint}", True
    except Exception as error:  # hostile input meets our defects here: no answer is no pass
        return f"error, and so no pass: {type(error).__name__}", True


def _text(words: dict[str, Any], name: str, default: str = "") -> str:
    value = words.get(name, default)
    if not isinstance(value, str) or len(value) > 4096 or "\0" in value:
        raise InputError(f"{name} is no text of a usable length")
    return value


def _place(served: Served, words: dict[str, Any]) -> Path:
    """Return the path that a client names, if it lies inside a root once every link is followed."""
    given = Path(_text(words, "path", "."))
    try:
        place = (served.roots[0] / given).resolve(strict=True)
    except (OSError, RuntimeError, ValueError) as error:
        raise InputError("there is no such path") from error
    if not any(place.is_relative_to(root) for root in served.roots):
        raise InputError("the path lies outside the folders that this server may read")
    return place


def _check(served: Served, words: dict[str, Any]) -> str:
    from secpipe.api.checking import judged, request_of
    from secpipe.api.rendering import rendered
    from secpipe.system import redaction

    request = request_of(
        _place(served, words), policy=served.policy, policy_ref=served.policy_ref, trust=served.trust,
        trust_pin=served.trust_pin, environment=served.environment, at=None, cache=False, parts=False,
    )  # fmt: skip
    document = judged(replace(request, memory="read")).document
    return rendered(redaction.redact_values(document), "assistant")


def _explain(served: Served, words: dict[str, Any]) -> str:
    from secpipe.api.rendering import known_rules
    from secpipe.report.rules import plain

    rules, name = known_rules(), _text(words, "rule")
    if name not in rules:
        raise InputError(f"there is no rule {printable(name, 80)}", hint="the answers of check name rules")
    return plain(rules[name])


def _sbom(served: Served, words: dict[str, Any]) -> str:
    from secpipe.api.boms import make_sbom
    from secpipe.system.redaction import redact_values

    made = make_sbom(_place(served, words))
    items = redact_values(made.to_dict()).get("components", [])
    kinds = Counter(str(item.get("type")) for item in items)
    lines = [f"{plural(len(items), 'component')}: " + ", ".join(f"{count} {kind}" for kind, count in kinds.items())]
    lines += [as_data(f"{item.get('type')} {item.get('name')} {item.get('version', '')}") for item in items[:_LISTED]]
    if len(items) > _LISTED:
        lines.append(f"and {len(items) - _LISTED:,} more: secpipe sbom generate writes all")
    lines.append(f"Not read: {plural(len(made.skipped), 'place')}.")
    lines += [as_data(f"{skip.path}: {skip.reason}") for skip in made.skipped[:_LISTED]]
    return "\n".join(lines) + "\n"


def _verify(served: Served, words: dict[str, Any]) -> str:
    from secpipe.api.findings import exit_code, merged_signatures
    from secpipe.api.rendering import rendered
    from secpipe.api.signatures import Demands, trust_of, verified
    from secpipe.core.findings import document
    from secpipe.system.clock import SystemClock

    now, place = SystemClock().now(), _place(served, words)
    trust = trust_of(served.trust or served.roots[0] / "keys", served.trust_pin, now, keep=False)
    evidence = merged_signatures([(str(place), verified(str(place), trust, Demands(remember=False), now))])
    said = {0: "Every signature holds.", 1: "A signature does not hold, or is missing."}
    head = said.get(exit_code(evidence), "It could not be decided. That is no pass.")
    if not trust.pinned:
        head += " The trust root is unpinned: whoever can change it can change this answer."
    return f"{head}\n{rendered(document(evidence, 'verify', now, simulated=False), 'assistant')}"
