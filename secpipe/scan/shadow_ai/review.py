"""The uses of a tree by provider, for whoever reviews them: who, where to, by which means, from which files."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime
from fnmatch import fnmatchcase
from functools import cache
from typing import Any

from secpipe.core import times
from secpipe.core.documents import parse_toml
from secpipe.core.errors import ConfigError
from secpipe.scan.shadow_ai.allow import ShadowAI
from secpipe.scan.shadow_ai.judge import approval_of, judge
from secpipe.scan.shadow_ai.signal import LOCAL, MECHANISMS, UNKNOWN, UNLISTED
from secpipe.system.files import read_bytes
from secpipe.system.places import shipped

SCHEMA = "secpipe.ai-review/1"
_REGION = re.compile(
    r"(?:^|[.-])((?:us|eu|ap|ca|sa|me|af|il|mx|cn)(?:-gov)?-(?:[a-z]+)-\d|(?:europe|us|asia|northamerica|southamerica"
    r"|australia|me|africa)-[a-z]+\d{1,2})(?=[.-]|$)"
)
_MEANS = {
    "sdk": "a client library", "http": "a request of its own", "env": "an environment name", "config": "configuration",
    "model": "a model's name", "cli": "a program", "sql": "SQL", "iac": "infrastructure as code",
    "image": "a container",
    "mcp": "an MCP server", "download": "a download", "action": "a workflow's action", "agent": "an assistant's files",
    "manifest": "a package",
}  # fmt: skip

#: Owners of a path; what stands near a line of a file.
Owners = Callable[[str], Sequence[str]]
Nearby = Callable[[str, int], Sequence[str]]
#: (path, line) -> the day on which the line was written, and the commit; ("", "") where nobody knows.
Since = Callable[[str, int], tuple[str, str]]


#: What only names a provider, or declares its package, comes behind what calls it.
_WEIGHTS = {"model": 1, "config": 1, "env": 2, "manifest": 3}
_BEHIND = {"code": 0, "config": 1}
_SETS = re.compile(r"(line \d+): (\S+) is (\S+)")

Known = tuple[Owners, Nearby, Since]


def _nobody(path: str, line: int) -> tuple[str, str]:
    return "", ""


def review(
    uses: Iterable[Mapping[str, Any]],
    allow: ShadowAI,
    *,
    owners: Owners,
    near: Nearby,
    env: str,
    now: datetime,
    since: Since = _nobody,
) -> dict[str, Any]:
    """Return the document `secpipe.ai-review/1`: one block a provider, those that nobody approved first.

    A host of no known provider is a block of its own. Every use is in it, whatever the policy says of its region.
    """
    groups: dict[tuple[str, str], list[Mapping[str, Any]]] = defaultdict(list)
    for use in uses:
        if not use["context"]:
            groups[use["provider"], use["host"] if use["provider"] in {UNLISTED, LOCAL, UNKNOWN} else ""].append(use)
    blocks = [_block(rows, allow, (owners, near, since), env, now) for _, rows in sorted(groups.items())]
    order = ("not approved", "expired", "approved", "not judged")
    blocks.sort(key=lambda block: (order.index(block["state"]), block["name"].lower(), block["hosts"]))
    return {"schema": SCHEMA, "at": times.rfc3339(now), "environment": env, "providers": blocks}


def _block(
    rows: list[Mapping[str, Any]],
    allow: ShadowAI,
    known: Known,
    env: str,
    now: datetime,
    since: Since = _nobody,
) -> dict[str, Any]:
    first = rows[0]
    surest = sorted({use["mechanism"] for use in rows}, key=MECHANISMS.index)
    hosts = sorted({use["host"] for use in rows if use["host"]})
    state, said = _state(rows, allow, env, now)
    return {
        "provider": first["provider"],
        "name": first["name"],
        "kind": first["kind"],
        "state": state,
        "approval": said,
        "hosts": hosts,
        "regions": sorted({match[1] for host in hosts for match in _REGION.finditer(host)}),
        "jurisdiction": first["jurisdiction"],
        "means": [_MEANS[mechanism] for mechanism in surest],
        "models": [_model(name, now.date()) for name in sorted({use["model"] for use in rows if use["model"]})],
        "places": _places(rows, allow, known, env, now),
        "do": _command(first) if state in {"not approved", "expired"} else "",
    }


def _places(
    rows: list[Mapping[str, Any]], allow: ShadowAI, known: tuple[Owners, Nearby, Since], env: str, now: datetime
) -> list[dict[str, Any]]:
    """One entry a file, however many models it asks for: what calls first, what only names or declares it last."""
    owners, near, since = known
    files: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for use in rows:
        files[use["path"]].append(use)
    found = []
    ranks: dict[str, tuple[int, int]] = {}
    for path, uses in sorted(files.items()):
        lead = max(uses, key=lambda use: (("manifest", "env").count(use["mechanism"]) == 0, -use["line"]))
        day, commit = since(path, lead["line"])
        chain = _told(list(dict.fromkeys(line for use in uses for line in use["evidence"])))
        ranks[path] = min((_WEIGHTS.get(use["mechanism"], 0), _BEHIND.get(use["region"], 2)) for use in uses)
        found.append(
            {
                "path": path,
                "line": lead["line"],
                "region": lead["region"],
                "basis": lead.get("basis", "use"),
                "owners": list(owners(path)),
                "since": day,
                "commit": commit,
                "denied": bool(judge(uses, allow, env=env, now=now)),
                "chain": chain,
                "seen_nearby": list(near(path, lead["line"])) if lead["region"] in {"code", "example"} else [],
            }
        )
    return sorted(found, key=lambda place: (ranks[place["path"]], place["path"]))


def _told(chain: Sequence[str]) -> list[str]:
    """Return the steps without those that another one of the same line says better: `X is H` names X, and calls H."""
    full = [match.groups() for step in chain if (match := _SETS.fullmatch(step))]
    less = {f"{line}: {words}" for line, name, host in full for words in (f"names {name}", f"calls {host}")}
    return [step for step in chain if step not in less]


def _state(rows: list[Mapping[str, Any]], allow: ShadowAI, env: str, now: datetime) -> tuple[str, str]:
    """Whether a block is approved as a whole: one use that is not makes it not approved."""
    denied = judge(rows, allow, env=env, now=now)
    if denied:
        late = next((finding for finding in denied if finding.rule == "shadow-ai/expired-approval"), None)
        return ("expired", late.message) if late and len(denied) == 1 else ("not approved", "")
    entries = {entry for use in rows if (entry := approval_of(use, allow, env=env, now=now)[0]) is not None}
    words = sorted(f"by {entry.owner} until {entry.until:%Y-%m-%d}: {entry.reason}" for entry in entries)
    return ("approved", "; ".join(words)) if words else ("not judged", "")


def _command(use: Mapping[str, Any]) -> str:
    if use["provider"] == UNKNOWN or (use["mechanism"] == "mcp" and not use["host"]):
        return ""  # what is not known cannot be approved by name, nor can a protocol
    if use["provider"] in {UNLISTED, LOCAL} or use["mechanism"] == "mcp":
        return f"secpipe approve --host {use['host']}"
    return f"secpipe approve --provider {use['provider']}"


def _model(name: str, today: date) -> dict[str, str]:
    """A model with the day on which its provider stops serving it, if the table has one."""
    bare = name.rpartition("/")[2].partition(":")[0].lower()
    for row in retired():
        if any(fnmatchcase(bare, pattern) for pattern in row["names"]):
            ends: date = row["ends"]
            word = "no longer served since" if ends <= today else "served until"
            return {"name": name, "ends": f"{word} {ends:%Y-%m-%d} at {row['provider']}", "source": row["source"]}
    return {"name": name, "ends": "", "source": ""}


@cache
def retired() -> tuple[Mapping[str, Any], ...]:
    """Return the shipped table of models that are not served any more, or not for long."""
    data = parse_toml(read_bytes(shipped() / "retired-models/models.toml", 1 << 20), "retired models")
    if data.get("schema") != "secpipe.retired-models/1":
        raise ConfigError("the shipped table of retired models is of another schema", hint="reinstall secpipe")
    return tuple(data["model"])
