"""What an agent is given: servers, skills, hooks, permissions, and what each of them can do."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from secpipe.core.text import printable
from secpipe.system.redaction import redact


class ItemKind(StrEnum):
    """What an item is."""

    SERVER = "server"
    SKILL = "skill"
    HOOK = "hook"
    PERMISSION = "permission"
    RULES = "rules"
    COMMAND = "command"
    AGENT = "agent"
    PLUGIN = "plugin"
    WORKFLOW = "workflow"


#: Kinds that only say something: their existence is told, and never held against anybody.
TOLD = (ItemKind.RULES, ItemKind.PERMISSION)
#: What a capability's first word means, for sentences.
WORDS = {
    "shell": "run any command",
    "run": "run",
    "net": "reach",
    "files": "reach files of",
    "secret": "read the secret",
    "agent": "start",
    "auto": "act without asking",
    "content": "take in text from",
    "send": "send by",
}


@dataclass(frozen=True, slots=True)
class Item:
    """One thing that an agent is given, as a file of the project declares it.

    `capabilities` are words as `net:api.example` (`docs/agents.md`); `source` is what it is (package, image, address,
    command), `pinned` whether that names one version. `digest` covers everything it brings.
    """

    kind: ItemKind
    name: str
    path: str
    client: str = ""
    line: int = 0
    source: str = ""
    package: str = ""  # `npm:@scope/name`
    version: str = ""
    host: str = ""
    publisher: str = ""  # whose name it bears: a scope, a host; nobody has verified it
    owner: str = ""  # by the project's CODEOWNERS
    pinned: bool = True
    capabilities: tuple[str, ...] = ()
    digest: str = ""
    files: tuple[str, ...] = ()  # of the tree, that it brings
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def id(self) -> str:
        """`kind:name`, as approvals and reports name it."""
        return f"{self.kind}:{self.name}"

    @property
    def powerful(self) -> bool:
        """Whether it may run any command, or has secrets and a way out, or is steered from outside and can act."""
        return powerful(self.capabilities)

    @property
    def asks(self) -> bool:
        """Whether somebody must approve it: a server always, anything else of an assistant that can do something."""
        if self.facts.get("contained"):
            return False
        own = bool(self.facts.get("own"))  # defined in the project's own code, and started by nobody yet
        return (self.kind is ItemKind.SERVER and not own) or (self.kind not in TOLD and bool(self.capabilities))

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON-ready shape of the fact `items`; no secret is in it."""
        return {
            "id": printable(redact(self.id)), "kind": str(self.kind), "name": printable(redact(self.name), 300),
            "path": self.path, "line": self.line, "client": self.client, "source": printable(redact(self.source), 400),
            "package": printable(self.package, 300), "version": printable(self.version, 100),
            "host": printable(self.host, 300), "publisher": printable(self.publisher, 300), "owner": self.owner,
            "pinned": self.pinned,
            "capabilities": [printable(redact(one), 300) for one in self.capabilities], "digest": self.digest,
            "files": list(self.files), "asks": self.asks, "powerful": self.powerful,
        }  # fmt: skip


def powerful(capabilities: Iterable[str]) -> bool:
    """Whether capabilities together are power: it needs its digest pinned or a verified publisher."""
    heads = {one.partition(":")[0] for one in capabilities}
    return bool(
        "shell" in heads or {"secret", "net"} <= heads or {"content", "auto"} <= heads or {"content", "run"} <= heads
    )


def sorted_words(words: Iterable[str]) -> tuple[str, ...]:
    """Return capabilities in their order, each once, without what another one covers."""
    found = set(words)
    if "shell" in found:
        found = {one for one in found if not one.startswith("run:")}
    if "net:any" in found:
        found = {one for one in found if one == "net:any" or not one.startswith("net:")}
    return tuple(sorted(found))


def covers(approved: Iterable[str], wanted: str) -> bool:
    """Whether approved capabilities hold a wanted one; `net:*.corp` is any name below, `net:any` any host."""
    head, _, rest = wanted.partition(":")
    for one in approved:
        first, _, scope = one.partition(":")
        if one == wanted or (first == "shell" and head == "run") or (first == head and scope == "*"):
            return True
        if first == head == "net" and (scope == "any" or (scope.startswith("*.") and rest.endswith(scope[1:]))):
            return True
        if first == head == "files" and scope and (rest + "/").startswith(scope.rstrip("/") + "/"):
            return ".." not in rest.split("/")
    return False


def in_words(capability: str) -> str:
    """Return a capability as a reader says it: `reach api.example`."""
    head, _, rest = capability.partition(":")
    if capability == "net:any":
        return "reach any host"
    return printable(f"{WORDS.get(head, head)} {rest}".strip(), 200)


def digest_of(value: Any) -> str:
    """Return `sha256:HEX` over a JSON value in one spelling (sorted keys)."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), default=str)
    return f"sha256:{hashlib.sha256(text.encode('utf-8', 'surrogatepass')).hexdigest()}"
