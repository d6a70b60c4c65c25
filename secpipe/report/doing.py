"""What to do about a reason, as a document holds it and as a terminal shows it: commands stay on one line."""

from __future__ import annotations

from secpipe.core.do import Do, Kind
from secpipe.core.shape import Table
from secpipe.report.text import COLUMNS, Paint, wrap

_DIM = "2"


def todo(table: Table) -> Do | None:
    """Return what a reason or a change says to do; of a document from before there were kinds, its `fix` as prose."""
    found = table.table("do", optional=True)
    if not found.values:
        old = table.text("fix", optional=True)
        return Do(Kind.PERSON, old) if old else None
    kind = Kind(found.word("kind", tuple(map(str, Kind))))
    return Do(kind, found.text("text" if kind is Kind.PERSON else "command"))


def who(do: Do | None, owner: str) -> str:
    """Return who acts, or whose answer the command asks for; "" where nobody is named."""
    return f"{'answers for it' if do and do.kind is Kind.ACCEPT else 'who'}: {owner}" if owner else ""


def told(do: Do | None, indent: str, paint: Paint) -> list[str]:
    """Return the lines: a command whole on one line, so that it can be copied; a sentence wrapped."""
    if do is None:
        return []
    lead = f"{indent}{paint('do: ', _DIM)} "
    if do.kind is not Kind.PERSON:
        return [f"{lead}{do.text}"]
    first, *rest = wrap(do.text, COLUMNS - len(indent) - 5)
    return [f"{lead}{first}", *(f"{indent}     {line}" for line in rest)]
