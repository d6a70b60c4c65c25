"""HTML: one file without script or anything fetched, readable by whoever must sign it off; every string escaped."""

from secpipe.report.html.page import render

__all__ = ["render"]
