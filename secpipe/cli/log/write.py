"""`secpipe log init`, `append` and `checkpoint`: what changes a log."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from secpipe.cli.keys.options import passphrase_of
from secpipe.cli.log import options
from secpipe.cli.log.options import files_argument, folder_argument
from secpipe.cli.options import passphrase_option, say, tell
from secpipe.core.errors import EXIT_DENY, EXIT_PASS, ConfigError, NetworkError, SecpipeError, TrustError

if TYPE_CHECKING:
    from secpipe.log.folder import Log


@click.command("init")
@folder_argument
@click.option("--origin", required=True, metavar="NAME", help="Its name for ever, as log.example.com/shop.")
@passphrase_option
def init(folder: Path, origin: str, passphrase_file: str | None) -> int:
    """Begin a log in LOG: new keys in $SECPIPE_HOME, and a signed checkpoint of no entries.

    Prints the verifier keys. Whoever relies on the log is given all of them by another way than the log itself.
    """
    from secpipe.keystore import notekeys
    from secpipe.log import folder as folders
    from secpipe.log import note
    from secpipe.system import files, places

    note.check_name(origin)
    ask = passphrase_of(passphrase_file, confirm=True)
    folders.refuse_taken(folder)
    if not options.own_keys("log", origin):
        files.make_folder(places.home(), mode=0o700)
        notekeys.make(places.home(), "log", origin, ask, options.now())
    signers = options.signers("log", origin, ask)
    folders.create(folder, origin, signers, options.ratchet_of(origin), options.now())
    say(f"log {origin} begun in {folder}; its keys, for everybody who relies on it:")
    for signer in signers:
        say(f"  {signer.key.text()}")
    return EXIT_PASS


@click.command("append")
@folder_argument
@files_argument
@click.option("--type", "kind", metavar="TYPE", help="What FILE is (default: by its name, a bundle or a file).")
@click.option("--about", multiple=True, metavar="KEY=TEXT", help="A short word more; it can never be taken back.")
def append(folder: Path, paths: tuple[Path, ...], kind: str | None, about: tuple[str, ...]) -> int:
    """Log FILE by its digest; of a signed bundle, by what it signs. No key is needed.

    When this returns, the entries are on the disk. They can be proven after the next `secpipe log checkpoint`.
    """
    from secpipe.core.text import plural
    from secpipe.log.entry import TYPES, Entry
    from secpipe.log.folder import Log

    if kind is not None and kind not in TYPES:
        from secpipe.core.text import did_you_mean

        raise ConfigError(f'no type of entry is "{kind}"', hint=did_you_mean(kind, TYPES) or ", ".join(TYPES))
    words = dict(item.partition("=")[::2] for item in about)
    now = options.now()
    entries = []
    for path in paths:
        digest, found = options.digest_of(path)
        entries.append(Entry(kind or found, now, digest, words | {"name": path.name}).encode())
    done = Log(folder).append(entries)
    if done.torn:
        tell(f"secpipe: repaired: {done.torn}")
    last = done.first + done.count - 1
    say(f"logged {plural(done.count, 'entry', 'entries')}, index {done.first} to {last}")
    return EXIT_PASS


@click.command("checkpoint")
@folder_argument
@click.option(
    "--witness",
    "asked",
    nargs=2,
    multiple=True,
    metavar="VKEY|FILE URL",
    help="Ask this witness to cosign it; repeatable.",
)
@click.option(
    "--forgotten", is_flag=True, help="This machine's memory of LOG is lost: what is published in it is the newest."
)
@passphrase_option
def checkpoint(folder: Path, asked: tuple[tuple[str, str], ...], forgotten: bool, passphrase_file: str | None) -> int:
    """Sign all that was appended; nothing is signed that contradicts an older checkpoint.

    Exit codes: 0 signed (or nothing new), 1 the folder is not what was signed before, 3 a witness did not answer.
    """
    from secpipe.log import trusted
    from secpipe.log.folder import Log

    log = Log(folder)
    origin = options.head_of(log.checkpoint()).origin
    signers = options.signers("log", origin, passphrase_of(passphrase_file))
    data = log.sign(signers, options.ratchet_of(origin), options.now(), forgotten=forgotten)
    witnesses = [(key, url) for word, url in asked for key in options.spelled([word])]
    lost: list[SecpipeError] = []
    for key, url in witnesses:
        try:
            data = _witnessed(log, data, key, url)
        except SecpipeError as error:  # one that is away or lies keeps no other from being asked
            lost.append(error)
    who = trusted.trusted([signer.key.text() for signer in signers], dict.fromkeys(key for key, _ in witnesses))
    for line in options.told(trusted.check(data, who)):
        say(line)
    for one in lost:
        tell(f"secpipe: error: {one.message}")
    return max((one.exit_code for one in lost), key=lambda code: (code == EXIT_DENY, code), default=EXIT_PASS)


def _witnessed(log: Log, data: bytes, key: str, url: str) -> bytes:
    """Return the checkpoint with the lines of one witness, who is told how the log grew since it last looked."""
    from secpipe.log import note, witness
    from secpipe.log.checkpoint import number
    from secpipe.log.reader import Reader
    from secpipe.system import net

    head = options.head_of(data)
    tree, old = Reader(log.folder, head), 0
    keys = [note.parse_key(key)]
    who = f"the witness {keys[0].name}"
    place = f"{url.rstrip('/')}/add-checkpoint"
    for _ in range(3):  # the size it is at may be told once, and change once
        body = witness.Request(old, tuple(tree.consistency(old)), data).encode()
        status, answer = net.exchange(place, limit=witness.LIMIT, data=body, content_type="text/plain")
        if status == 200:
            return log.cosign(head, witness.cosignatures(answer, head, keys, f"the answer of {who}"))
        if status != 409:
            break
        old = number(answer[:30].decode("ascii", "replace").rstrip("\n"), f"the answer of {who}")
        if old > head.size:
            raise TrustError(f"{who} has seen {old:,} entries, {head.size:,} are here: this log was put back")
    raise NetworkError(f"{who} does not cosign: it answered {status}")
