"""The one table of package ecosystems: who calls it what, how a name is spelled, how versions are ordered.

A new ecosystem is one row here. SBOM, audit, advisories and shadow AI read this table and have none of their own.
Packages of operating systems (deb, apk, rpm) are not here: their advisories hold for one release of one distribution.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from secpipe.formats.packages import composer, gem, maven, names, semver

Key = Any  # compares with the keys of its own ecosystem
Order = Callable[[str], Key | None]


@dataclass(frozen=True, slots=True)
class Ecosystem:
    """One ecosystem. Sources: the OSV schema's list of ecosystems, and ECMA-427 with its list of purl types.

    `name` is OSV's word, `purl` the purl type, `word` the key of the AI provider catalogue. `order` gives a sortable
    key of a version, or None for a text that is no version. `normal` gives the one spelling of a name. `separator`
    stands between namespace and name. `hosts` serve the packages that a bare purl names; `page` lists the artifacts.
    Whether advisories are `published`: OSV's list of ecosystems, 2026-11.
    """

    name: str
    purl: str
    word: str
    order: Order
    normal: Callable[[str], str] = names.as_is
    separator: str = "/"
    hosts: frozenset[str] = field(default=frozenset())
    page: str = ""
    published: bool = True  # somebody publishes its advisories as a feed


TABLE = (
    Ecosystem(
        "PyPI", "pypi", "pypi", semver.pep440, names.pep503, "",
        frozenset({"pypi.org", "files.pythonhosted.org", "pypi.python.org"}), "https://pypi.org/simple/{}/",
    ),
    Ecosystem(
        "npm", "npm", "npm", semver.key,
        hosts=frozenset({"registry.npmjs.org", "registry.yarnpkg.com"}), page="https://www.npmjs.com/package/{}",
    ),
    Ecosystem("Go", "golang", "go", semver.key, names.lower),
    Ecosystem("crates.io", "cargo", "cargo", semver.key, names.crate, "", frozenset({"crates.io", "index.crates.io"})),
    Ecosystem("Maven", "maven", "maven", maven.key, separator=":"),
    Ecosystem(
        "NuGet", "nuget", "nuget", semver.without_case, names.lower, "",
        frozenset({"api.nuget.org", "www.nuget.org", "nuget.org"}),
    ),
    Ecosystem("RubyGems", "gem", "gem", gem.key, separator="", hosts=frozenset({"rubygems.org"})),
    Ecosystem(
        "Packagist", "composer", "composer", composer.key, names.lower,
        hosts=frozenset({"packagist.org", "repo.packagist.org"}),
    ),
    Ecosystem("Hex", "hex", "hex", semver.key, names.lower),
    Ecosystem("Pub", "pub", "pub", semver.with_build, names.lower, "", frozenset({"pub.dev", "pub.dartlang.org"})),
    Ecosystem("SwiftURL", "swift", "swift", semver.key),
    Ecosystem(
        "CocoaPods", "cocoapods", "cocoapods", semver.key, separator="", hosts=frozenset({"cdn.cocoapods.org"}),
        published=False,
    ),
)  # fmt: skip

_BY_WORD = {word.lower(): row for row in TABLE for word in (row.word, row.purl, row.name)}


def of(word: str) -> Ecosystem | None:
    """Return the ecosystem that `word` names: OSV's name (`PyPI`, `Maven:https://...`), a purl type, in any case."""
    return _BY_WORD.get(word) or _BY_WORD.get(word.partition(":")[0].strip().lower())


def named(name: str) -> Ecosystem:
    """Return the row of OSV's name for an ecosystem; raises KeyError where there is none."""
    return _BY_WORD[name.lower()]


def host_of(address: str) -> str:
    """Return the host of an address in lower case, "" where it names none; what stands before `@` is no host."""
    from urllib.parse import urlsplit

    try:
        return (urlsplit(address if "://" in address else f"https:{address}").hostname or "").rstrip(".")
    except ValueError:
        return ""


def spelled(word: str) -> str:
    """Return OSV's spelling of an ecosystem, without its suffix; a word that no row knows stays as it is."""
    known = of(word)
    return known.name if known else word


def normal_name(ecosystem: str, name: str) -> str:
    """Return the one spelling under which `ecosystem` knows a package."""
    known = of(ecosystem)
    return known.normal(name) if known else name
