"""`secpipe verify`: is this signed, by whom, and does every file still hold?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from secpipe.cli.options import at_option, clock_of, max_ring_age_option, output_options, write_result

if TYPE_CHECKING:
    from datetime import datetime

    from secpipe.core.evidence import Evidence


@click.command(short_help="Verify signatures against a trust root.")
@click.argument("paths", nargs=-1, required=True, metavar="PATH|oci://...")
@click.option("--trust", default="keys", show_default=True, metavar="FOLDER", help="The public trust material.")
@click.option(
    "--trust-pin", default="", metavar="DIGEST", help="sha256:HEX of any root of its chain, from outside the tree."
)
@max_ring_age_option
@click.option(
    "--require", type=click.Choice(["classical+pq", "classical", "pq"]), default="classical+pq", show_default=True,
    help="The halves that must hold.",
)  # fmt: skip
@click.option(
    "--env", "environment", default="", metavar="NAME", help="Where it is going; the signer must be allowed there."
)
@click.option("--purpose", default="", metavar="PURPOSE", help="What it must be signed as: model, file, dataset, ...")
@click.option("--name", default="", metavar="NAME", help="The subject name it must be signed under (default: its own).")
@click.option("--min-version", default="", metavar="VERSION", help="The least signed version accepted.")
@click.option("--ignore", multiple=True, metavar="PATH", help="Accept that the signature leaves this path out.")
@click.option("--signatures", metavar="FOLDER", help="The folder of the bundles, if not beside the artifact.")
@click.option("--strict", is_flag=True, help="Every model file in a folder must be signed.")
@click.option(
    "--forget", is_flag=True, help="Accept that something is bare, renamed or older than this machine saw it before."
)
@click.option("--attestation", metavar="TYPE", help="Verify the attestation of this type, instead of the signature.")
@click.option("--max-age", metavar="DAYS", type=click.FloatRange(min=0), help="With --attestation: how old it may be.")
@click.option("--allow-legacy", metavar="REASON", help="Accept a classical bundle by another tool, for this reason.")
@click.option("--public-key", metavar="PEM", help="With --allow-legacy: the key it must be signed by.")
@click.option("--identity", metavar="WHO", help="Verify a keyless Sigstore bundle: the identity in its certificate.")
@click.option("--issuer", metavar="URL", help="With --identity: who vouched for that identity.")
@click.option("--trusted-root", metavar="FILE", help="With --identity: the trusted root or trust config, used offline.")
@click.option(
    "--bundle",
    metavar="FILE",
    help="With --identity or --public-key: the bundle (default: FILE.sigstore.json, FILE.sig).",
)
@output_options()
@at_option
def verify(
    paths: tuple[str, ...], formats: Sequence[str], output: str | None, at: str | None, **options: object
) -> int:
    """Verify signed model directories and files, or every signed artifact in a folder.

    Exit codes: 0 everything holds, 1 something does not, 3 could not decide (for instance: expired trust).
    """
    from secpipe.api.findings import exit_code, merged_signatures
    from secpipe.cli.verify.ways import way_of

    now = clock_of(at).now()
    check = way_of({**options, "live": at is None}, now)
    evidence = merged_signatures([(path, check(path)) for path in paths])
    show(evidence, paths, now, formats, output, simulated=at is not None)
    return exit_code(evidence)


def show(
    evidence: Evidence,
    paths: Sequence[str],
    now: datetime,
    formats: Sequence[str],
    output: str | None,
    *,
    simulated: bool,
) -> None:
    """Write the evidence: for people as sentences, otherwise as the findings document in the formats asked for."""
    from secpipe.cli.options import emit
    from secpipe.cli.verify.report import human
    from secpipe.core.findings import document

    if tuple(formats) == ("terminal",):
        write_result(human(evidence, paths, now=now, simulated=simulated), output or "-")
    else:
        emit(document(evidence, "verify", now, simulated=simulated), formats, output)
