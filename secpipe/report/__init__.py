"""Writers: every format is rendered from the same JSON document.

A writer is `render(document, *, color=False) -> str` over a `secpipe.verdict/2` or `secpipe.findings/1` document; one
that tells rules in their own words takes them as `rules`.
"""

from secpipe.core.foreign import Sink

#: format name -> its writer, and what its text is for whoever reads it next; the explicit table of built-ins.
_TABLE = {
    "terminal": ("secpipe.report.terminal:render", Sink.TEXT),
    "brief": ("secpipe.report.brief:render", Sink.TEXT),
    "auditor": ("secpipe.report.terminal:for_auditors", Sink.TEXT),
    "plain": ("secpipe.report.plain:render", Sink.TEXT),
    "assistant": ("secpipe.report.assistant:render", Sink.TEXT),
    "concise": ("secpipe.report.concise:render", Sink.TEXT),
    "json": ("secpipe.report.json:render", Sink.JSON),
    "jsonl": ("secpipe.report.jsonl:render", Sink.JSON),
    "csv": ("secpipe.report.csv:render", Sink.TEXT),
    "sarif": ("secpipe.report.sarif:render", Sink.JSON),
    "markdown": ("secpipe.report.markdown:render", Sink.MARKUP),
    "github": ("secpipe.report.github:render", Sink.COMMANDS),
    "gitlab": ("secpipe.report.gitlab:render", Sink.JSON),
    "junit": ("secpipe.report.junit:render", Sink.MARKUP),
    "html": ("secpipe.report.html:render", Sink.MARKUP),
    "vex": ("secpipe.report.vex:vex", Sink.JSON),
    "vdr": ("secpipe.report.vex:vdr", Sink.JSON),
}
WRITERS = {name: place for name, (place, _) in _TABLE.items()}
SINKS = {name: sink for name, (_, sink) in _TABLE.items()}
#: Who reads -> the format that speaks to them.
AUDIENCES = {"plain": "plain", "engineer": "terminal", "auditor": "auditor"}
#: Writers that take `rules`.
EXPLAINING = frozenset({"assistant", "html", "plain", "sarif"})

#: Writers of `secpipe.ai-review/1`.
REVIEW_WRITERS = {name: f"secpipe.report.review:{name}_of" for name in ("terminal", "json", "markdown", "html", "csv")}

#: Writers of `secpipe.incident/1`.
INCIDENT_WRITERS = {name: f"secpipe.report.incident:{name}" for name in ("terminal", "json", "html")}
