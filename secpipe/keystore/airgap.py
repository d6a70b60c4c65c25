"""Signing a draft on a machine without a network: `keys request` -> a file -> `keys answer` -> a file -> `sign-root`.

The request is a trust folder in one JSON file. Nothing in it is believed: on the other machine it is opened, judged and
shown exactly as a folder is. The answer holds signatures only.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from secpipe.core.errors import InputError, TrustError
from secpipe.core.limits import Limits
from secpipe.core.shape import Fields
from secpipe.keys.metadata import parse_envelope, write_envelope
from secpipe.keys.wire import b64, pretty, read, unb64
from secpipe.keystore.custody.custody import Passphrase
from secpipe.keystore.pending import Shown, open_signing, read_pending, shown, sign_pending
from secpipe.keystore.publicfiles import FILE_LIMIT, refuse_private_keys
from secpipe.keystore.trusted import check_pin
from secpipe.system import files

REQUEST = "secpipe.signing-request/1"
ANSWER = "secpipe.signing-answer/1"
_PART = r"[A-Za-z0-9][A-Za-z0-9.-]{0,200}"
_PATH = re.compile(rf"(?:(?:root|ring|pending|targets){{1}}/(?:{_PART}/)?{_PART}\.json)\Z")
_HEX = re.compile(r"(?:[0-9a-f]{2}){1,20000}\Z")
_MAX = Limits(document_bytes=1 << 28)


def make_request(folder: Path) -> tuple[str, str]:
    """Return the request for what waits in `folder`, and the draft's digest. Raises ConfigError where nothing waits."""
    digest = shown(open_signing(folder)).digest
    refuse_private_keys(folder)
    content = {
        path.relative_to(folder).as_posix(): b64(files.read_bytes(path, FILE_LIMIT, follow=False))
        for part in ("root", "ring", "targets", "pending")
        for path in sorted((folder / part).rglob("*.json"))
        if path.name != "latest.json"
    }
    return pretty({"schema": REQUEST, "draft": digest, "files": content}).decode(), digest


def sign_request(
    data: bytes, home: Path, passphrase: Passphrase, now: datetime, agree: Callable[[Path], Shown], pin: str = ""
) -> tuple[str, tuple[str, ...]]:
    """Return the answer and who signed, after `agree` has shown the draft to a person and not raised.

    Raises InputError for what is no request, or where no holder's key is here; TrustError as `sign_pending` does.
    """
    fields = Fields(read(data, "the request", _MAX), "the request")
    if fields.text("schema", limit=60) != REQUEST:
        raise InputError("the file is not a signing request", hint="secpipe keys request -o FILE")
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "keys"
        for path, content in fields.mapping("files").items():
            if not _PATH.match(path):
                raise InputError("the request holds a file that is no part of a trust folder")
            files.make_folder((folder / path).parent)
            files.write_atomic(folder / path, unb64(content, "the request, a file"))
        before = open_signing(folder)
        check_pin(pin, before.roots)
        progress = sign_pending(folder, home, passphrase, now, agreed=agree(folder), publish=False)
        pending = read_pending(before)
        drafts = [] if pending is None else [pending.ring, *([pending.root.envelope] if pending.root else [])]
        signatures = {
            one.kind: {keyid: signature.hex() for keyid, signature in one.signatures.items()} for one in drafts
        }
        answer = {"schema": ANSWER, "draft": shown(before).digest, "signatures": signatures}
    return pretty(answer).decode(), progress.signed


def add_answer(folder: Path, data: bytes) -> None:
    """Add the signatures of an answer to what waits in `folder`; each is judged when it is counted.

    Raises InputError for what is no answer, TrustError for the answer to another draft.
    """
    fields = Fields(read(data, "the answer"), "the answer")
    if fields.text("schema", limit=60) != ANSWER:
        raise InputError("the file is not the answer to a signing request", hint="secpipe keys answer REQUEST -o FILE")
    found = open_signing(folder)
    if fields.text("draft", limit=64) != shown(found).digest:
        raise TrustError("the answer is to another draft than the one that waits", hint="secpipe keys request again")
    signatures = fields.fields("signatures")
    pending = read_pending(found)
    for path in pending.files if pending else ():
        kind = "root" if path.name.endswith(".root.json") else "targets"
        one = parse_envelope(files.read_bytes(path, FILE_LIMIT), kind, path.name)
        given = signatures.fields(kind)
        more = {keyid: bytes.fromhex(given.text(keyid, _HEX)) for keyid in list(given.table)[:1000]}
        files.write_atomic(path, write_envelope(one.signed, one.signatures | more))
