"""Making the private halves of a key version where they are to live, and keeping them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from secpipe.core.errors import ConfigError, InputError
from secpipe.core.protocols import Signer
from secpipe.core.registry import load
from secpipe.core.trust import HalfClass, KeyVersion, PublicHalf
from secpipe.keys.schemes import scheme
from secpipe.keys.schemes.pkcs8 import Imported
from secpipe.keys.schemes.signer import LocalSigner
from secpipe.keys.tufkey import public_half
from secpipe.keystore import age
from secpipe.keystore import home as store
from secpipe.keystore.custody import file as file_custody
from secpipe.keystore.custody.custody import ROTATING, Passphrase
from secpipe.keystore.custody.places import MAKERS
from secpipe.keystore.fresh import fresh
from secpipe.keystore.unlock import open_record
from secpipe.system import files

FILE = "file"


@dataclass(frozen=True, slots=True)
class NewKey:
    """The halves of a key version that nobody knows yet, with their signers and where each lives."""

    halves: tuple[PublicHalf, ...]
    signers: tuple[Signer, ...]
    references: tuple[str, ...]  # FILE stands for the age file that `keep` writes


def make(
    name: str,
    algorithms: Sequence[str],
    places: Mapping[HalfClass, str],
    passphrase: Passphrase,
    imported: Sequence[Imported] = (),
) -> NewKey:
    """Return new halves, each in the custody that `places` names for its class (default: a file).

    `name` labels a key in a device. A half in `imported` is taken instead of a new one. Raises ConfigError for custody
    in which secpipe cannot make a key.
    """
    given = {one.algorithm: one.pkcs8 for one in imported}
    halves: list[PublicHalf] = []
    signers: list[Signer] = []
    references: list[str] = []
    for algorithm in algorithms:
        kind, _, rest = places.get(scheme.get(algorithm).half, FILE).partition(":")
        if kind not in ROTATING:
            raise ConfigError(
                f"the {algorithm} half lives in {kind}: custody, where secpipe cannot make a new key",
                hint="make it there, then secpipe keys revoke or add-identity --import; or file:, pkcs11:, awskms:",
            )
        if kind in MAKERS and algorithm not in given:
            device = load(MAKERS, kind, "custody")(rest, algorithm, name, passphrase)
            halves.append(device.public)
            signers.append(device)
            references.append(device.reference)
            continue
        if algorithm in given:
            key = scheme.get(algorithm).load_private(given[algorithm])
            signer = LocalSigner(public_half(algorithm, key.public_pem()), key)
        else:
            (signer,) = fresh([algorithm]).signers
        halves.append(signer.public)
        signers.append(signer)
        references.append(FILE)
    return NewKey(tuple(halves), tuple(signers), tuple(references))


def keep(home: Path, kind: str, name: str, root: str, version: KeyVersion, new: NewKey, passphrase: Passphrase) -> None:
    """Make the private halves durable in `home`: the record first, so that a key without one cannot exist."""
    local = [signer.key.private_bytes() for signer in new.signers if isinstance(signer, LocalSigner)]
    secret = passphrase() if local else b""
    store.prepare(home)
    custody = tuple(f"file:{version.id}.age" if item == FILE else item for item in new.references)
    store.write_record(home, store.Record(kind, name, root, version, custody))
    if local:
        work = age.HARD_WORK if kind == "holder" else age.WORK
        file_custody.store(home, version.id, local, secret, work=work)


def succeed(
    home: Path,
    old: store.Record,
    blank: KeyVersion,
    algorithms: Sequence[str],
    known: Collection[str],
    passphrase: Passphrase,
) -> tuple[KeyVersion, tuple[Signer, ...]]:
    """Return the key version after `old` (`blank` with halves) and its signers; its private halves are durable by then.

    A half goes to the custody of the old half of its class. A key that an interrupted run has left, of the same version
    and algorithms and not in the ring (`known` ids), is used instead of making another. Raises as `make` does.
    """
    if left := _left_over(home, old, blank, algorithms, known, passphrase):
        return left
    places = {half.half: reference for half, reference in zip(old.halves, old.custody, strict=True)}
    new = make(f"{old.name}-{blank.version}", algorithms, places, passphrase)
    version = replace(blank, halves=new.halves)
    keep(home, old.kind, old.name, old.root, version, new, passphrase)
    return version, new.signers


def _left_over(
    home: Path,
    old: store.Record,
    blank: KeyVersion,
    algorithms: Sequence[str],
    known: Collection[str],
    passphrase: Passphrase,
) -> tuple[KeyVersion, tuple[Signer, ...]] | None:
    for record in store.find(home, old.kind, old.name, old.root):
        if record.version.version != blank.version or record.id in known:
            continue
        if not all(is_there(home, reference) for reference in record.custody):
            # interrupted between the record and the key: nobody ever knew this key
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


def is_there(home: Path, reference: str) -> bool:
    """Return whether the key file that `reference` names exists; what is elsewhere is not asked."""
    kind, _, name = reference.partition(":")
    return kind != FILE or (store.keys_folder(home) / name).is_file()
