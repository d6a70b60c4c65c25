"""`secpipe.ai-review/1` for people: a block for each provider, a matrix of providers and files, rows for a table."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping
from typing import Any

from secpipe.core.shape import Table
from secpipe.core.text import plural, printable
from secpipe.report.csv import still
from secpipe.report.html.frame import headed
from secpipe.report.markdown import code, escape
from secpipe.report.text import COLUMNS, hanging, markup, painter, wrap

_STATES = {
    "not approved": ("NOT APPROVED", "31", "deny"), "expired": ("EXPIRED", "31", "deny"),
    "approved": ("approved", "32", "pass"), "not judged": ("not judged", "33", "warn"),
}  # fmt: skip
_BASES = {
    "came along": "came with another package, nothing imports it", "dependency": "a package",
    "import": "an import only", "use": "",
}  # fmt: skip
_COLUMNS = (
    "state", "provider", "name", "kind", "jurisdiction", "hosts", "regions", "models", "path", "line", "basis",
    "owners", "since", "commit", "chain", "seen nearby (no proof)",
)  # fmt: skip
_PLACES = 30  # of one block, in text
_CHAIN = 4  # steps of one place, in text
_MATRIX = 200  # files of the matrix


def terminal_of(document: Mapping[str, Any], *, color: bool = False) -> str:
    """Return the page as text of at most 100 columns where words allow. Raises InputError for a malformed document."""
    table, paint = Table(document), painter(color)
    lines = wrap(_sentence(table), COLUMNS)
    for block in table.tables("providers"):
        word, tint, _ = _STATES[block.word("state", _STATES)]
        lines += ["", f"{paint(word, f'1;{tint}')}  {paint(_title(block), '1')}"]
        for name, value in _facts(block):
            lines += hanging(f"  {name:<13}", value)
        places = list(block.tables("places"))
        for place in places[:_PLACES]:
            lines += ["", *hanging("  ", _place(place))]
            chain = place.texts("chain")
            lines += [line for step in chain[:_CHAIN] for line in hanging("      ", step)]
            lines += [f"      and {plural(len(chain) - _CHAIN, 'further step')}"] * (len(chain) > _CHAIN)
            if near := place.texts("seen_nearby"):
                lines += hanging("      seen nearby: ", ", ".join(near))
        if len(places) > _PLACES:
            lines += ["", f"  and {plural(len(places) - _PLACES, 'further file')}: -f csv lists all"]
        if command := block.text("do"):
            lines += ["", f"  to approve:  {command}"]
        elif way := _way(block):
            lines += ["", *hanging("  ", way)]
    lines += _unread(table)
    return "\n".join(line.rstrip() for line in lines) + "\n"


def json_of(document: Mapping[str, Any], *, color: bool = False) -> str:
    """Return the document as JSON."""
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def csv_of(document: Mapping[str, Any], *, color: bool = False) -> str:
    """Return one row for each file of each provider (RFC 4180, lines end with LF); no cell is a formula."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(_COLUMNS)
    for block in Table(document).tables("providers"):
        for place in block.tables("places"):
            row = [
                block.text("state"), block.text("provider"), block.text("name"), block.text("kind"),
                block.text("jurisdiction"), " ".join(block.texts("hosts")), " ".join(block.texts("regions")),
                " ".join(model.text("name") for model in block.tables("models")), place.text("path"),
                str(place.number("line")), place.text("basis"), " ".join(place.texts("owners")),
                place.text("since", optional=True), place.text("commit", optional=True),
                "; ".join(place.texts("chain")), "; ".join(place.texts("seen_nearby")),
            ]  # fmt: skip
            writer.writerow([still(printable(cell, 4_000)) for cell in row])
    return out.getvalue()


def markdown_of(document: Mapping[str, Any], *, color: bool = False) -> str:
    """Return the page as GitHub-flavoured Markdown, the matrix first."""
    table = Table(document)
    lines = [f"### {escape(_sentence(table))}", ""]
    names, rows = _matrix(table)
    if rows:
        lines += [f"| file | {' | '.join(map(escape, names))} |", "|---|" + "---|" * len(names)]
        lines += [f"| {code(path)} | {' | '.join(cells)} |" for path, cells in rows]
    for block in table.tables("providers"):
        lines += ["", f"#### {_STATES[block.word('state', _STATES)][0]}: {escape(_title(block))}", ""]
        lines += [f"- {name}: {escape(value)}" for name, value in _facts(block)]
        for place in block.tables("places"):
            spot = f"{place.text('path')}:{place.number('line')}"
            lines.append(f"- {code(spot)} {escape(_about(place))}".rstrip())
            lines += [f"  - {escape(step)}" for step in place.texts("chain")]
            if near := place.texts("seen_nearby"):
                lines.append(f"  - seen nearby, no proof: {escape(', '.join(near))}")
        if command := block.text("do"):
            lines += ["", f"To approve: {code(command)}"]
        elif way := _way(block):
            lines += ["", escape(way)]
    lines += [escape(line) if line else "" for line in _unread(table)]
    return "\n".join(lines) + "\n"


def html_of(document: Mapping[str, Any], *, color: bool = False) -> str:
    """Return the page as one HTML file without script or anything fetched."""
    table = Table(document)
    sentence = _sentence(table)
    denied = any(block.text("do") for block in table.tables("providers"))
    return headed("AI by provider", sentence, "deny" if denied else "pass", _html(table))


def _html(table: Table) -> Iterator[str]:
    names, rows = _matrix(table)
    if rows:
        yield "<h2>Who is called from where</h2><table><thead><tr><th scope='col'>File</th>"
        yield "".join(f"<th scope='col'>{markup(name)}</th>" for name in names) + "</tr></thead>"
        for path, cells in rows:
            yield f"<tr><td><code>{markup(path)}</code></td>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>"
        yield "</table><p>● a use, ○ a package or an import only, ! not approved</p>"
    for block in table.tables("providers"):
        word, _, kind = _STATES[block.word("state", _STATES)]
        yield f'<h2>{markup(_title(block))} <span class="{kind}">{markup(word)}</span></h2><table class="facts">'
        yield from (
            f"<tr><th scope='row'>{markup(name)}</th><td>{markup(value)}</td></tr>" for name, value in _facts(block)
        )
        yield "</table><ul>"
        for place in block.tables("places"):
            spot = f"{place.text('path')}:{place.number('line')}"
            yield f"<li><code>{markup(spot)}</code> {markup(_about(place))}<ul>"
            yield from (f"<li>{markup(step)}</li>" for step in place.texts("chain"))
            if near := place.texts("seen_nearby"):
                yield f"<li><i>seen nearby, no proof:</i> {markup(', '.join(near))}</li>"
            yield "</ul></li>"
        yield "</ul>"
        if command := block.text("do"):
            yield f"<p>To approve: <code>{markup(command)}</code></p>"
        elif way := _way(block):
            yield f"<p>{markup(way)}</p>"
    if unread := _unread(table):
        yield f"<h2>{markup(unread[1])}</h2><ul>" + "".join(f"<li>{markup(row.strip())}</li>" for row in unread[2:])
        yield "</ul>"


def _sentence(table: Table) -> str:
    blocks = list(table.tables("providers"))
    files = {place.text("path") for block in blocks for place in block.tables("places")}
    open_ = sum(bool(block.text("state") in {"not approved", "expired"}) for block in blocks)
    if not blocks:
        return "No AI service is used."
    said = "SIMULATED. " * table.flag("simulated")
    told = f"{said}{plural(len(blocks), 'AI service')} in {plural(len(files), 'file')}"
    return f"{told}: {open_ or 'none'} of them not approved."


def _title(block: Table) -> str:
    hosts = [host for host in block.texts("hosts") if block.text("provider") in {"unlisted", "local"}]
    return f"{' '.join(hosts)} ({block.text('name')})" if hosts else block.text("name")


def _facts(block: Table) -> Iterator[tuple[str, str]]:
    """What is known of a provider, each in a word and a value; what is not known is left out or said to be so."""
    own = {"mcp": "a program of this project", "unknown": "an address that cannot be told"}
    where = [*block.texts("hosts")] or [own.get(block.text("provider"), "its own address")]
    yield "goes to", ", ".join(where)
    here = {"local": "whoever runs this machine or network", "mcp": "" if block.texts("hosts") else "this project"}
    law = block.text("jurisdiction") or here.get(block.text("provider")) or "not known"
    regions = block.texts("regions")
    yield "answers to", f"{law}{', region ' + ', '.join(regions) if regions else ''}"
    yield "by", ", ".join(block.texts("means"))
    models = list(block.tables("models"))
    if len(models) > 0:
        yield (
            "models",
            ", ".join(
                f"{one.text('name')} ({one.text('ends')})" if one.text("ends") else one.text("name") for one in models
            ),
        )
    if approval := block.text("approval"):
        yield "approval", approval


def _way(block: Table) -> str:
    """What to do about a block that no approval by name can settle."""
    if block.text("state") not in {"not approved", "expired"}:
        return ""
    if block.text("provider") == "mcp":
        return "No protocol can be approved by name: secpipe scan agents shows what each server is and may do."
    return "What is not known cannot be approved: write the address into the code, or into a setting of this project."


def _place(place: Table) -> str:
    return f"{place.text('path')}:{place.number('line')}  {_about(place)}".rstrip()


def _about(place: Table) -> str:
    """Who answers for a file, and how much stands behind the use."""
    owners = " ".join(place.texts("owners"))
    words = [f"owned by {owners}" if owners else "", _BASES[place.word("basis", _BASES)]]
    since, commit = place.text("since", optional=True), place.text("commit", optional=True)
    words.append(f"since {since} (commit {commit[:12]})" if since else "")
    words.append("" if place.text("region") in {"code", "config"} else f"in {place.text('region')}")
    return ", ".join(filter(None, words))


def _matrix(table: Table) -> tuple[list[str], list[tuple[str, list[str]]]]:
    """Providers and files: a dot for a use, a ring where only a package or an import is, `!` for what is denied."""
    blocks = list(table.tables("providers"))
    found: dict[str, list[str]] = {}
    for column, block in enumerate(blocks):
        for place in block.tables("places"):
            mark = ("●" if place.text("basis") == "use" else "○") + "!" * place.flag("denied")
            found.setdefault(place.text("path"), [""] * len(blocks))[column] = mark
    return [_title(block) for block in blocks], sorted(found.items())[:_MATRIX]


def _unread(table: Table) -> list[str]:
    rows = [f"  {row.text('path')}: {row.text('reason')}" for row in table.tables("not_read")]
    return ["", "Not read, so that nothing is known of it", *rows[:20]] if rows else []
