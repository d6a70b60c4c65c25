"""Writers: every format is rendered from the same JSON document.

A writer is `render(document, *, color=False) -> str` over a `secpipe.verdict/2` or `secpipe.findings/1` document.
"""

from secpipe.core.foreign import Sink

#: format name -> writer; the explicit table of built-ins.
WRITERS: dict[str, str] = {
    "terminal": "secpipe.report.terminal:render",
    "json": "secpipe.report.json:render",
    "sarif": "secpipe.report.sarif:render",
    "markdown": "secpipe.report.markdown:render",
    "github": "secpipe.report.github:render",
    "gitlab": "secpipe.report.gitlab:render",
    "junit": "secpipe.report.junit:render",
    "html": "secpipe.report.html:render",
}

#: format name -> what its text is for whoever reads it next.
SINKS: dict[str, Sink] = {
    "terminal": Sink.TEXT,
    "json": Sink.JSON,
    "sarif": Sink.JSON,
    "markdown": Sink.MARKUP,
    "github": Sink.COMMANDS,
    "gitlab": Sink.JSON,
    "junit": Sink.MARKUP,
    "html": Sink.MARKUP,
}
