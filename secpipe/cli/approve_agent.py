"""What `secpipe approve agent` writes: an item with the capabilities it has today, shown whole."""

from __future__ import annotations

from typing import Any

from secpipe.cli.options import say
from secpipe.core.errors import ConfigError
from secpipe.core.text import did_you_mean, printable


def entries(project: str, items: tuple[str, ...], publisher: str) -> list[dict[str, Any]]:
    """Return one `[[agents.allow]]` an item of the project that is named; raises ConfigError where there is none."""
    from secpipe.api.agents import look
    from secpipe.scan.agents.item import in_words

    found: dict[str, list[dict[str, Any]]] = {}
    for item in look(project).facts["items"]:
        found.setdefault(item["id"], []).append(item)
    made = []
    for name in items:
        if name not in found:
            hint = did_you_mean(name, found) or f"secpipe scan agents {project} -f json names them"
            raise ConfigError(f'no item "{printable(name, 80)}" is in {printable(project)}', hint=hint)
        for item in found[name]:
            said = ", ".join(in_words(one) for one in item["capabilities"]) or "answer the assistant"
            say(printable(f"{name} in {item['path']} can {said}"))
            one = {"item": _exact(name), "capabilities": list(item["capabilities"])}
            one |= {"publisher": publisher} if publisher else {}
            one |= {"digest": item["digest"]} if item["powerful"] else {}
            one |= {"paths": [_exact(item["path"])]} if len(found[name]) > 1 else {}
            made.append(one)
    return made


def _exact(text: str) -> str:
    """Return the glob that matches this text and no other."""
    return "".join(f"[{char}]" if char in "*?[" else char for char in text)
