"""`$SECPIPE_HOME/keys`: what private halves this machine has, and where each lives (custody)."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from secpipe.core.errors import InputError
from secpipe.core.shape import Fields
from secpipe.core.trust import KeyVersion, PublicHalf
from secpipe.keys.identity import parse_version, version_fields
from secpipe.keys.wire import HEX256, NAME, pretty, read
from secpipe.system import files

SCHEMA = "secpipe.private-key/1"
KINDS = ("identity", "holder", "rotation", "log", "witness")
_RECORD_LIMIT = 1 << 20


@dataclass(frozen=True, slots=True)
class Record:
    """One key version whose private halves this machine can use; holds no secret.

    `custody` is one reference a half, in the order of the halves: `file:ID.age`, `env:NAME`, `exec:...`, `pkcs11:...`.
    """

    kind: str  # one of KINDS
    name: str
    root: str  # hex SHA-256 of root 1; of the name, for the keys of a log or a witness
    version: KeyVersion
    custody: tuple[str, ...]

    @property
    def id(self) -> str:
        return self.version.id

    @property
    def halves(self) -> tuple[PublicHalf, ...]:
        return self.version.halves

    def document(self) -> bytes:
        return pretty(
            {
                "schema": SCHEMA,
                "kind": self.kind,
                "name": self.name,
                "root": self.root,
                "key": version_fields(self.version),
                "custody": list(self.custody),
            }
        )

    def moved(self, custody: tuple[str, ...]) -> Record:
        """Return the record with other places of custody."""
        return replace(self, custody=custody)


def keys_folder(home: Path) -> Path:
    """Return the folder of private keys."""
    return home / "keys"


def prepare(home: Path) -> None:
    """Create `home` and its key folder, readable by the owner only."""
    files.make_folder(home, mode=0o700)
    folder = keys_folder(home)
    files.make_folder(folder, mode=0o700)


def write_record(home: Path, record: Record) -> None:
    """Store what stands behind a private key, atomically and durably."""
    files.write_atomic(keys_folder(home) / f"{record.id}.json", record.document(), mode=0o600)


def read_record(home: Path, key_id: str) -> Record | None:
    """Return the record of key version `key_id`, or None where this machine has none; raises InputError."""
    path = keys_folder(home) / f"{key_id}.json"
    if not path.is_file():
        return None
    what = f"the record of key {key_id[:12]}"
    fields = Fields(read(files.read_bytes(path, _RECORD_LIMIT, follow=False), what), what)
    if fields.text("schema", limit=40) != SCHEMA or fields.text("kind", limit=20) not in KINDS:
        raise InputError(f"{what} is not of this version of secpipe")
    record = Record(
        fields.table["kind"],
        fields.text("name", NAME),
        fields.text("root", HEX256),
        parse_version(fields.mapping("key"), what),
        fields.texts("custody", 2),
    )
    fields.close()
    if record.id != key_id or len(record.custody) != len(record.halves):
        raise InputError(f"{what} was changed by hand")
    return record


def records(home: Path, *, readable: bool = False) -> Iterator[Record]:
    """Yield every record, in order of id; with `readable`, a damaged one is not in the way of the others."""
    with contextlib.suppress(FileNotFoundError):
        for name in sorted(os.listdir(keys_folder(home))):
            key_id, _, suffix = name.partition(".")
            if suffix != "json" or not HEX256.match(key_id):
                continue
            with contextlib.suppress(*((InputError,) if readable else ())):
                if record := read_record(home, key_id):
                    yield record


def find(home: Path, kind: str, name: str, root: str) -> tuple[Record, ...]:
    """Return the readable records of that kind and name under the trust root `root`, oldest version first."""
    found = [item for item in records(home, readable=True) if (item.kind, item.name, item.root) == (kind, name, root)]
    return tuple(sorted(found, key=lambda item: item.version.version))
