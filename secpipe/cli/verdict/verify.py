"""`secpipe verdict verify`: may this release go out, by its signed verdict?"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from secpipe.cli.options import at_option, clock_of, form_option, write_json, write_result
from secpipe.cli.verdict.options import named, pinned, rules_options
from secpipe.core import times
from secpipe.core.errors import ConfigError, InputError

if TYPE_CHECKING:
    from datetime import datetime

    from secpipe.gate.verdicts.acceptance import Answer
    from secpipe.gate.verdicts.signed import About


@click.command(short_help="May this release go out, by its signed verdict?")
@click.argument("place", metavar="[PATH|oci://...]", required=False, type=click.Path())
@click.option("--digest", default="", metavar="dirHash:HEX", help="The release by its digest, instead of PATH.")
@click.option("--env", "environment", default="prod", show_default=True, metavar="NAME", help="Where it is going.")
@click.option("--store", type=click.Path(path_type=Path), metavar="FOLDER", help="The verdict store.")
@click.option(
    "--bundle", type=click.Path(path_type=Path), metavar="FILE", help="One signed verdict, instead of a store."
)
@click.option(
    "--log", "log", type=click.Path(path_type=Path), metavar="LOG", help="A log whose newest verdict this must be."
)
@rules_options
@click.option("--max-age", type=click.FloatRange(min=0), metavar="DAYS", help="How old the verdict may be.")
@click.option("--name", default="", metavar="NAME", help="What the verdict must call the release.")
@click.option("--exclude", multiple=True, metavar="PATH", help="Relative path that is no part of the release.")
@form_option
@click.option("-o", "--output", metavar="FILE", default="-", help="Write the result to FILE.")
@at_option
def verify(
    place: str | None,
    digest: str,
    environment: str,
    store: Path | None,
    bundle: Path | None,
    log: Path | None,
    max_age: float | None,
    name: str,
    exclude: tuple[str, ...],
    form: str,
    output: str,
    at: str | None,
    **options: Any,
) -> int:
    """Say whether PATH may go out to an environment, by the newest signed verdict on exactly these files.

    An image is named by the digest of its manifest; without --store or --bundle, the verdicts attached to it in its
    registry are asked (over the network).

    Exit codes: 0 it passed (or people overrode it), 1 it did not, 3 could not decide: no verdict, one that has ended,
    rules that are not pinned. Whoever can delete from the store can hide a newer no: that is bounded by the verdict's
    own end and by --max-age.
    """
    from secpipe.cli.logged import log_folder
    from secpipe.gate.deploying import VerdictSource, answered
    from secpipe.gate.verdicts.acceptance import Wanted

    image = place if place and place.startswith("oci://") else ""
    path = Path(place) if place and not image else None
    places = (store is not None) + (bundle is not None)
    if (place is None) == (digest == "") or places > 1 or not (places or image):
        raise ConfigError(
            "what, and by which verdict?", hint="PATH or --digest dirHash:HEX; --store FOLDER or --bundle FILE"
        )
    now = clock_of(at).now()
    if path is not None and options["trust"] is None:
        options["trust"] = path / "keys"
    rules = pinned(options, environment, now, simulated=at is not None)
    left = (*exclude, *(rules.policy.exclude if named(options).names_policy else ()))
    about = about_image(image, environment) if image else about_of(path, digest, environment, left)
    age = timedelta(days=max_age) if max_age is not None else None
    asked = Wanted(about, rules.policy, rules.wanted, age, name)
    answer = answered(VerdictSource(store, bundle, image), asked, rules, now, log or log_folder())
    if image and answer.verdict is not None:
        about = replace(about, digest=answer.verdict.release)
    _write(answer, about, now, form, output, simulated=at is not None)
    return answer.exit_code


def about_of(path: Path | None, digest: str, environment: str, exclude: tuple[str, ...]) -> About:
    """Return what the verdict must be about. Raises InputError for a release that cannot be read whole."""
    from secpipe.cli.hashed import hashed
    from secpipe.core.text import printable
    from secpipe.gate.deploying import about_tree
    from secpipe.gate.verdicts.signed import About

    if path is None:
        wanted = digest.removeprefix("dirHash:")
        if ":" in wanted or len(wanted) != 64 or set(wanted) - set("0123456789abcdef"):
            raise ConfigError(
                "a verdict names a release by its dirHash alone", hint="--digest dirHash:HEX (64 hex digits)"
            )
        return About(wanted, None, environment)
    if not path.is_dir():
        raise InputError(f"{printable(str(path))} is no folder", hint="a verdict is about a whole release")
    return about_tree(hashed(str(path)).without(exclude), environment)


def about_image(image: str, environment: str) -> About:
    """Return what a verdict about an image must name; raises ConfigError for a tag, which can be moved."""
    from secpipe.gate.verdicts.signed import About
    from secpipe.sign.registry import Reference

    return About("", None, environment, image=Reference.parse(image).digest.removeprefix("sha256:"))


def _write(answer: Answer, about: About, now: datetime, form: str, output: str, *, simulated: bool) -> None:
    from secpipe.cli.verdict import text as verdict_text

    if form == "json":
        write_json(verdict_text.document(answer, about, times.rfc3339(now), simulated=simulated), output)
        return
    lines = [*(["SIMULATED: judged as of another time"] if simulated else []), answer.sentence]
    if answer.verdict is not None:
        lines += verdict_text.facts(answer.verdict.summary, answer.verdict.name)[1:]
        lines += verdict_text.grown(about.made_executable(answer.verdict.summary))
    write_result("\n".join(lines) + "\n", output)
