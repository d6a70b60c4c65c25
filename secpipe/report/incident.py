"""`secpipe.incident/1` for people: what goes into a notice about a release, as text and as one page."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from secpipe.core.shape import Table
from secpipe.core.text import plural
from secpipe.report.html.embedded import embedded
from secpipe.report.html.frame import headed
from secpipe.report.html.words import linked
from secpipe.report.json import dump
from secpipe.report.text import COLUMNS, hanging, markup, painter, wrap

SCHEMA = "secpipe.incident/1"
_STATES = {
    "yes": "EXPLOITED", "not-listed": "not listed as exploited", "unknown": "exploited or not: not known",
    "holds": "holds", "does-not-hold": "DOES NOT HOLD",
}  # fmt: skip
_MOST = 200  # rows of one list
Section = tuple[str, tuple[str, ...], list[tuple[str, ...]]]


def terminal(document: Mapping[str, Any], *, color: bool = False) -> str:
    """Return the pack as text; raises InputError for a document that is none."""
    table, paint = _table(document), painter(color)
    lines = [paint(line, "1") for line in wrap(table.text("sentence"), COLUMNS)]
    for heading, names, rows in _sections(table):
        lines += ["", paint(heading, "1")]
        for row in rows[:_MOST]:
            said = "; ".join(
                f"{name} {value}" if name else value for name, value in zip(names, row, strict=True) if value
            )
            lines += hanging("  - ", said)
        lines += [f"  - and {len(rows) - _MOST:,} more: -f json lists them"] * (len(rows) > _MOST)
        lines += ["  nothing"] * (not rows)
    return "\n".join([*lines, "", *wrap(table.text("notice"), COLUMNS)]) + "\n"


def json(document: Mapping[str, Any], *, color: bool = False) -> str:
    """Return the pack as JSON."""
    return dump(document)


def html(document: Mapping[str, Any], *, color: bool = False) -> str:
    """Return the pack as one page without script or anything fetched, the JSON inside; raises InputError."""
    table = _table(document)
    states = [one.table("exploited").text("state") for one in table.tables("vulnerabilities")]
    decision = "deny" if "yes" in states else "undecided" if states or not table.flag("complete") else "pass"
    return headed("incident", table.text("sentence"), decision, [*_page(table), *embedded(document, verifiable=False)])


def _table(document: Mapping[str, Any]) -> Table:
    table = Table(document)
    table.word("schema", (SCHEMA,))
    return table


def _page(table: Table) -> Iterator[str]:
    yield f"<p><b>{markup(table.text('notice'))}</b>"
    for heading, names, rows in _sections(table):
        yield f"<section><h2>{markup(heading)}</h2>"
        if not rows:
            yield "<p>Nothing.</section>"
            continue
        yield (
            "<table><thead><tr>"
            + "".join(f"<th scope='col'>{markup(name) or 'What'}" for name in names)
            + "</thead><tbody>"
        )
        for row in rows[:_MOST]:
            yield "<tr>" + "".join(f"<td>{linked(value)}" for value in row)
        yield "</tbody></table>"
        if len(rows) > _MOST:
            yield f"<p>And {len(rows) - _MOST:,} more: the JSON lists them."
        yield "</section>"


def _sections(table: Table) -> Iterator[Section]:
    yield "What shipped, and since when", ("", "for", "since", "files", "digest", "signature", "log"), [
        (
            one.text("name"), one.text("environment"), one.text("at"), f"{one.number('files'):,}",
            f"dirHash:{one.text('dirHash', limit=80)}", _signature(one.table("signature")), _log(one.table("log")),
        )
        for one in table.tables("shipped")
    ]  # fmt: skip
    yield "Known vulnerabilities, as of now", ("", "in", "exploited", "fixed in", "published"), [
        (
            " = ".join((one.text("id"), *one.texts("aliases"))), f"{one.text('package')} {one.text('version')}",
            _exploited(one.table("exploited")), ", ".join(one.texts("fixed")) or "no version is known",
            one.text("published", optional=True)[:10],
        )
        for one in table.tables("vulnerabilities")
    ]  # fmt: skip
    yield "Affected releases", ("", "of", "for", "since", "by", "deployed"), list(_releases(table))
    yield (
        "Signed artifacts",
        ("", "by", "today"),
        [
            (one.text("path"), one.text("identity"), "holds" if one.flag("verified") else "DOES NOT HOLD")
            for one in table.tables("artifacts")
        ],
    )
    yield (
        "Duties of a manufacturer, with dates",
        ("", "article", "due", "source"),
        [(one.text("what"), one.text("article"), _due(one), one.text("source")) for one in table.tables("duties")],
    )
    yield (
        "What is not known",
        ("",),
        [
            *((text,) for text in table.texts("not_known")),
            *((f"entry {one.text('entry')}: {one.text('reason')}",) for one in table.tables("damaged")),
        ],
    )


def _releases(table: Table) -> Iterator[tuple[str, ...]]:
    for one in table.tables("vulnerabilities"):
        for row in one.tables("releases"):
            deployed = "newest that went out" if row.flag("deployed") else "older"
            yield (
                f"{row.text('name')} dirHash:{row.text('dirHash', limit=80)[:16]}…",
                f"{one.text('package')} {row.text('version')}", row.text("environment"), row.text("at"),
                one.text("id"), deployed,
            )  # fmt: skip
        for row in one.tables("inventory"):
            where = f"{one.text('package')} {one.text('version')}"
            yield row.text("release"), where, "inventory", row.text("since"), one.text("id"), "not known"


def _signature(one: Table) -> str:
    state = one.word("state", _STATES)
    return "not known" if state == "unknown" else f"{_STATES[state]}: {one.text('who')}"


def _log(one: Table) -> str:
    state = one.word("state", _STATES)
    if state == "holds":
        return f"entry {one.number('index'):,} of {one.text('at')}"
    return "not known" if state == "unknown" else f"{_STATES[state]}: {one.text('why')}"


def _exploited(one: Table) -> str:
    state, since = one.word("state", _STATES), one.text("since", optional=True)
    if state == "yes":
        return f"{_STATES[state]}, listed {since} ({one.text('by')})"
    return _STATES[state] + (f" ({one.text('by')} of {since or 'no date'})" if state == "not-listed" else "")


def _due(one: Table) -> str:
    if due := one.text("due", optional=True):
        return f"by {due}"
    hours = one.number("hours")
    return f"within {hours} hours of becoming aware" if hours else "as it says"


def sentence(pack: Mapping[str, Any], name: str) -> str:
    """Return the first line: what is known, in one sentence."""
    found = pack["vulnerabilities"]
    bad = sum(one["exploited"]["state"] == "yes" for one in found)
    held = {row["dirHash"] for one in found for row in one["releases"]}
    known = f"{plural(len(found), 'known vulnerability', 'known vulnerabilities')}"
    exploited = f", {bad} of them exploited" if bad else ""
    others = f"; {plural(len(held), 'release')} affected" if held else ""
    gaps = f"; {plural(len(pack['not_known']), 'thing')} not known" if pack["not_known"] else ""
    return f"{name}: {known}{exploited}{others}{gaps}."
