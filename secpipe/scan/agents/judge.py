"""Items against approvals by capability: what nobody approved, what grew, what is too powerful to float. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from fnmatch import fnmatchcase
from typing import Any

from secpipe.core.finding import Finding, Severity, sort_key
from secpipe.core.shape import texts
from secpipe.scan.agents.item import covers, in_words


@dataclass(frozen=True, slots=True)
class Approval:
    """One `[[agents.allow]]`: an item by `kind:name` (globs), what it may do, and who answers until when."""

    item: str
    owner: str
    reason: str
    expires: date
    publisher: str = ""
    capabilities: tuple[str, ...] = ()
    digest: str = ""
    paths: tuple[str, ...] = ()
    env: tuple[str, ...] = ()


def judge(
    items: Iterable[Mapping[str, Any]],
    approvals: Sequence[Approval],
    *,
    env: str,
    now: datetime,
    signers: Mapping[str, str],
) -> list[Finding]:
    """Return a finding for every item that no approval covers in environment `env` at `now`, worst first.

    `items` are entries of the fact `items`. `signers` are the verified signers by path (the fact `covered` of the
    check `signatures`): only they verify a publisher.
    """
    found = [finding for item in items if item["asks"] for finding in _judge(item, approvals, env, now, signers)]
    return sorted({finding.id: finding for finding in found}.values(), key=sort_key)


def changed(items: Iterable[Mapping[str, Any]], approvals: Sequence[Approval], *, env: str, now: datetime) -> list[str]:
    """Return the names of items whose content is another than an approval's, and which pass by what they can do."""
    return [
        str(item["id"])
        for item in items
        if item["asks"]
        and any(one.digest and one.digest != item["digest"] for one in _matching(item, approvals, env))
        and not item["powerful"]
    ]


def _matching(item: Mapping[str, Any], approvals: Iterable[Approval], env: str) -> list[Approval]:
    return [
        one
        for one in approvals
        if fnmatchcase(str(item["id"]), one.item)
        and (not one.env or env in one.env)
        and (not one.paths or any(fnmatchcase(str(item["path"]), glob) for glob in one.paths))
    ]


def _judge(
    item: Mapping[str, Any], approvals: Sequence[Approval], env: str, now: datetime, signers: Mapping[str, str]
) -> Iterator[Finding]:
    matching = [one for one in _matching(item, approvals, env) if _published(one, item, signers)]
    valid = [one for one in matching if now.date() <= one.expires]
    if not valid:
        if matching:
            last = max(matching, key=lambda one: one.expires)
            yield _finding(
                item,
                "expired-approval",
                f"whose approval by {last.owner} ended on {last.expires}",
                Severity.MEDIUM,
                last.owner,
            )
        else:
            yield _finding(item, "unapproved-item", f"which nobody approved: it can {_can(item)}", _weight(item))
        return
    lacking = [_lacks(item, one) for one in valid]
    if all(lacking):
        least = min(lacking, key=len)
        said = f"which can now {', '.join(map(in_words, least))}: more than was approved"
        yield _finding(item, "grown-capability", said, Severity.HIGH, valid[0].owner, grown=least)
        return
    enough = [one for one, lack in zip(valid, lacking, strict=True) if not lack]
    if item["powerful"] and not any(_pinned(one, item, signers) for one in enough):
        other = any(one.digest for one in enough)
        said = (
            "which is powerful and changed since its digest was approved"
            if other
            else "which is powerful, and whose approval has neither its digest nor a verified publisher"
        )
        yield _finding(item, "unpinned-power", said, Severity.HIGH, enough[0].owner)


def _lacks(item: Mapping[str, Any], approval: Approval) -> list[str]:
    return [one for one in texts(item["capabilities"]) if not covers(approval.capabilities, one)]


def _published(approval: Approval, item: Mapping[str, Any], signers: Mapping[str, str]) -> bool:
    """Whether the item bears the publisher's name, or the publisher signed its files."""
    if not approval.publisher:
        return True
    return approval.publisher == item["publisher"] or _signed(approval.publisher, item, signers)


def _signed(publisher: str, item: Mapping[str, Any], signers: Mapping[str, str]) -> bool:
    paths: Collection[str] = {str(item["path"]), *texts(item["files"])}
    return all(signers.get(path) == publisher for path in paths)


def _pinned(approval: Approval, item: Mapping[str, Any], signers: Mapping[str, str]) -> bool:
    if approval.digest:
        return bool(approval.digest == item["digest"])
    return bool(approval.publisher) and _signed(approval.publisher, item, signers)


def _weight(item: Mapping[str, Any]) -> Severity:
    return Severity.HIGH if item["powerful"] else Severity.MEDIUM


def _can(item: Mapping[str, Any]) -> str:
    return ", ".join(in_words(one) for one in texts(item["capabilities"])) or "answer the assistant"


def _finding(
    item: Mapping[str, Any], rule: str, said: str, severity: Severity, owner: str = "", grown: Sequence[str] = ()
) -> Finding:
    place = f"{item['path']}:{item['line']}" if item["line"] else str(item["path"])
    return Finding(
        rule=f"agents/{rule}",
        message=f'{place} gives the assistant the {item["kind"]} "{item["name"]}", {said}',
        severity=severity,
        path=str(item["path"]),
        line=int(item["line"]),
        subject=str(item["id"]),
        fix=f"read it, then approve it: secpipe approve agent --item {item['id']}; or remove it",
        owner=owner,
        details={
            "item": item["id"], "kind": item["kind"], "capabilities": list(item["capabilities"]),
            "digest": item["digest"],
            "host": item["host"], "package": item["package"], "grown": list(grown),
        },
    )  # fmt: skip
