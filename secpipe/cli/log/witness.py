"""`secpipe log witness`: cosign the checkpoints of other people's logs, from their folder or over HTTP."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from secpipe.cli.keys.options import passphrase_of
from secpipe.cli.log import options
from secpipe.cli.log.options import folder_argument
from secpipe.cli.options import passphrase_option, say, write_result
from secpipe.core.errors import EXIT_PASS, InputError, TrustError
from secpipe.core.foreign import Sink

if TYPE_CHECKING:
    from secpipe.log.witness import Witness

_name = click.option("--as", "name", required=True, metavar="NAME", help="Its name, as witness.example.org/team.")
_watched = click.option(
    "--log-key", "keys", multiple=True, required=True, metavar="VKEY|FILE", help="A key of the log; give them all."
)


@click.group()
def witness() -> None:
    """Cosign what other logs sign: only what grew out of what was cosigned before.

    The log's people can then tell one story only: two witnesses in two teams make a quorum that neither can fool alone.
    """


@witness.command("init", short_help="Make the key of a witness.")
@_name
@click.option("-o", "--output", default="-", metavar="FILE", help="Write the verifier key to FILE.")
@passphrase_option
def init(name: str, output: str, passphrase_file: str | None) -> int:
    """Make the witness's key in $SECPIPE_HOME and print its verifier key."""
    from secpipe.keystore import notekeys
    from secpipe.log import note
    from secpipe.system import files, places

    note.check_name(name)
    files.make_folder(places.home(), mode=0o700)
    halves = notekeys.make(places.home(), "witness", name, passphrase_of(passphrase_file, confirm=True), options.now())
    write_result("".join(f"{key.text()}\n" for key in options.verifier_keys(name, halves)), output, Sink.EXACT)
    return EXIT_PASS


@witness.command("cosign", short_help="Cosign the checkpoint in a folder, or a clone.")
@folder_argument
@_name
@_watched
@passphrase_option
def cosign(folder: Path, name: str, keys: tuple[str, ...], passphrase_file: str | None) -> int:
    """Cosign the checkpoint in LOG, a folder or a clone of one, and put the line below it.

    Exit codes: 0 cosigned, 1 the log was rewritten or is not signed by its keys, 3 something is missing.
    """
    from secpipe.core.text import printable
    from secpipe.log import witness as witnesses
    from secpipe.log.folder import Log
    from secpipe.log.reader import Reader

    log = Log(folder)
    data = log.checkpoint()
    head = options.head_of(data)
    who = _opened(name, keys, passphrase_file)
    with who.ratchet(head.origin).held() as held:
        old = held.size
    if old > head.size:
        raise TrustError(f"{printable(head.origin)} shrank: {old:,} entries were cosigned, {head.size:,} are here")
    path = tuple(Reader(folder, head).consistency(old))
    reply = who.add_checkpoint(witnesses.Request(old, path, data).encode(), options.now())
    if reply.status != 200:
        kind = TrustError if reply.status in (403, 422) else InputError
        raise kind(f"not cosigned: {reply.body.decode('utf-8', 'replace').strip()}")
    log.cosign(head, witnesses.cosignatures(reply.body, head, [who.signer.key]))
    say(f"{name} cosigned {head.origin} at {head.size:,} (before: {old:,}): nothing was rewritten")
    return EXIT_PASS


@witness.command("serve", short_help="Answer other logs over HTTP until interrupted.")
@_name
@_watched
@click.option("--host", default="127.0.0.1", show_default=True, metavar="ADDRESS", help="Where to listen.")
@click.option("--port", type=click.IntRange(0, 65535), default=8787, show_default=True, help="0: any that is free.")
@passphrase_option
def serve(name: str, keys: tuple[str, ...], host: str, port: int, passphrase_file: str | None) -> int:
    """Answer POST /add-checkpoint (C2SP tlog-witness) until interrupted. TLS is the business of a proxy before it."""
    import threading

    from secpipe.log.witness import LIMIT
    from secpipe.system.listen import listening

    who = _opened(name, keys, passphrase_file)

    def handle(method: str, path: str, body: bytes) -> tuple[int, str, bytes]:
        reply = who.answer(method, path, body, options.now())
        return reply.status, reply.type, reply.body

    with listening(host, port, handle, LIMIT) as url:
        say(f"{name} listens on {url}")
        threading.Event().wait()
    return EXIT_PASS


def _opened(name: str, keys: tuple[str, ...], passphrase_file: str | None) -> Witness:
    from secpipe.log import witness as witnesses

    watched = witnesses.watch(options.spelled(keys))
    (signer,) = options.signers("witness", name, passphrase_of(passphrase_file))
    return witnesses.Witness(signer, watched, options.seen_folder())
