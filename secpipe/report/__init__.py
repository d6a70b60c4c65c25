"""Writers: every format is rendered from the same JSON document.

A writer is `render(document, *, color=False) -> str` over a `secpipe.verdict/1` or `secpipe.findings/1` document.
"""

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
