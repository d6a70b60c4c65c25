"""Backup and restore of private keys: one file, itself an age file under a passphrase, so it can lie anywhere."""

from __future__ import annotations

import base64
import binascii
from pathlib import Path

from secpipe.core.errors import InputError
from secpipe.keys.wire import HEX256, pretty, read
from secpipe.keystore import age
from secpipe.keystore import home as store
from secpipe.system import files, secrets

SCHEMA = "secpipe.backup/1"
LIMIT = 64 << 20
_KINDS = (".age", ".json")


def backup(home: Path, target: Path, passphrase: bytes) -> int:
    """Write every private key of `home` (still encrypted, under its own passphrase) into `target`; return how many.

    The backup is encrypted once more. Raises InputError where there is nothing, or `target` exists.
    """
    held: dict[str, str] = {}
    for record in store.records(home):
        for suffix in _KINDS:
            path = store.keys_folder(home) / f"{record.id}{suffix}"
            if path.is_file():
                secrets.check_private(path)
                held[path.name] = base64.b64encode(files.read_bytes(path, age.LIMIT, follow=False)).decode("ascii")
    if not held:
        raise InputError("there is no private key to back up", hint="secpipe keys init")
    sealed = age.seal(pretty({"schema": SCHEMA, "files": held}), passphrase, work=age.HARD_WORK)
    files.create_exclusive(target, sealed, mode=0o600)
    return sum(name.endswith(".json") for name in held)


def restore(home: Path, source: Path, passphrase: bytes) -> int:
    """Put the keys of a backup into `home`; return how many. A key that is there already must be the same one.

    Raises InputError where the backup does not open, is damaged, or contradicts what `home` holds.
    """
    document = read(age.unseal(files.read_bytes(source, LIMIT), passphrase, "the backup"), "the backup")
    held = document.get("files")
    if document.get("schema") != SCHEMA or not isinstance(held, dict):
        raise InputError("the backup is not of this version of secpipe")
    content: dict[str, bytes] = {}
    for name, text in held.items():
        key_id, dot, suffix = name.partition(".")
        try:
            content[name] = base64.b64decode(text, validate=True)
        except (binascii.Error, TypeError, ValueError):
            raise InputError("the backup is damaged") from None
        if not HEX256.match(key_id) or dot + suffix not in _KINDS:
            raise InputError("the backup holds something that is not a key")
    store.prepare(home)
    for name, data in content.items():
        place = store.keys_folder(home) / name
        if place.is_file() and name.endswith(".age") and files.read_bytes(place, age.LIMIT) != data:
            raise InputError(f"key {name[:12]} is here already and differs", hint="move $SECPIPE_HOME away first")
    for name, data in sorted(content.items(), key=lambda item: item[0].endswith(".json")):  # no record without its key
        place = store.keys_folder(home) / name
        if not place.is_file():
            files.write_atomic(place, data, mode=0o600)
    return sum(name.endswith(".json") for name in content)
