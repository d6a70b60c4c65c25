"""What a verdict holds that an older verdict did not: pure, document in, document out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from secpipe.core.text import plural
from secpipe.core.verdict import CHANGE, Decision, Effect, Result

Row = Mapping[str, Any]
_RANK = {str(effect): rank for rank, effect in enumerate((Effect.INFO, Effect.WARN, Effect.UNDECIDED, Effect.DENY))}
_BLOCKS = (Effect.DENY, Effect.UNDECIDED)
#: What the judge adds to a finding: all the rest must be as it was.
_JUDGED = {"effect", "waiver"}
_SHOWN = 3
#: A project without a trust root can lack it for long: each file that nobody signed is still a finding of its own.
TRUST = "trust"


def compare(head: Row, base: Row, name: str) -> dict[str, Any]:
    """Return the document `secpipe.change/1`: what `head` (a verdict) holds against a pass that `base` did not.

    A finding is old where `base` names the same one, no less severe in its effect, in a file of the same content.
    What was not looked at is old where every place, of any check, was not looked at before, in files of the same
    content; a trust root that does not hold, where it did not hold before. Whatever else rests on nothing that can be
    compared is new: a check that was not carried out saw nothing of the change. `name` is what the base is called.
    The decision is never a pass: what is old still stands.
    """
    known = {row["id"]: row for row in base["findings"] if row["effect"] in _RANK}
    old = {row["id"] for row in head["findings"] if _same(row, known.get(row["id"]))}
    found = {row["id"]: row for row in head["findings"]}
    since = str(base["at"])[:10]
    reasons, kept = [], 0
    for reason in head["reasons"]:
        if reason["effect"] in _BLOCKS and _is_old(reason, old, head, base):
            reason = {**reason, "effect": str(Effect.WARN), "what": f"{reason['what']} (not of this change)"}
            kept += 1
        elif not old.isdisjoint(reason["findings"]):
            reason = _new_of(reason, [found[one] for one in reason["findings"] if one not in old and one in found])
        reasons.append(reason)
    order = [*_BLOCKS, Effect.WARN]
    reasons.sort(key=lambda reason: order.index(Effect(reason["effect"])))
    decision = _decision(reasons, head)
    about = {"base": name, "at": base["at"], "digest": base["subject"]["digest"], "older": kept}
    return {
        **{key: value for key, value in head.items() if key != "valid_until"},
        "schema": CHANGE,
        "change": about,
        "decision": str(decision),
        "exit_code": decision.exit_code,
        "sentence": _sentence(head, reasons, f"{name} of {since}", kept),
        "reasons": reasons,
        "checks": [_row(check, reasons) for check in head["checks"]],
    }


def _same(row: Row, before: Row | None) -> bool:
    """Whether the finding is the one of before, and no worse, in a file that nobody changed and in no other place."""
    if before is None or not row["sha256"] or row["effect"] not in _RANK:
        return False
    places, places_before = _places(row), _places(before)
    return (
        _RANK[row["effect"]] <= _RANK[before["effect"]]
        and places <= places_before
        and all(_plain(before.get(key)) == _plain(value) for key, value in row.items() if key not in _JUDGED)
    )


def _places(row: Row) -> set[str]:
    """Return the files that a finding is about, where it names them: one package may stand in several."""
    details = row.get("details")
    told = details.get("places") if isinstance(details, Mapping) else None
    return {str(place) for place in told} if isinstance(told, list | tuple) else {str(row.get("path"))}


def _plain(value: Any) -> Any:
    return {key: one for key, one in value.items() if key != "places"} if isinstance(value, Mapping) else value


def _unseen(document: Row) -> set[tuple[str, str, str]]:
    """Return what was not looked at: place, why, and the content of the file.

    Of every check: a verdict lists a place once, under the first check that met it, and a second one may mean it too.
    """
    return {(row["path"], row["reason"], row.get("sha256", "")) for row in document["skipped"]}


def _is_old(reason: Row, old: set[str], head: Row, before: Row) -> bool:
    if reason["findings"]:
        return old.issuperset(reason["findings"])
    if reason["check"] == TRUST:
        return any(all(reason[key] == one[key] for key in ("rule", "effect", "what")) for one in before["reasons"])
    if reason["rule"] != "gate/incomplete":
        return False
    now = _unseen(head)
    return bool(now) and all(digest for *_, digest in now) and now <= _unseen(before)


def _new_of(reason: Row, new: Sequence[Row]) -> Row:
    """Return a reason that sums up old and new findings, with the new ones named."""
    if not new:
        return reason
    places = [f"{row['path']}:{row['line']}" if row["line"] else row["path"] for row in new]
    more = f" and {len(places) - _SHOWN:,} more" if len(places) > _SHOWN else ""
    return {**reason, "path": new[0]["path"], "what": f"{reason['what']}; new here: {', '.join(places[:_SHOWN])}{more}"}


def _decision(reasons: Sequence[Row], head: Row) -> Decision:
    effects = {reason["effect"] for reason in reasons}
    if head["mode"] == "warn":
        return Decision.WARN
    return (
        Decision.DENY
        if Effect.DENY in effects
        else Decision.UNDECIDED
        if Effect.UNDECIDED in effects
        else Decision.WARN
    )


def _row(check: Row, reasons: Sequence[Row]) -> Row:
    """Return the row of a check: where all that blocks is older than the change, it warns."""
    blocks = any(reason["check"] == check["check"] and reason["effect"] in _BLOCKS for reason in reasons)
    return check if blocks or check["result"] not in _BLOCKS else {**check, "result": str(Result.WARN)}


def _sentence(head: Row, reasons: Sequence[Row], base: str, kept: int) -> str:
    place = head["environment"] + (" (self-judged)" if head["self_judged"] else "")
    new = [reason for reason in reasons if reason["effect"] in _BLOCKS]
    stands = f"{plural(kept, 'older thing')} still {'stands' if kept == 1 else 'stand'} against a release"
    older = f" {stands}." if kept else ""
    if not new:
        says = f"THIS CHANGE ADDS NOTHING against {base}, judged for {place}.{older}"
        return f"{says} It is no pass: secpipe check judges the release."
    must = plural(len(new), "new thing")
    word = "WOULD BE BLOCKED" if head["mode"] == "warn" else "IS BLOCKED"
    return f"THIS CHANGE {word} for {place}: {must} against {base}. First: {new[0]['what'].rstrip('.')}.{older}"
