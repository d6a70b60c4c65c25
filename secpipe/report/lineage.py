"""Writers of `secpipe.lineage/1`: a tree for people, a graph for tools, one page to keep."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

from secpipe.report.html.frame import headed
from secpipe.report.text import markup

_DEEP = 40  # steps that a tree shows below each other
_LINES = 2_000  # lines of one tree, rows of one table: what is left out is counted
_ENDS = {"up": ("child", "parent", "made from"), "down": ("parent", "child", "what came of it")}


def tree(document: Mapping[str, Any]) -> str:
    """Return the answer as text: one tree a direction, and the recall list."""
    lines = [document["sentence"]]
    for direction, (near, far, title) in _ENDS.items():
        part = document[direction]
        if part is None or not part["edges"]:
            continue
        lines += ["", f"{title}:"]
        lines += _cut(_branches(part, near, far, len(document["found"])), len(part["edges"]))
    if document["down"] and document["down"]["recall"]:
        lines += ["", "recall list:"]
        rows = document["down"]["recall"]
        lines += _cut((f"  {_called(row)}  {row['grade']}  {row['record']}" for row in rows), len(rows))
    lines += [f"not read: {row['place']}: {row['reason']}" for row in document["not_read"][:_LINES]]
    return "\n".join(lines) + "\n"


def dot(document: Mapping[str, Any]) -> str:
    """Return the edges as a Graphviz graph, from what was used to what was made."""
    lines = ["digraph lineage {"]
    for direction in _ENDS:
        part = document[direction] or {"things": [], "edges": []}
        names = [_quoted(_called(thing)) for thing in part["things"]]
        lines += [f"  {name};" for name in names]
        for edge in part["edges"]:
            label = _quoted(f"{_role(edge)}, {edge['grade']}")
            lines.append(f"  {names[edge['parent']]} -> {names[edge['child']]} [label={label}];")
    return "\n".join([*dict.fromkeys(lines), "}"]) + "\n"


def html(document: Mapping[str, Any]) -> str:
    """Return one page: the sentence, what it was made from, the recall list."""
    parts = []
    for direction, (near, far, title) in _ENDS.items():
        part = document[direction]
        if part is not None:
            lines = list(_cut(_branches(part, near, far, len(document["found"])), len(part["edges"])))
            body = markup("\n".join(lines)) if lines else "nothing that any record knows"
            parts.append(f"<section><h2>{markup(title.capitalize())}</h2><pre>{body}</pre></section>")
    if document["down"] and document["down"]["recall"]:
        parts.append(_table(document["down"]["recall"]))
    if document["not_read"]:
        rows = "".join(
            f"<li>{markup(row['place'])}: {markup(row['reason'])}</li>" for row in document["not_read"][:_LINES]
        )
        parts.append(f"<section><h2>Not read</h2><ul>{rows}</ul></section>")
    decision = "pass" if document["whole"] else "undecided"
    return headed(f"lineage of {document['asked']['word']}", document["sentence"], decision, parts)


def _table(rows: list[Mapping[str, Any]]) -> str:
    head = "<tr><th>Asset</th><th>Digest</th><th>Grade</th><th>Record</th></tr>"
    body = "".join(
        f"<tr><td>{markup(row['name'])}</td><td><code>{markup(row['digest'])}</code></td>"
        f"<td>{markup(row['grade'])}</td><td>{markup(row['record'])}</td></tr>"
        for row in rows[:_LINES]
    )
    more = f"<p>and {len(rows) - _LINES:,} more, in the JSON</p>" if len(rows) > _LINES else ""
    return f"<section><h2>Recall list</h2><div class='scroll'><table>{head}{body}</table></div>{more}</section>"


def _branches(part: Mapping[str, Any], near: str, far: str, roots: int) -> Iterator[str]:
    """Yield the lines of a tree, depth first; what was shown above is named and not shown again."""
    steps: dict[int, list[Mapping[str, Any]]] = defaultdict(list)
    for edge in part["edges"]:
        steps[edge[near]].append(edge)
    shown: set[int] = set()
    for root in range(roots):
        yield f"  {_called(part['things'][root])}"
        shown.add(root)
        pending = [(edge, 1) for edge in reversed(steps[root])]
        while pending:
            edge, deep = pending.pop()
            other = edge[far]
            below = steps[other] if deep < _DEEP else []
            again = "  (see above)" if other in shown and below else ""
            yield f"{'  ' * (deep + 1)}{_role(edge)}: {_called(part['things'][other])}  {edge['grade']}{again}"
            if other not in shown:
                shown.add(other)
                pending += [(one, deep + 1) for one in reversed(below)]


def _cut(lines: Iterator[str], total: int) -> Iterator[str]:
    for count, line in enumerate(lines):
        if count >= _LINES:
            yield f"  ... of {total:,} in all: -f json has them"
            return
        yield line


def _role(edge: Mapping[str, Any]) -> str:
    weight = edge["weight"]
    return f"{edge['role']} {weight:g}" if isinstance(weight, int | float) else str(edge["role"])


def _called(thing: Mapping[str, Any]) -> str:
    digest = thing["digest"]
    algorithm, _, value = digest.partition(":")
    short = f"{algorithm}:{value[:16]}..." if len(value) > 16 else digest
    return "  ".join(filter(None, (thing["name"], short))) or thing["kind"]


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
