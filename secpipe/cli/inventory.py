"""`secpipe inventory`: BOMs of many releases in one file, asked across releases."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from secpipe.cli.options import plain_format, tell
from secpipe.cli.sbom.files import read_bom, write
from secpipe.core.errors import EXIT_PASS, ConfigError
from secpipe.core.text import plural, printable

if TYPE_CHECKING:
    from secpipe.sbom.store import Release, SqliteStore


@click.group()
def inventory() -> None:
    """Keep SBOMs of many releases and ask across them."""


def _db_option(function: Callable[..., Any]) -> Callable[..., Any]:
    return click.option("--db", metavar="FILE", help="The inventory; by default inventory.sqlite in $SECPIPE_HOME.")(
        function
    )


def _open(db: str | None) -> SqliteStore:
    from secpipe.sbom.store import SqliteStore
    from secpipe.system.files import make_folder
    from secpipe.system.places import home

    if db is None:
        make_folder(home(), mode=0o700)
    return SqliteStore(db or home() / "inventory.sqlite")


def _title(release: Release) -> str:
    return printable(f"{release.name} {release.version}".strip(), 120)


@inventory.command()
@click.argument("boms", nargs=-1, required=True, metavar="BOM...")
@_db_option
def add(boms: tuple[str, ...], db: str | None) -> int:
    """Keep each BOM; one that is kept already is left as it is."""
    from secpipe.system.clock import SystemClock

    documents = [read_bom(place) for place in boms]
    with _open(db) as store:
        for document in documents:
            release, new = store.add(document, SystemClock().now())
            tell(f"{'added' if new else 'known already'}: {_title(release)}")
    return EXIT_PASS


@inventory.command()
@click.argument("expression", required=False)
@click.option("--descends-from", "ancestor", metavar="NAME", help="Models derived from NAME, over any number of steps.")
@click.option("--licenses", "licenses_only", is_flag=True, help="Every licence, with how many components are under it.")
@click.option("--uses-server", "server", metavar="NAME", help="Agents' servers of that name, package or host.")
@click.option("--reaches-secret", "secret", metavar="NAME", help="What of agents can reach that secret, and how.")
@_db_option
@plain_format
def query(
    expression: str | None,
    ancestor: str | None,
    licenses_only: bool,
    server: str | None,
    secret: str | None,
    db: str | None,
    form: str,
    output: str,
) -> int:
    """Ask across releases, with the expressions of `secpipe sbom query`.

    \b
    secpipe inventory query 'name=torch and version<2.6'
    secpipe inventory query --descends-from meta-llama/Llama-3.1-8B
    secpipe inventory query --licenses
    secpipe inventory query --uses-server @playwright/mcp
    secpipe inventory query --reaches-secret GITHUB_TOKEN
    """
    from secpipe.sbom.agents import reaches_secret, uses_server
    from secpipe.sbom.bom import label
    from secpipe.sbom.query import parse

    if sum(map(bool, (expression, ancestor, licenses_only, server, secret))) != 1:
        hint = "an expression, --descends-from, --licenses, --uses-server or --reaches-secret"
        raise ConfigError("ask one thing", hint=hint)
    test = parse(expression) if expression else None
    rows: list[dict[str, Any]] = []
    with _open(db) as store:
        if licenses_only:
            rows = [{"license": name, "components": count} for name, count in store.licenses()]
        elif ancestor:
            rows = [{"release": _title(release), "component": child} for release, child in store.descendants(ancestor)]
        elif server or secret:
            rows = _agents(store, uses_server if server else reaches_secret, server or secret or "")
        elif test is not None:
            rows = [
                {"release": _title(release), "component": label(item)}
                for release, item in store.components()
                if test(item)
            ]
    lines = ["  ".join(str(value) for value in row.values()) for row in rows]
    write(form, output, {"schema": "secpipe.inventory-query/1", "rows": rows}, lines)
    tell(plural(len(rows), "row"))
    return EXIT_PASS


def _agents(store: SqliteStore, how: Callable[[dict[str, Any], str], str], name: str) -> list[dict[str, Any]]:
    """Return what of agents uses or reaches something, in which release, where it is declared, and how."""
    from secpipe.sbom.agents import place_of
    from secpipe.sbom.bom import label, property_of

    rows = []
    for release, item in store.components():
        if said := how(item, name):
            kind = property_of(item, "secpipe:kind")
            rows.append({"release": _title(release), "item": f"{kind}:{label(item)}",
                         "place": printable(place_of(item), 300), "how": printable(said, 200)})  # fmt: skip
    return rows


@inventory.command()
@_db_option
@plain_format
def export(db: str | None, form: str, output: str) -> int:
    """Write every release with its components."""
    from secpipe.sbom.bom import label

    with _open(db) as store:
        found: dict[int, dict[str, Any]] = {
            release.id: {"name": release.name, "version": release.version, "serial": release.serial,
                         "sha256": release.sha256, "added": release.added_at, "components": []}
            for release in store.releases()
        }  # fmt: skip
        lines = []
        for release, item in store.components():
            found[release.id]["components"].append(item)
            lines.append(f"{_title(release)}  {label(item)}")
    write(form, output, {"schema": "secpipe.inventory/1", "releases": list(found.values())}, lines)
    return EXIT_PASS
