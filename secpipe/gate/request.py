"""What `check` is asked. Nothing heavier than this is imported on the warm path."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

from secpipe.core.artifact import Skip
from secpipe.core.errors import ConfigError

BUILTIN = "builtin:"
DEFAULT_POLICY = f"{BUILTIN}baseline"
TREE_POLICY = "secpipe-policy.toml"
#: What a repository of several projects holds beside them.
REST = "."
#: How the pin begins where a branch has no policy yet and the default one stands in; what follows says why.
ADOPTING = "builtin, "


@dataclass(frozen=True, slots=True)
class Request:
    """One question to the gate. `now` is real or simulated; nothing below reads a clock.

    `policy` is a file or `builtin:NAME`; `policy_ref` (see `gate.policies.pins`), `waivers_ref` and `trust_pin`
    (`sha256:HEX`) are given from outside the tree; `advisories` is a folder, zip or store of OSV records instead of the
    default ones.
    """

    path: Path
    now: datetime
    simulated: bool = False
    environment: str = "prod"
    policy: str = ""
    policy_ref: str = ""
    trust: Path | None = None
    trust_pin: str = ""
    max_ring_age: int = 0  # days within which the ring must be stated to be the newest; 0 leaves it to the policy
    advisories: Path | None = None
    exclude: tuple[str, ...] = ()
    name: str = ""  # what the subject is called; "" is the folder's own name
    not_read: tuple[Skip, ...] = ()  # what the caller could not put into the folder: submodules of a commit
    mode: str = ""  # `warn` or `enforce` from the command line; "" leaves it to the policy
    warn_until: date | None = None  # instead of a mode: the last day (UTC) on which it only warns; then it enforces
    cache: bool = True
    waivers: Path | None = None  # a file of waivers beside the policy, from outside the tree
    waivers_ref: str = ""
    repository: Path | None = None  # where `git:` references are looked up, if `path` is a copy from elsewhere
    verdicts: Path | None = None  # the verdict store that promotion looks into
    bom: bool = False  # the AI-BOM itself is wanted, not only what it shows
    project: str | None = None  # the declared project that `path` is, REST for what belongs to none; None: not asked
    parts: bool = False  # results of single checks may come from earlier runs over the same content
    asked: str = ""  # what was asked about, where `path` is only where it was written out: an image
    images: tuple[str, ...] = ()  # the digests that name it: what was asked for, then what that lists
    platforms: tuple[str, ...] = ()
    several: bool = False  # no one digest names all of them
    memory: str = "none"  # of this machine: `read` it (refuse what is older), `keep` it (and remember this verdict)

    def __post_init__(self) -> None:
        if self.mode and self.warn_until:
            raise ConfigError("--mode and --warn-until both say the mode", hint="leave one of them out")

    @property
    def image(self) -> str:
        """The hex SHA-256 of the manifest or index that was asked about, "" for a folder or for several."""
        return "" if self.several or not self.images else self.images[0].removeprefix("sha256:")

    @property
    def asked_mode(self) -> str:
        """`warn` or `enforce` where the caller said so, by the day that it is now; "" leaves it to the policy."""
        if self.warn_until is None:
            return self.mode
        return "warn" if self.now.date() <= self.warn_until else "enforce"
