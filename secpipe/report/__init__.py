"""Writers: every format is rendered from the same JSON document.

A writer is `render(document, *, color=False) -> str` over a `secpipe.verdict/2` or `secpipe.findings/1` document.
"""

from secpipe.core.foreign import Sink

#: format name -> its writer, and what its text is for whoever reads it next; the explicit table of built-ins.
_TABLE = {
    "terminal": ("secpipe.report.terminal:render", Sink.TEXT),
    "json": ("secpipe.report.json:render", Sink.JSON),
    "sarif": ("secpipe.report.sarif:render", Sink.JSON),
    "markdown": ("secpipe.report.markdown:render", Sink.MARKUP),
    "github": ("secpipe.report.github:render", Sink.COMMANDS),
    "gitlab": ("secpipe.report.gitlab:render", Sink.JSON),
    "junit": ("secpipe.report.junit:render", Sink.MARKUP),
    "html": ("secpipe.report.html:render", Sink.MARKUP),
}
WRITERS = {name: place for name, (place, _) in _TABLE.items()}
SINKS = {name: sink for name, (_, sink) in _TABLE.items()}

#: Writers of `secpipe.ai-review/1`.
REVIEW_WRITERS = {name: f"secpipe.report.review:{name}_of" for name in ("terminal", "json", "markdown", "html", "csv")}
SINKS |= {"csv": Sink.TEXT}
