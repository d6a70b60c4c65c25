"""`secpipe incident`: the evidence for a notice about a release, in one pack."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from secpipe.cli.log.options import keys_options
from secpipe.cli.options import at_option, clock_of, color_option, emit
from secpipe.core.errors import EXIT_PASS, EXIT_UNDECIDED
from secpipe.report import INCIDENT_WRITERS

if TYPE_CHECKING:
    from secpipe.log.trusted import Trusted

_LIMIT = 128 << 20
NOTICE = (
    "A collection of evidence, no legal advice: whether, when and to whom you must report is for your counsel to say."
)


@click.command(short_help="Put together the evidence for a notice about a release.")
@click.argument("digest", metavar="DIGEST")
@click.option("--store", required=True, type=click.Path(path_type=Path), metavar="FOLDER", help="Verdict store.")
@click.option("--env", "environment", default="", metavar="NAME", help="Only what went out to this environment.")
@click.option(
    "--vulnerability", "names", multiple=True, metavar="ID", help="Only this one (repeatable; any of its ids)."
)
@click.option("--advisories", type=click.Path(path_type=Path), metavar="PATH", help="OSV folder, zip or store to use.")
@click.option(
    "--kev", type=click.Path(path_type=Path), metavar="FILE", help="CISA's catalogue of exploited ones (JSON)."
)
@click.option("--trust", type=click.Path(path_type=Path), metavar="FOLDER", help="Trust root: whose signatures count.")
@click.option("--trust-pin", default="", metavar="PIN", help="sha256:HEX of a root in its chain.")
@keys_options
@click.option("--db", metavar="FILE", help="Inventory with releases of other products (secpipe inventory add).")
@click.option("--aware", metavar="TIME", help="When you became aware: from then the hours count.")
@click.option(
    "-f", "--format", "formats", multiple=True, metavar="FORMAT[=FILE]", default=("terminal",),
    help=f"Repeatable. One of {', '.join(INCIDENT_WRITERS)}.",
)  # fmt: skip
@click.option("-o", "--output", metavar="FILE", type=click.Path(dir_okay=False), help="Write the result to FILE.")
@color_option
@at_option
def incident(
    digest: str, store: Path, environment: str, names: tuple[str, ...], advisories: Path | None, kev: Path | None,
    trust: Path | None, trust_pin: str, db: str | None, aware: str | None, formats: tuple[str, ...],
    output: str | None, at: str | None, **keys: Any,
) -> int:  # fmt: skip
    """Gather what a notice under Article 14 of the Cyber Resilience Act asks about the release or artifact DIGEST.

    What shipped and since when, which vulnerabilities are known today, whether they are exploited and where they are
    fixed, which other releases have them, who signed, what the log proves; and what of this is not known. DIGEST is the
    dirHash of a release, or the SHA-256 of a file in it. No legal advice is given.

    Ends with 3 where the release itself could not be looked at whole, otherwise with 0.
    """
    from secpipe.core import times
    from secpipe.core.version import __version__
    from secpipe.gate.after import incident as room
    from secpipe.gate.after import today
    from secpipe.report.incident import SCHEMA, sentence
    from secpipe.system import files, places
    from secpipe.system.clock import parse_time

    now = clock_of(at).now()
    asked = room.Enquiry(
        room.digest_of(digest), now, environment, frozenset(names), parse_time(aware) if aware else None
    )  # fmt: skip
    law = files.read_bytes(places.shipped() / "law" / "eu-cra.toml", 1 << 20)
    sources = room.Sources(
        store, today.gather(advisories, trust, trust_pin, now, recall=at is None), _kev(kev), _log(keys),
        _inventory(db), room.duties_of(law, "law/eu-cra.toml"),
    )  # fmt: skip
    pack = room.gather(asked, sources)
    document = {
        "schema": SCHEMA, "tool": {"name": "secpipe", "version": __version__}, "at": times.rfc3339(now),
        "simulated": at is not None, "digest": asked.digest,
        "sentence": ("SIMULATED. " if at else "") + sentence(pack, pack["shipped"][0]["name"]), "notice": NOTICE,
        "advisories": sources.known.advisories.about if sources.known.advisories else None, **pack,
    }  # fmt: skip
    emit(document, formats, output, INCIDENT_WRITERS)
    return EXIT_PASS if pack["complete"] else EXIT_UNDECIDED


def _kev(place: Path | None) -> Any:
    from secpipe.scan.vulnerabilities.exploits import parse_kev
    from secpipe.system import files

    return parse_kev(files.read_bytes(place, _LIMIT)) if place else None


def _log(keys: dict[str, Any]) -> Trusted | None:
    from secpipe.cli.log.options import spelled
    from secpipe.log.trusted import trusted

    if not keys["keys"]:
        return None
    return trusted(spelled(keys["keys"]), spelled(keys["witnesses"]), keys["quorum"])


def _inventory(db: str | None) -> tuple[tuple[str, str, str, frozenset[str]], ...] | None:
    if db is None:
        return None
    from secpipe.core.errors import InputError
    from secpipe.core.text import printable
    from secpipe.sbom.store import SqliteStore

    if not Path(db).is_file():
        raise InputError(f"there is no inventory {printable(db)}", hint="secpipe inventory add BOM --db FILE")
    with SqliteStore(db) as store:
        purls: dict[int, set[str]] = {release.id: set() for release in store.releases()}
        for release, item in store.components():
            purls[release.id].add(str(item.get("purl") or ""))
        return tuple(
            (printable(f"{one.name} {one.version}".strip(), 200), one.sha256, one.added_at, frozenset(purls[one.id]))
            for one in store.releases()
        )
