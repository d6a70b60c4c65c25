"""The allow-list of a policy: which AI may be used, by whom, where, why and until when."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime

from secpipe.core.sections import key
from secpipe.scan.shadow_ai.signal import REGIONS

DEFAULT_REGIONS = ("code", "config", "example")
_ALLOWS = ("allow", "deny")


@dataclass(frozen=True, slots=True)
class Approval:
    """One approved use (`[[shadow_ai.allow]]`): everything that is given must match."""

    provider: str = key("", doc="id of the provider in the catalogue")
    host: str = key("", doc="host that is called; `*.corp` is any name below")
    model: tuple[str, ...] = key((), doc="globs over model names")
    models: tuple[str, ...] = key((), doc="the same")
    path: tuple[str, ...] = key((), doc="globs over paths")
    paths: tuple[str, ...] = key((), doc="the same")
    env: tuple[str, ...] = key((), doc="environments; none: all")
    team: str = key("", doc="who uses it")
    owner: str = key("", doc="who answers for it")
    reason: str = key("", doc="why it is approved")
    ticket: str = key("", doc="where it was discussed")
    expires: datetime | date | None = key(None, doc="last day on which it holds")
    data_classes: tuple[str, ...] = key((), doc="what data may go there")
    jurisdiction: tuple[str, ...] = key((), doc="where the provider must be at home")

    @property
    def until(self) -> datetime:
        """The last moment at which it holds: a day ends at midnight UTC, and what has no end never began."""
        if isinstance(self.expires, datetime):
            return self.expires if self.expires.tzinfo else self.expires.replace(tzinfo=UTC)
        return datetime.combine(self.expires or date.min, datetime.max.time(), UTC)


@dataclass(frozen=True, slots=True)
class ShadowAI:
    """Which AI may be used. A gateway both forbids and approves, so no two lists of gateways can be compared."""

    default: str = key("deny", choice=_ALLOWS, tighter="more", doc="uses that nobody approved")
    gateway: tuple[str, ...] = key(
        (), doc="hosts through which all remote AI traffic must go; they need no approval of their own"
    )
    regions: tuple[str, ...] = key(
        DEFAULT_REGIONS, choice=REGIONS, empty=DEFAULT_REGIONS, tighter="superset", doc="kinds of text that are judged"
    )
    min_confidence: str = key(
        "medium", choice=("high", "medium", "low"), tighter="more", doc="less sure signs are not judged"
    )
    unknown_destination: str = key(
        "deny", choice=_ALLOWS, tighter="more", doc="calls whose address cannot be told from the code"
    )
    local_only: bool = key(False, tighter="more", doc="no approval covers a use that leaves this machine or network")
    inline_waivers: bool = key(False, choice=(True, False), tighter="more", doc="comments in the code may waive")
    allow: tuple[Approval, ...] = key((), tighter="shorter", doc="approved uses")
