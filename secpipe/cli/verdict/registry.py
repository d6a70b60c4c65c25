"""`secpipe verdict push` and `pull`: signed verdicts beside the image they are about, in its registry."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from secpipe.cli.options import say, tell
from secpipe.cli.verdict.options import rules_options
from secpipe.core.errors import InputError


@click.command(short_help="Attach a signed verdict to the image it is about.")
@click.argument("place", metavar="VERDICT", type=click.Path(path_type=Path))
@click.argument("image", metavar="oci://...")
def push(place: Path, image: str) -> int:
    """Attach VERDICT (an entry of a store, or one of its bundles) to IMAGE, named by the digest that was judged.

    Both halves go to the registry as Sigstore bundles that refer to the image: cosign verify-attestation, and admission
    controllers that know it, read the classical one. Uses the network.
    """
    from secpipe.gate.images.verdicts import push as attach
    from secpipe.gate.verdicts.signed import locate
    from secpipe.system.clock import SystemClock

    for digest in attach(*locate(place), image, SystemClock().now()):
        say(f"attached {digest}")
    return 0


@click.command(short_help="Fetch the verdicts attached to an image.")
@click.argument("image", metavar="oci://...")
@click.option(
    "--output", "-o", "folder", type=click.Path(path_type=Path), required=True, metavar="FOLDER", help="Where to."
)
@rules_options
def pull(image: str, folder: Path, **options: Any) -> int:
    """Write every verdict attached to IMAGE below FOLDER, for a machine without a network.

    Only what bears a key of the trust root is taken. Nothing is verified yet: `secpipe verdict verify` does that. Uses
    the network.
    """
    from secpipe.cli.verdict.options import pinned
    from secpipe.gate.images.verdicts import pairs, write
    from secpipe.system.clock import SystemClock

    trust = pinned(options, "prod", SystemClock().now()).trust
    if folder.exists():
        raise InputError(f"{folder} exists already", hint="name a new folder")
    count = 0
    for count, pair in enumerate(pairs(image, trust), 1):
        write(folder / str(count), pair)
        say(str(folder / str(count)))
    if not count:
        tell("secpipe: no verdict by a key of this trust root is attached")
    return 0 if count else 3
