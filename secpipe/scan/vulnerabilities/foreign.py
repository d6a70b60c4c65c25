"""Packages from elsewhere than the public index: what is set to give them, and names that both worlds know."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from urllib.parse import urlsplit

from secpipe.core.documents import parse_toml
from secpipe.core.finding import Finding, Severity
from secpipe.core.inventory import Component, ComponentKind, Inventory
from secpipe.core.limits import MIB
from secpipe.core.text import plural, printable
from secpipe.formats.locks.indexes import Reach
from secpipe.formats.packages import ecosystems, purl
from secpipe.system import files, places

RULE = "audit/foreign-index"
_FIX = {
    Reach.ALL: "take the setting out, or let the policy allow the index: [vulnerabilities] indexes",
    Reach.MIXED: (
        "bind the index to the packages that it is for (uv: explicit = true; Poetry: priority = explicit; npm: a"
        " scope), or let the policy allow it: [vulnerabilities] indexes"
    ),
    Reach.BOUND: "let the policy allow the index: [vulnerabilities] indexes",
}


def check(inventory: Inventory, known: frozenset[str], is_popular: Callable[[str, str], bool]) -> Iterator[Finding]:
    """Yield a finding for each index that is set, and for each that a lock file takes widely known names from.

    `known` are names of PyPI that have advisories; `is_popular` says of (ecosystem, name) that everybody uses it.
    """
    settings = [one for one in inventory.of_kind(ComponentKind.SERVICE) if "index" in one.facts]
    yield from map(_setting, settings)
    said = {(one.path, one.facts["index"].value) for one in settings}
    taken: dict[tuple[str, str], list[Component]] = {}
    for component in inventory.of_kind(ComponentKind.LIBRARY):
        address = purl.qualifier(component.purl, "repository_url")
        named = purl.parse(component.purl) if address else None
        home = ecosystems.of(named.ecosystem) if named else None
        if home and home.hosts and (is_popular(home.name, name := home.normal(component.name)) or name in known):
            taken.setdefault((component.path, address), []).append(component)
    for (path, address), parts in sorted(taken.items()):
        if (path, address) in said:
            continue
        names = ", ".join(printable(part.name, 60) for part in parts[:3]) + (", ..." if parts[3:] else "")
        message = (
            f"{plural(len(parts), 'package')} of names that the public index knows ({names})"
            f" {'comes' if len(parts) == 1 else 'come'} from {printable(address, 200)}"
        )
        yield _finding(message, address, path, parts[0].line, Reach.ALL, _severity(address))


def _setting(component: Component) -> Finding:
    address, home, names = (component.facts[key].value if key in component.facts else "" for key in
                            ("index", "index-of", "index-names"))  # fmt: skip
    reach, shown = Reach(component.facts["index-reach"].value), printable(address, 200)
    what = {
        Reach.ALL: f"every {home} package comes from {shown}, not from the public index",
        Reach.MIXED: f"{shown} stands beside another {home} index: a name that both have comes from either",
        Reach.BOUND: f"{shown} gives the {home} packages {f'of {names}' if names else 'that name it'}",
    }
    severity = Severity.INFO if reach is Reach.BOUND else _severity(address)
    return _finding(what[reach], address, component.path, component.line, reach, severity)


def _severity(address: str) -> Severity:
    return Severity.LOW if ecosystems.host_of(address) in _hosts() else Severity.MEDIUM


def _finding(message: str, address: str, path: str, line: int, reach: Reach, severity: Severity) -> Finding:
    host = ecosystems.host_of(address)
    place = f"{host}{urlsplit(address).path}".rstrip("/") if host else ""
    return Finding(
        RULE, message, severity, path=path, line=line, subject=f"{printable(address, 300)} {reach}", fix=_FIX[reach],
        details={"host": host, "index": place, "reach": str(reach)},
    )  # fmt: skip


@cache
def _hosts() -> frozenset[str]:
    place = places.shipped() / "advisories" / "indexes.toml"
    return frozenset(parse_toml(files.read_bytes(place, MIB), place.name)["hosts"])
