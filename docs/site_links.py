"""A hook of the site's generator: what lies outside of `docs/` is named on the site, not linked."""

from __future__ import annotations

import os
import posixpath
import re
from typing import Any

_LINK = re.compile(r"(?<!!)\[([^\]\n]+)\]\(([^)\s]+)\)")


def on_page_markdown(markdown: str, page: Any, config: Any, **_: Any) -> str:
    """Return the page with links that leave the site, or name a folder of it, turned into words and their paths."""
    docs, here = config["docs_dir"], posixpath.dirname(page.file.src_uri)

    def shown(found: re.Match[str]) -> str:
        label, target = found[1], found[2]
        if re.match(r"[a-z]+:|#", target):
            return found[0]
        path, _, _ = target.partition("#")
        place = posixpath.normpath(posixpath.join(here, path))
        if place.startswith(".."):
            return f"{label} (`{place.lstrip('./')}`)"
        if path.endswith("/") and os.path.exists(os.path.join(docs, place, "index.md")):
            return f"[{label}]({path}index.md)"
        return found[0] if path.endswith((".md", ".svg")) else f"{label} (`docs/{place}`)"

    return _LINK.sub(shown, markdown)
