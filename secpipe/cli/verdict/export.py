"""`secpipe verdict export`: the classical half as a plain DSSE envelope, as slsa-verifier takes it."""

from __future__ import annotations

from pathlib import Path

import click

from secpipe.cli.options import write_result
from secpipe.core.foreign import Sink


@click.command(short_help="Write a signed verdict for other tools.")
@click.argument("place", metavar="ENTRY|BUNDLE", type=click.Path(path_type=Path))
@click.option(
    "--format", "form", type=click.Choice(["dsse"]), default="dsse", show_default=True, help="How it is written."
)
@click.option("--trust", default="keys", show_default=True, metavar="FOLDER", help="The public trust material.")
@click.option("-o", "--output", metavar="FILE", default="-", help="Write the envelope to FILE.")
def export(place: Path, form: str, trust: str, output: str) -> int:
    """Write the signed verdict as a plain DSSE envelope with its classical signature, over the very same payload.

    `slsa-verifier verify-vsa` takes it, with the key from `secpipe keys export IDENTITY --format pem --classical`. The
    post-quantum half is lost on the way: a consumer that knows it should verify the twin bundle.
    """
    from secpipe.core.errors import InputError
    from secpipe.core.trust import HalfClass
    from secpipe.gate.verdicts import signed
    from secpipe.gate.verdicts.dsse import envelope
    from secpipe.keystore.trusted import open_folder
    from secpipe.sign import bundle as bundles

    folder, what = signed.locate(place)
    found = signed.bundles(folder, what)
    if HalfClass.CLASSICAL not in found:
        raise InputError("there is no classical half to export", hint="secpipe check --sign IDENTITY --store FOLDER")
    half = bundles.decode(found[HalfClass.CLASSICAL][1], found[HalfClass.CLASSICAL][0])
    known = open_folder(Path(trust), now=None).trust.find(half.hint)
    if known is None:
        raise InputError("the keyring does not know the key of this verdict", hint="--trust FOLDER")
    write_result(envelope(half, known[2]), output, Sink.EXACT)
    return 0
