"""`secpipe attest`: a signed statement about an artifact, that a policy can demand."""

from __future__ import annotations

from pathlib import Path

import click

from secpipe.cli.options import passphrase_option, say


@click.command(short_help="Sign a statement about an artifact (provenance, test result, ...).")
@click.argument("paths", nargs=-1, required=True, metavar="PATH...")
@click.option(
    "--type",
    "purpose",
    required=True,
    metavar="TYPE",
    help="provenance, derivation, signal, test-result, review, vuln or cyclonedx.",
)
@click.option("--predicate", required=True, metavar="FILE", help="The predicate: a JSON object of that type.")
@click.option(
    "--kind",
    default="",
    metavar="KIND",
    help="What a test result is about (default: the predicate file's name; a review's: review-IDENTITY).",
)
@click.option("--key", "identity", metavar="IDENTITY", help="Sign as this identity of the ring.")
@click.option("--trust", default="keys", show_default=True, metavar="FOLDER", help="The public trust material.")
@click.option("-o", "--output", metavar="FOLDER", help="Write the bundles there, instead of beside the artifact.")
@click.option("--tsa", metavar="URL", help="Ask this RFC 3161 authority for a timestamp over each signature.")
@passphrase_option
def attest(
    paths: tuple[str, ...],
    purpose: str,
    predicate: str,
    kind: str,
    identity: str | None,
    trust: str,
    output: str | None,
    tsa: str | None,
    passphrase_file: str | None,
) -> int:
    """Sign a statement about models and files, stored beside them.

    PATH.KIND.att.json and PATH.KIND.pqc.att.json hold the halves; `secpipe verify --attestation KIND` checks them.
    """
    from secpipe.api.signing import stamper, unlocked
    from secpipe.cli.hashed import hashed
    from secpipe.core.limits import DEFAULT
    from secpipe.core.text import printable
    from secpipe.sign.attest import attest as sign_attestation
    from secpipe.sign.predicates import by_purpose
    from secpipe.system.clock import SystemClock
    from secpipe.system.files import read_bytes

    by_purpose(purpose, "attestation")
    body = read_bytes(predicate, DEFAULT.document_bytes)
    if purpose == "test-result":
        kind = kind or Path(predicate).stem.lower().replace("_", "-")
    now = SystemClock().now()
    who = unlocked(identity, {purpose}, trust=trust, passphrase_file=passphrase_file, now=now)
    if purpose == "review":
        kind = kind or f"review-{who.identity.name}"  # reviews of several people stand beside each other
    for path in paths:
        written = sign_attestation(
            Path(path), hashed(path), body, who.signers, who.version, purpose=purpose, kind=kind,
            output=Path(output) if output else None, timestamper=stamper(tsa), now=now,
        )  # fmt: skip
        say(f"{printable(path)}: attested by {who.identity.name} (key version {who.version.version})")
        for bundle in written:
            say(f"  {printable(str(bundle))}")
    return 0
