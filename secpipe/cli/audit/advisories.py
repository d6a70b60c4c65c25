"""`secpipe advisories`: take signed feeds into the local store, make them, and say what the store knows."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from secpipe.cli.options import at_option, clock_of, form_option, say, tell, write_json, write_result


@click.group(short_help="Update and inspect the local advisory store.")
def advisories() -> None:
    """Update and inspect the local advisory store."""


@advisories.command(short_help="Take OSV, KEV, EPSS data or a signed feed into the store.")
@click.option("--from", "sources", multiple=True, metavar="FOLDER|ZIP|URL", help="Where; repeatable.")
@click.option("--ecosystem", "wanted", multiple=True, metavar="NAME", help="Without --from: this one; repeatable.")
@click.option("--mirror", default="", metavar="URL", help="Without --from: the same files below another address.")
@click.option("--trust", metavar="FOLDER", help="The trust root that must vouch for the feed's signature.")
@click.option("--trust-pin", metavar="sha256:HEX", default="", help="Digest of any root of the trust chain.")
@click.option("--unsigned", is_flag=True, help="Take a feed whose signature is missing or cannot be verified.")
@click.option("--partial", is_flag=True, help="The source knows only the packages it names, not their whole ecosystem.")
@click.option("--replace", "replace_all", is_flag=True, help="Start anew instead of adding to what the store holds.")
@click.option("--dry-run", is_flag=True, help="Verify and count, but store nothing.")
@at_option
def update(
    sources: Sequence[str],
    wanted: Sequence[str],
    mirror: str,
    trust: str | None,
    trust_pin: str,
    unsigned: bool,
    partial: bool,
    replace_all: bool,
    dry_run: bool,
    at: str | None,
) -> int:
    """Take OSV records, KEV or EPSS data, or a signed feed into the local store.

    Without --from: the exports of OSV for the ecosystems whose lock files lie below the current folder and those taken
    before (the whole once, then what changed), the catalogue of exploited vulnerabilities and EPSS. Nobody signs them.

    A broken signature, an expired or older feed, or a broken download is refused, and the old data stays.
    """
    from secpipe.cli.audit.advisories_run import from_upstream, tell_update, verifier
    from secpipe.core.errors import EXIT_PASS, ConfigError
    from secpipe.scan.vulnerabilities.update import update as take

    if at and not dry_run:
        raise ConfigError("--at simulates, and an update changes the store", hint="--dry-run")
    if sources and (wanted or mirror):
        raise ConfigError("--from names the source: --ecosystem and --mirror are for updates without it")
    now = clock_of(at).now()
    if not sources:
        return from_upstream(wanted, mirror, now, unsigned=unsigned, dry_run=dry_run)
    verify = verifier(Path(trust), trust_pin, now) if trust else None
    for number, source in enumerate(sources):
        done = take(
            source,
            now=now,
            verify=verify,
            unsigned=unsigned,
            partial=partial,
            replace_all=replace_all and number == 0,
            dry_run=dry_run,
        )
        tell_update(done)
    return EXIT_PASS


@advisories.command(short_help="Make a feed of OSV records ready to sign.")
@click.option("--from", "sources", multiple=True, required=True, metavar="FOLDER|ZIP|FILE", help="Where; repeatable.")
@click.option("--to", "target", required=True, metavar="FOLDER", help="The folder to write the feed into.")
@click.option("--name", default="mirror", show_default=True, help="The feed's name; receivers count versions by it.")
@click.option("--source", default="", help="Where the data comes from, for reports (an address).")
@click.option("--number", type=click.IntRange(1), help="The feed's version; by default the time of packing.")
@click.option("--partial", is_flag=True, help="The feed knows only the packages it names, not their whole ecosystem.")
@click.option("--days", type=click.IntRange(1, 366), default=14, show_default=True, help="Days until it expires.")
@at_option
def pack(
    sources: Sequence[str],
    target: str,
    name: str,
    source: str,
    number: int | None,
    partial: bool,
    days: int,
    at: str | None,
) -> int:
    """Make a feed ready to sign: the facts of OSV records, and a manifest with date, version and expiry."""
    from datetime import timedelta

    from secpipe.core.errors import EXIT_PASS, ConfigError
    from secpipe.core.text import plural
    from secpipe.scan.vulnerabilities.pack import pack as make

    if at:
        raise ConfigError("--at simulates, and packing writes files")
    now = clock_of(at).now()
    made = make(
        [Path(place) for place in sources],
        Path(target),
        name=name,
        source=source or name,
        version=number or int(now.timestamp()),
        lifetime=timedelta(days=days),
        partial=partial,
        now=now,
    )
    say(f"{made.name} {made.version}: {plural(made.records, 'record')} of {made.date}, until {made.expires}")
    tell(f"next: secpipe sign {target}/advisories.json --kind advisories --key advisories")
    return EXIT_PASS


@advisories.command()
@click.argument("path", required=False)
@form_option
@at_option
def show(path: str | None, form: str, at: str | None) -> int:
    """Say which feeds the store holds, as of when, and how many records."""

    from secpipe.cli.audit.advisories_run import lines
    from secpipe.core.errors import EXIT_PASS
    from secpipe.scan.vulnerabilities.local import open_store

    now = clock_of(at).now()
    store = open_store(Path(path) if path else None, now=now)
    if form == "json":
        write_json(store.about)
    else:
        write_result(lines(store, now) + "\n")
    return EXIT_PASS
