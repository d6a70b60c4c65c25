"""`secpipe keys simulate`: the timeline of years, and what would break when."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from secpipe.cli.keys.options import dir_option, opened, write_text_or_json
from secpipe.cli.keys.rotate import schedule_of
from secpipe.cli.keys.stamps import artifacts_options, lapsing, told
from secpipe.cli.options import at_option, clock_of, plain_format
from secpipe.core import times
from secpipe.core.errors import EXIT_DENY, EXIT_PASS, ConfigError

if TYPE_CHECKING:
    from secpipe.core.trust import Identity


@click.command("simulate")
@dir_option
@click.option("--until", "end", metavar="TIME", required=True, help="Simulate up to this date.")
@click.option("--profile", "profiles", multiple=True, metavar="NAME", help="Deadlines to hold against (default: all).")
@artifacts_options
@at_option
@plain_format
def simulate(
    folder: str,
    end: str,
    profiles: tuple[str, ...],
    artifacts: tuple[str, ...],
    policy: str,
    at: str | None,
    form: str,
    output: str,
) -> int:
    """Print what will rotate, expire or break until a date; exit 1 where something breaks.

    Every key version to come is made in memory, signs, and must verify; so must what older ones have signed.
    """
    from secpipe.keys.simulate import Event, Future
    from secpipe.keys.simulate import simulate as run
    from secpipe.sign.rehearse import Rehearsal
    from secpipe.system.clock import parse_time

    now, until = clock_of(at).now(), parse_time(end)
    found = opened(folder, None)
    ring = found.ring
    start = Future(
        ring.identities,
        ring.delegation,
        found.trust.root_expires,
        ring.targets.expires,
        ring.expires,
        _automated(ring.identities),
    )
    events = run(start, schedule_of(folder), now, until, _profiles(profiles), Rehearsal().publish)
    old = told(lapsing(artifacts, policy, found.trust, now))
    events = sorted(
        [*events, *(Event(max(when, now), line, True) for when, line in old if when <= until)],
        key=lambda event: (event.at, event.what),
    )
    broken = any(event.breaks for event in events)
    rows = [{"at": times.rfc3339(e.at), "what": e.what, "breaks": e.breaks} for e in events]
    document = {"schema": "secpipe.simulation/1", "from": times.rfc3339(now), "events": rows}
    lines = [f"SIMULATED from {now:%Y-%m-%d} to {until:%Y-%m-%d}"]
    lines += [f"{event.at:%Y-%m-%d}  {'BREAKS  ' if event.breaks else '        '}{event.what}" for event in events]
    write_text_or_json(document, lines, form, output)
    return EXIT_DENY if broken else EXIT_PASS


def _automated(identities: tuple[Identity, ...]) -> bool:
    """Return whether nothing on this machine says that a key lives where secpipe cannot rotate it."""
    from secpipe.keystore.custody.custody import ROTATING
    from secpipe.keystore.home import read_record
    from secpipe.system import places

    records = [read_record(places.home(), identity.versions[-1].id) for identity in identities]
    references = [reference for record in records if record for reference in record.custody]
    return all(reference.partition(":")[0] in ROTATING for reference in references)


def _profiles(names: tuple[str, ...]) -> list[Any]:
    from secpipe.keys.deadlines import parse_profile
    from secpipe.system import files, places

    folder = places.shipped() / "deadlines"
    known = sorted(path.stem for path in folder.glob("*.toml"))
    for name in names:
        if name not in known:
            raise ConfigError(f'there is no profile "{name}"', hint=f"known: {', '.join(known)}")
    chosen = names or tuple(known)
    return [parse_profile(files.read_bytes(folder / f"{name}.toml", 1 << 20), name) for name in chosen]
