"""`secpipe sbom generate`: from a folder to a document that is proven against its bytes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from secpipe.cli.options import at_option, clock_of, tell, write_result
from secpipe.cli.sbom_files import sink_of
from secpipe.cli.sbom_make import Asked, inside, inventory_of
from secpipe.core.errors import EXIT_UNDECIDED, ConfigError
from secpipe.core.text import plural, printable

if TYPE_CHECKING:
    from datetime import datetime

FORMATS = ("cyclonedx-json", "cyclonedx-xml", "spdx-json")


@click.command()
@click.argument("paths", nargs=-1, required=True, metavar="PATH...")
@click.option("-f", "--format", "formats", multiple=True, default=["cyclonedx-json"], metavar="FORMAT[=FILE]",
              help=f"Repeatable. One of {', '.join(FORMATS)}.")  # fmt: skip
@click.option("-o", "--output", metavar="FILE", default="-", help="Write the document to FILE.")
@click.option(
    "--spec", type=click.Choice(["1.6", "1.7"]), default="1.7", show_default=True, help="Version of CycloneDX."
)
@click.option("--name", metavar="NAME", help="Name of the release; by default the folder's.")
@click.option("--author", default="", metavar='"NAME <MAIL>"', help="Who answers for the document.")
@click.option("--supplier", default="", metavar='"NAME <URL>"', help="Who supplies the release.")
@click.option("--files", "all_files", is_flag=True, help="List every file of the folder as a component.")
@click.option(
    "--services/--no-services", default=True, show_default=True, help="List the AI services that the code uses."
)
@click.option("--exclude", multiple=True, metavar="PATH", help="Leave out a path of the folder; said in the document.")
@click.option(
    "--keys", metavar="DIR", help="List the public keys of this trust root (CBOM), and which signature names which."
)
@at_option
def generate(
    paths: tuple[str, ...], formats: tuple[str, ...], output: str, spec: str, name: str | None, author: str,
    supplier: str, all_files: bool, services: bool, exclude: tuple[str, ...], keys: str | None, at: str | None,
) -> int:  # fmt: skip
    """Make the SBOM of PATH: libraries, models, adapters, datasets, prompts and services, with digests of the files.

    What could not be read is listed in the document and on stderr. An empty SBOM is exit 3. The same files and the
    same --at give the same bytes.
    """
    from secpipe.sbom.validate import validate
    from secpipe.system import outputs

    places = _places(formats, output)
    outputs.check(*places)
    own = tuple(path for place in places for path in inside(place, paths))
    asked = Asked(all_files, services, exclude, own, keys)
    now = clock_of(at).now()
    if at:
        tell("SIMULATED: the document is dated by --at")
    data, counted, skipped = _document(paths, name, now, spec, author, supplier, asked)
    for place, form in places.items():
        write_result(_render(data, form), place, sink_of(form))
    for line in skipped[:20]:
        tell(line)
    if len(skipped) > 20:
        tell(f"and {plural(len(skipped) - 20, 'path')} more not analysed")
    if not counted:
        tell("nothing was found: the SBOM is empty")
        return EXIT_UNDECIDED
    if problems := validate(data):
        tell(f"the SBOM is not valid: {problems[0].pointer}: {problems[0].message}")
        return EXIT_UNDECIDED
    tell(f"{plural(counted, 'component')}, {plural(len(skipped), 'path')} not analysed")
    return 0


def _places(formats: tuple[str, ...], output: str) -> dict[str, str]:
    places: dict[str, str] = {}
    for item in formats:
        form, _, place = item.partition("=")
        if form not in FORMATS:
            raise ConfigError(f'unknown format "{printable(form, 60)}"', hint=f"one of {', '.join(FORMATS)}")
        if (place or output) in places:
            raise ConfigError("two documents would go to one place", hint=f"-f {form}=FILE")
        places[place or output] = form
    return places


def _document(
    paths: tuple[str, ...], name: str | None, now: datetime, spec: str, author: str, supplier: str, asked: Asked
) -> tuple[bytes, int, list[str]]:
    from secpipe.sbom.bom import dump, load
    from secpipe.sbom.cyclonedx import emit
    from secpipe.sbom.merge import merge

    made, counted, skipped = [], 0, []
    for path in paths:
        inventory, _ = inventory_of(path, now, asked)
        counted += sum(1 for item in inventory.components if "referenced" not in item.facts)
        skipped += [f"not analysed: {printable(skip.path)}: {skip.reason}" for skip in inventory.skipped]
        title = name or Path(path).resolve().name or "release"
        made.append(emit(inventory, name=title, now=now, spec=spec, author=author, supplier=supplier))
    documents = [load(data, path) for data, path in zip(made, paths, strict=True)] if len(made) > 1 else []
    return dump(merge(documents)) if documents else made[0], counted, skipped


def _render(data: bytes, form: str) -> bytes:
    if form == "cyclonedx-json":
        return data
    from secpipe.sbom.bom import load
    from secpipe.sbom.convert import to_format

    return to_format(load(data, "the SBOM"), form)
