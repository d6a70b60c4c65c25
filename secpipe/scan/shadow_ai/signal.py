"""The nouns of this wing: a sign of AI use at a place, where it leads, and the use it adds up to."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from typing import Any

from secpipe.core.finding import Confidence
from secpipe.core.text import as_bytes, printable

#: Providers that no catalogue lists.
UNKNOWN = "unknown"  # an AI client whose destination could not be resolved
UNLISTED = "unlisted"  # an AI call to a host that no provider owns
LOCAL = "local"  # an AI call to this machine or a private network

#: Mechanisms, the surest first; merging keeps the first.
MECHANISMS = (
    "sdk",
    "http",
    "download",
    "cli",
    "image",
    "mcp",
    "sql",
    "iac",
    "action",
    "agent",
    "model",
    "config",
    "env",
    "manifest",
)

#: What a use rests on, the least first: a package that another one brought and nothing imports, a package that the
#: project names, an import of which the file calls nothing, a use.
BASES = ("came along", "dependency", "import", "use")

#: Regions: what kind of text the sign stands in.
REGIONS = ("code", "config", "example", "test", "docs", "comment", "vendored")


@dataclass(frozen=True, slots=True)
class Signal:
    """One sign of AI use.

    `provider` is a catalogue id or one of UNKNOWN, UNLISTED, LOCAL. `host` is the resolved destination ("" = the
    provider's own). `sdk` is the provider whose client library carries the call. `envs` are environment names that
    decide the destination and are still to be looked up in the tree. `role` tells `attribute` how the sign combines:
    `client` and `endpoint` stand for themselves; `import`, `env`, `key`, `model` and `manifest` give way to what a
    client resolves to. `confirm` is an `ecosystem:package` or "+" (any other sign of the provider in the file).
    """

    role: str
    mechanism: str
    provider: str
    path: str = ""
    line: int = 0
    host: str = ""
    model: str = ""
    sdk: str = ""
    envs: tuple[str, ...] = ()
    confirm: str = ""
    region: str = ""
    confidence: Confidence = Confidence.MEDIUM
    evidence: str = ""

    def at(self, path: str, region: str, line_offset: int = 0) -> Signal:
        """Return the sign placed in a file; a script is code in prose, and a test's in a test."""
        own = "" if self.region == "code" and region not in {"docs", ""} else self.region
        return replace(self, path=path, region=own or region, line=self.line + line_offset)


@dataclass(frozen=True, slots=True)
class EnvValue:
    """An environment name given a value somewhere in the tree (`.env`, compose, Helm, workflow, `os.environ[...]
    =`).
    """

    name: str
    value: str
    path: str
    line: int


@dataclass(frozen=True, slots=True)
class Download:
    """What code fetches (`thing`): its source, whether the revision is pinned, and whether remote code may run.

    Without a provider it is only named there, and is neither a use of AI nor a finding.
    """

    provider: str
    source: str
    line: int
    pinned: bool
    remote_code: bool
    call: str
    path: str = ""
    region: str = ""
    thing: str = "model"  # or adapter, dataset, prompt
    seen: bool = True  # in use; otherwise only a name

    def to_dict(self, path: str, region: str) -> dict[str, Any]:
        """Return the published shape of one entry of the evidence's `references`."""
        return {
            "thing": self.thing,
            "name": printable(self.source, 300),
            "provider": self.provider,
            "call": self.call,
            "path": printable(path),
            "line": self.line,
            "region": region,
            "pinned": self.pinned,
            "confidence": "high" if self.seen else "low",
        }


@dataclass(slots=True)
class Reading:
    """What one file gave: signs, environment values, names it reads, downloads, and why parts were not read."""

    signals: list[Signal] = field(default_factory=list)
    values: list[EnvValue] = field(default_factory=list)
    reads: set[str] = field(default_factory=set)  # environment names the file reads
    downloads: list[Download] = field(default_factory=list)
    packages: set[str] = field(default_factory=set)  # `ecosystem:package` declared
    notes: list[str] = field(default_factory=list)  # why it was not read as what it is
    unread: list[str] = field(default_factory=list)  # parts that nobody read, as sentences
    engine: str = ""  # what read it; a reader says so last, and without it nobody did


@dataclass(frozen=True, slots=True)
class Use:
    """One use of AI, attributed to where it really goes; independent of any policy."""

    provider: str
    host: str
    mechanism: str
    model: str
    path: str
    line: int
    region: str
    confidence: Confidence
    evidence: tuple[str, ...]
    kind: str = ""
    name: str = ""
    jurisdiction: str = ""
    sdk: str = ""
    local: bool = False
    basis: str = "use"  # one of BASES
    context: bool = False  # says that AI is near, not that a model is called

    @property
    def id(self) -> str:
        """20 hex digits over path, provider, host, mechanism and model: no line number, stable across runs."""
        text = "\0".join((self.path, self.provider, self.host, self.mechanism, self.model))
        return hashlib.sha256(as_bytes(text)).hexdigest()[:20]

    def to_dict(self) -> dict[str, Any]:
        """Return the published shape of one entry of the evidence's `uses`."""
        return {
            "id": self.id,
            "provider": self.provider,
            "name": self.name,
            "kind": self.kind,
            "host": printable(self.host, 253),
            "mechanism": self.mechanism,
            "model": printable(self.model, 200),
            "path": printable(self.path),
            "line": self.line,
            "region": self.region,
            "confidence": str(self.confidence),
            "evidence": [printable(text, 200) for text in self.evidence],
            "jurisdiction": self.jurisdiction,
            "sdk": self.sdk,
            "local": self.local,
            "basis": self.basis,
            "context": self.context,
        }
