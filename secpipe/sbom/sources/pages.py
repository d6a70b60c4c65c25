"""Pages: the scripts that a browser fetches for them, as the packages that they are where the address tells."""

from __future__ import annotations

import base64
import binascii
import re
from bisect import bisect_right
from collections.abc import Iterator

from secpipe.core.artifact import FileEntry
from secpipe.core.errors import InputError
from secpipe.core.paths import is_installed, is_page
from secpipe.core.text import printable
from secpipe.formats.locks.library import library
from secpipe.sbom.collector import Collector

_SCRIPT = re.compile(r"(?is)<script\b([^<>]{1,4000})>")
_ATTRIBUTE = re.compile(r"""(?is)\b(src|integrity)\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+))""")
_PACKAGE = r"(?P<name>(?:@[\w.-]{1,100}/)?[\w.-]{1,200})(?:@(?P<version>v?\d[\w.+-]{0,60}))?"
#: How public hosts of npm packages spell name and version, each by its own documentation (read 2026-11-30).
_HOSTS = tuple(
    re.compile(rf"(?:https?:)?//{lead}{package}")
    for lead, package in (
        (r"(?:cdn|fastly)\.jsdelivr\.net/npm/", _PACKAGE),
        (r"(?:unpkg\.com|cdn\.skypack\.dev|esm\.run)/", _PACKAGE),
        (r"esm\.sh/(?:v\d+/)?\*?", _PACKAGE),
        (r"ga\.jspm\.io/npm:", _PACKAGE),
        (r"cdnjs\.cloudflare\.com/ajax/libs/", r"(?P<name>[\w.-]{1,200})/(?P<version>\d[\w.+-]{0,60})/"),
    )
)


def takes(entry: FileEntry) -> bool:
    """Tell whether this source answers for a file: a page."""
    return is_page(entry.path) and not is_installed(entry.path)


def read_all(found: Collector) -> None:
    """Add what pages fetch: packages by their addresses, and scripts from elsewhere by their hosts."""
    for entry in found.files:
        if takes(entry):
            try:
                _page(found, entry.path, found.read(entry).decode("utf-8", "replace"))
                found.once(entry.path, "pages")
            except InputError as error:
                found.skip(entry.path, f"not analysed: {printable(error.message, 200)}")


def _page(found: Collector, path: str, content: str) -> None:
    digests: dict[str, tuple[str, ...]] = {}  # of what stands in a script's address and is a package
    lines = [match.end() for match in re.finditer("\n", content)]
    for script in _SCRIPT.finditer(content):
        words = {name.lower(): first or second or third for name, first, second, third in _ATTRIBUTE.findall(script[1])}
        address = words.get("src", "").strip()
        address = f"https:{address}" if address.startswith("//") else address
        if address.startswith(("http://", "https://")):
            hashes = tuple(_digests(words.get("integrity", "")))
            package = next((match[0] for host in _HOSTS if (match := host.match(address))), "")
            if package:
                digests.setdefault(_bare(package), hashes)
                continue
            line = bisect_right(lines, script.start()) + 1
            name = address.partition("://")[2].partition("?")[0]
            facts = {"artifact-url": address}
            found.add(library("", name, path=path, line=line, direct=True, hashes=hashes, facts=facts))
    for host in _HOSTS:
        for match in host.finditer(content):
            found.add(
                library(
                    "npm", match["name"], (match["version"] or "").removeprefix("v"), path=path,
                    line=bisect_right(lines, match.start()) + 1, direct=True,
                    hashes=digests.get(_bare(match[0]), ()),
                )
            )  # fmt: skip


def _bare(address: str) -> str:
    return address.partition("//")[2]


def _digests(integrity: str) -> Iterator[str]:
    """Yield `algorithm:hex` of a subresource integrity attribute (W3C SRI)."""
    for word in integrity.split()[:8]:
        algorithm, _, encoded = word.partition("-")
        if algorithm in ("sha256", "sha384", "sha512"):
            try:
                yield f"{algorithm}:{base64.b64decode(encoded.partition('?')[0], validate=True).hex()}"
            except (binascii.Error, ValueError):
                continue
