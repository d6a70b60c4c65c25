"""`secpipe sbom generate`: from a folder to a document that is proven against its bytes."""

from __future__ import annotations

import click

from secpipe.api.boms import FORMATS
from secpipe.cli.options import at_option, clock_of, tell, write_result
from secpipe.cli.sbom.files import sink_of
from secpipe.core.errors import ConfigError
from secpipe.core.text import plural, printable


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
    "--keys", metavar="FOLDER", help="List the public keys of this trust root (CBOM), and which signature names which."
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
    from secpipe.api.boms import make_sbom
    from secpipe.system import outputs

    places = _places(formats, output)
    outputs.check(*places)
    if at:
        tell("SIMULATED: the document is dated by --at")
    made = make_sbom(
        *paths, name=name, spec=spec, author=author, supplier=supplier, files=all_files, services=services,
        exclude=exclude, keys=keys, written_to=places, at=clock_of(at).now(),
    )  # fmt: skip
    for place, form in places.items():
        write_result(made.encoded(form), place, sink_of(form))
    for skip in made.skipped[:20]:
        tell(f"not analysed: {printable(skip.path)}: {skip.reason}")
    if len(made.skipped) > 20:
        tell(f"and {plural(len(made.skipped) - 20, 'path')} more not analysed")
    tell(made.problem or f"{plural(made.components, 'component')}, {plural(len(made.skipped), 'path')} not analysed")
    return made.exit_code


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
