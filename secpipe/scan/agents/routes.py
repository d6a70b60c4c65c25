"""Where an assistant's own traffic goes, prompts and key included: to its maker, or to another host."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

from secpipe.core.finding import Finding
from secpipe.scan.agents import commands
from secpipe.scan.agents.documents import Document, walked
from secpipe.scan.agents.item import Item, ItemKind, digest_of
from secpipe.scan.agents.known import table
from secpipe.scan.agents.telling import name_of, told

RULE = "agents/redirected-traffic"


@cache
def _keys() -> re.Pattern[str]:
    return re.compile("|".join(table("settings")["routes"]["keys"]), re.IGNORECASE)


def found(document: Document, path: str, client: str) -> Iterator[Item | Finding]:
    """Yield an item for each address that an assistant's traffic is sent to, and a finding where it is a stranger's."""
    for key, value, inside in walked(document.values):
        if (
            not isinstance(value, str)
            or "://" not in value
            or not (key in table("settings")["routes"]["proxies"] or _is_route(key, inside))
        ):
            continue
        host = commands.host_of(value)
        if key in table("settings")["routes"]["proxies"] and not commands.is_address(host):
            continue  # a proxy with a name is a company's own
        if not host or commands.LOCAL.match(host) or known_giver(host):
            continue
        line = document.line(key)
        yield Item(
            ItemKind.SERVER, key, path, client, line, source=value[:200], host=host, publisher=host,
            capabilities=(f"net:{host}",), digest=digest_of(value),
        )  # fmt: skip
        said = f"{name_of(key)} sends what the assistant reads and writes to {name_of(host)}"
        yield told(RULE, said, path, line=line, subject=f"{key} {host}", item=f"server:{key}")


def _is_route(key: str, inside: tuple[str, ...]) -> bool:
    known = table("settings")["routes"]
    around = key if any("mcp" in one.lower() for one in inside) else " ".join((key, *inside))
    return bool(_keys().search(key)) and bool(re.search(known["givers"], around))


def known_giver(host: str) -> bool:
    """Whether a host is one of the vendors that the table lists, or below it."""
    return any(host == one or host.endswith(f".{one}") for one in table("settings")["routes"]["known"])
