"""The lethal combination: one agent with private data, text of strangers, and a way out."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator

from secpipe.core.finding import Finding, Severity
from secpipe.scan.agents.commands import known_servers
from secpipe.scan.agents.item import Item, ItemKind
from secpipe.scan.agents.telling import name_of, told


def by_capability(words: Collection[str]) -> bool:
    """Whether capabilities of one agent are all three: private data, text of strangers, a way out."""
    private = any(one == "shell" or one.startswith(("secret:", "files:")) for one in words)
    untrusted = any(one.startswith("content:") for one in words)
    return private and untrusted and any(one.startswith(("net:", "send:")) for one in words)


def combinations(items: Iterable[Item], findings: Iterable[Finding]) -> Iterator[Finding]:
    """Yield a finding for each agent that has all three, and for each assistant whose servers together do.

    Where a person is asked before each step, an assistant's servers are told of as information only.
    """
    loose = {
        finding.path
        for finding in findings
        if finding.rule == "agents/wide-permission" and "/workflows/" not in finding.path
    }
    assistants: dict[str, list[Item]] = defaultdict(list)
    for item in items:
        if item.kind is ItemKind.SERVER:
            assistants[item.path].append(item)
        elif item.kind in {ItemKind.AGENT, ItemKind.SKILL, ItemKind.COMMAND} and item.facts.get("tools"):
            found = parts(" ".join(item.facts["tools"]))
            if all(found) and len(set(found)) > 1:
                auto = bool(item.facts.get("auto"))
                yield _told(
                    f'the {item.kind} "{name_of(item.name)}"',
                    item.path,
                    found,
                    Severity.HIGH if auto else Severity.MEDIUM,
                )
    for path, several in assistants.items():
        found = parts(" ".join(str(item.facts.get("said", "")) for item in several))
        if all(found):
            auto = bool(loose) and (path in loose or any(_same_client(path, one) for one in loose))
            yield _told(
                f"the servers of {name_of(path)} together", path, found, Severity.HIGH if auto else Severity.INFO
            )


def _same_client(one: str, other: str) -> bool:
    """Whether two files of settings are read by one assistant: those of one project are."""
    return one.rpartition("/")[0].rpartition("/.")[0] == other.rpartition("/")[0].rpartition("/.")[0] or "/" not in one


def parts(said: str) -> tuple[str, str, str]:
    """Return what of a set of tools is private data, text of strangers, a way out; "" where nothing is."""
    plain = said.replace("_", " ").replace("-", " ").lower()
    web = "webfetch" in plain or "websearch" in plain
    private = known_servers("private").findall(plain)
    untrusted = [*known_servers("untrusted").findall(plain), *["web"] * web]
    out = [*known_servers("out").findall(plain), *["web"] * ("webfetch" in plain)]
    first = private[0] if private else ""
    return first, _other(untrusted, first), _other(out, first)


def _other(words: list[str], first: str) -> str:
    """Return one of the words, another than the first one if there is."""
    return next((word for word in words if word != first), words[0] if words else "")


def _told(who: str, path: str, found: tuple[str, str, str], severity: Severity) -> Finding:
    private, untrusted, out = found
    said = (
        f"{who} can read private data ({private}), takes in text of strangers ({untrusted}) and has a way out ({out})"
    )
    return told("agents/lethal-combination", said, path, subject=f"{private} {untrusted} {out}", severity=severity)
