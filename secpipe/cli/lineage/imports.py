"""`secpipe lineage import`: what a generator wrote into its own file, as a record of claims."""

from __future__ import annotations

from pathlib import Path

import click

from secpipe.cli.lineage.options import seals, signer_of, signing_options, told
from secpipe.cli.options import say, tell
from secpipe.core.errors import EXIT_PASS, EXIT_UNDECIDED, ConfigError


@click.command("import")
@click.argument(
    "paths", nargs=-1, required=True, metavar="FILE...", type=click.Path(path_type=Path, exists=True, dir_okay=False)
)
@click.option(
    "--for", "asset", metavar="OUTPUT", type=click.Path(path_type=Path, exists=True), help="FILE says it of OUTPUT."
)
@signing_options
def import_(
    paths: tuple[Path, ...],
    asset: Path | None,
    signs: bool,
    identity: str | None,
    trust: str,
    passphrase_file: str | None,
    seal_with: str | None,
) -> int:
    """Read how FILE was made from what its generator wrote into it; each fact is graded as claimed.

    PNG, JPEG and WebP of ComfyUI and webui (A1111), safetensors of sd-scripts, JSON of diffusers. Prompts go into
    FILE.prompts.json. Exit code 3 where a file says nothing that is known here.
    """
    from secpipe.api.lineage import claimed, recorded
    from secpipe.core.errors import InputError
    from secpipe.core.text import printable
    from secpipe.system.clock import SystemClock

    if asset and len(paths) > 1:
        raise ConfigError("--for goes with one FILE")
    now, code = SystemClock().now(), EXIT_PASS
    seal, who = seals(seal_with)[0], signer_of(signs, identity, trust, passphrase_file, now)
    for path in paths:
        try:
            record, openings, problem = claimed(path, asset or path)
            written = recorded(asset or path, record, openings, seal=seal, who=who, now=now) if record else []
        except InputError as error:  # one file ends no import of others
            tell(f"secpipe: {printable(path.name, 200)}: {printable(error.message, 300)}")
            code = EXIT_UNDECIDED
            continue
        if problem:
            tell(f"note: {printable(path.name, 200)}: {printable(problem, 300)}")
        if record is None:
            say(f"{printable(path.name, 200)}: says nothing of its making that is known here")
            code = EXIT_UNDECIDED
            continue
        for line in (*told(record), *(f"  written: {one}" for one in written)):
            say(line)
    return code
