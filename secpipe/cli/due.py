"""`secpipe due`: everything that ends or begins by a day, over policy, keys, data, verdicts and law, with who acts."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from secpipe.cli.options import at_option, clock_of, plain_format
from secpipe.core.errors import EXIT_DENY, EXIT_PASS, ConfigError

if TYPE_CHECKING:
    from secpipe.gate.after.due import Due

_SPAN = re.compile(r"([1-9]\d{0,4})([dwmy]?)")
_DAYS = {"": 1, "d": 1, "w": 7, "m": 30, "y": 365}


@click.command(short_help="Say what falls due: policy, keys, data, verdicts and law.")
@click.argument("path", type=click.Path(path_type=Path, file_okay=False), default=".")
@click.option("--within", default="45d", show_default=True, metavar="SPAN", help="How far ahead: 45d, 6w, 3m, 1y.")
@click.option("--policy", default="", metavar="FILE", help="Policy (default: the project's own, if it has one).")
@click.option("--env", "environment", default="prod", show_default=True, metavar="NAME", help="For this environment.")
@click.option("--trust", type=click.Path(path_type=Path), metavar="FOLDER", help="Trust root (default PATH/keys).")
@click.option("--store", type=click.Path(path_type=Path), metavar="FOLDER", help="Verdict store.")
@click.option("--advisories", type=click.Path(path_type=Path), metavar="PATH", help="OSV folder, zip or store to use.")
@at_option
@plain_format
def due(
    path: Path,
    within: str,
    policy: str,
    environment: str,
    trust: Path | None,
    store: Path | None,
    advisories: Path | None,
    at: str | None,
    form: str,
    output: str,
) -> int:
    """List what falls due within a span, and what is past, earliest first: with its owner and the command that acts.

    Dates of law are data with a source and the day on which it was read; this is no legal advice. Ends with 1 where
    something of your own is past, otherwise with 0.
    """
    from secpipe.cli.keys.options import write_text_or_json
    from secpipe.core import times
    from secpipe.gate.after import due as room

    now, days = clock_of(at).now(), _days(within)
    found = [
        *_policy(path, policy, environment),
        *_trust(trust or path / "keys", now, needed=trust is not None),
        *_feeds(advisories, now),
        *_verdicts(store, environment),
        *_law(),
    ]
    kept = room.within(found, now, days)
    past = [one for one in kept if one.at <= now]
    document = {
        "schema": "secpipe.due/1", "at": times.rfc3339(now), "within_days": days,
        "due": [one.to_dict(now) for one in kept],
    }  # fmt: skip
    lines = [_line(one, now) for one in kept] or [f"nothing falls due within {days} days"]
    write_text_or_json(document, lines, form, output)
    return EXIT_DENY if past else EXIT_PASS


def _days(span: str) -> int:
    match = _SPAN.fullmatch(span)
    if match is None:
        raise ConfigError(f'"{span[:20]}" is no span', hint="--within 45d, 6w, 3m or 1y")
    return int(match[1]) * _DAYS[match[2]]


def _line(one: Due, now: datetime) -> str:
    days = (one.at - now).days
    when = "PAST" if one.at <= now else f"in {days} d"
    owner = f"  ({one.owner})" if one.owner else ""
    return f"{one.at:%Y-%m-%d}  {when:<9} {one.of:<10} {one.what}{owner}" + (f"  do: {one.do}" if one.do else "")


def _policy(path: Path, policy: str, environment: str) -> Iterator[Due]:
    from secpipe.gate.after.due import of_policy
    from secpipe.gate.origin import pinned_policy
    from secpipe.gate.request import TREE_POLICY

    place = policy or (str(path / TREE_POLICY) if (path / TREE_POLICY).is_file() else "")
    if place:
        yield from of_policy(pinned_policy(place, "")[0].resolve(environment))


def _trust(folder: Path, now: datetime, *, needed: bool) -> Iterator[Due]:
    from secpipe.gate.after.due import of_deadlines, of_trust
    from secpipe.keys.deadlines import parse_profile
    from secpipe.keystore.trusted import open_folder
    from secpipe.system import files, places

    if not needed and not (folder / "root").is_dir():
        return
    opened = open_folder(folder, now=None)  # what has expired is told, not refused
    profiles = sorted((places.shipped() / "deadlines").glob("*.toml"))
    yield from of_trust(opened.trust)
    yield from of_deadlines([parse_profile(files.read_bytes(one, 1 << 20), one.stem) for one in profiles], opened.trust)


def _feeds(advisories: Path | None, now: datetime) -> Iterator[Due]:
    from secpipe.gate.after.due import of_feeds
    from secpipe.scan.vulnerabilities.local import open_store

    yield from of_feeds(open_store(advisories, now=now).feeds)


def _verdicts(store: Path | None, environment: str) -> Iterator[Due]:
    from secpipe.gate.after.due import of_verdicts
    from secpipe.gate.verdicts.store import entries

    if store is not None:
        yield from of_verdicts(entry.verdict() for entry in entries(store, environment=environment))


def _law() -> Iterator[Due]:
    from secpipe.gate.after.due import of_law
    from secpipe.system import files, places

    for place in sorted((places.shipped() / "law").glob("*.toml")):
        yield from of_law(files.read_bytes(place, 1 << 20), place.stem)
