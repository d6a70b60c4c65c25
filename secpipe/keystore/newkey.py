"""Making the private halves of a new key version where those of the old one live."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from secpipe.core.errors import ConfigError, InputError
from secpipe.core.protocols import Signer
from secpipe.core.trust import KeyVersion, PublicHalf
from secpipe.keys.schemes import scheme
from secpipe.keystore import home as store
from secpipe.keystore.custody import file as file_custody
from secpipe.keystore.custody.custody import ROTATING, LocalSigner, Passphrase
from secpipe.keystore.fresh import fresh
from secpipe.keystore.unlock import open_record
from secpipe.system import files


def make_key(
    home: Path,
    old: store.Record,
    blank: KeyVersion,
    algorithms: Sequence[str],
    known: set[str],
    passphrase: Passphrase,
) -> tuple[KeyVersion, tuple[Signer, ...]]:
    """Return the next key version (`blank` with halves) and its signers; its private halves are durable by then.

    A half of the same class goes to the custody of the old half. A key that an interrupted run has left, of the same
    version and algorithms and not in the ring (`known` ids), is used instead of making another. Raises ConfigError for
    custody that cannot rotate.
    """
    if left := _left_over(home, old, blank, algorithms, known, passphrase):
        return left
    places = {half.half: reference.partition(":") for half, reference in zip(old.halves, old.custody, strict=True)}
    signers: list[Signer] = []
    halves: list[PublicHalf] = []
    references: list[str] = []
    for name in algorithms:
        kind, _, rest = places.get(scheme.get(name).half, ("file", "", ""))
        if kind not in ROTATING:
            raise ConfigError(
                f'the {name} key of "{old.name}" is in {kind}: custody, where secpipe cannot make a new key',
                hint="make it there and add it: secpipe keys renew --key, or move to file: or pkcs11: custody",
            )
        if kind == "pkcs11":
            from secpipe.keystore.custody import pkcs11

            made = pkcs11.make_half(rest, name, f"{old.name}-{blank.version}", passphrase)
            halves.append(made.public)
            signers.append(made)
            references.append(made.reference)
        else:
            (signer,) = fresh([name]).signers
            halves.append(signer.public)
            signers.append(signer)
            references.append("file")
    version = replace(blank, halves=tuple(halves))
    custody = tuple(f"file:{version.id}.age" if item == "file" else item for item in references)
    store.write_record(home, store.Record(old.kind, old.name, old.root, version, custody))
    if local := [signer.key.private_bytes() for signer in signers if isinstance(signer, LocalSigner)]:
        file_custody.store(home, version.id, local, passphrase())
    return version, tuple(signers)


def _left_over(
    home: Path,
    old: store.Record,
    blank: KeyVersion,
    algorithms: Sequence[str],
    known: set[str],
    passphrase: Passphrase,
) -> tuple[KeyVersion, tuple[Signer, ...]] | None:
    for record in store.find(home, old.kind, old.name, old.root):
        if record.version.version != blank.version or record.id in known:
            continue
        files_there = all(
            (store.keys_folder(home) / item.removeprefix("file:")).is_file()
            for item in record.custody
            if item.startswith("file:")
        )
        if not files_there:  # interrupted between the record and the key: nobody ever knew this key
            files.remove(store.keys_folder(home) / f"{record.id}.json")
            continue
        if [half.algorithm for half in record.halves] != list(algorithms):
            continue
        try:
            signers = open_record(record, home, passphrase)
        except InputError:
            continue
        version = replace(blank, halves=record.halves)
        store.write_record(home, replace(record, version=version))
        return version, signers
    return None
