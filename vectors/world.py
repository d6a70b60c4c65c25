"""Keys from a seed, signatures that stay the same, and the trust, bundles and logs that the vectors are made of."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, mldsa

from secpipe.core.errors import TrustError
from secpipe.core.trust import Authority, Identity, KeyVersion, PublicHalf, TimeAuthority
from secpipe.keys.identity import identity_document
from secpipe.keys.metadata import Quorum, write_envelope
from secpipe.keys.ring import Delegation, Suspension, ring_fields, rotation_fields
from secpipe.keys.root import parse_root, root_fields
from secpipe.keys.schemes import scheme
from secpipe.keys.schemes.classical import spki_pem
from secpipe.keys.successor import Successor, endorse
from secpipe.keys.tufkey import TufKey, message
from secpipe.keys.wire import canonical
from secpipe.sign import statement as statements
from secpipe.sign.bundle import encode
from secpipe.sign.envelope import pae
from secpipe.sign.statement import Declared

SEED = "secpipe vectors 1"
HERE = Path(__file__).resolve().parent
NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
_EC = {"ecdsa-p256": (ec.SECP256R1(), hashes.SHA256()), "ecdsa-p384": (ec.SECP384R1(), hashes.SHA384())}
_PQ = {
    "ml-dsa-44": mldsa.MLDSA44PrivateKey,
    "ml-dsa-65": mldsa.MLDSA65PrivateKey,
    "ml-dsa-87": mldsa.MLDSA87PrivateKey,
}

#: What may end in a signature: a long run of base64 or hex.
_RUN = re.compile(rb"[A-Za-z0-9+/]{2000,}={0,2}")


def day(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


class Pool:
    """ML-DSA as `cryptography` signs it is random; a signature that stands in the vectors already is used again."""

    def __init__(self) -> None:
        path = HERE / "signatures.json"
        self.known: dict[str, str] = json.loads(path.read_text()) if path.is_file() else {}
        self.used: dict[str, bytes] = {}

    def sign(self, key: Key, data: bytes) -> bytes:
        name = sha256(key.public.keyid.encode() + data)[:32]
        if name not in self.used:
            self.used[name] = self._kept(key, name, data) or key.private.sign(data)
        return self.used[name]

    def _kept(self, key: Key, name: str, data: bytes) -> bytes | None:
        try:
            signature = self._read(self.known[name])
            scheme.get(key.public.algorithm).verify(key.public.pem, signature, data)
        except (KeyError, OSError, ValueError, TrustError):
            return None
        return signature

    def _read(self, place: str) -> bytes:
        file, at, size, how = place.split(":")
        if how == "inline":
            return base64.b64decode(file)
        text = (HERE / file).read_bytes()[int(at) : int(at) + int(size)].decode("ascii")
        return bytes.fromhex(text) if how == "hex" else base64.b64decode(text)

    def places(self, files: Mapping[str, bytes]) -> dict[str, str]:
        """Return where each signature that was used stands; what stands nowhere whole is kept itself."""
        ends = {run[0][-40:]: (path, run) for path, data in files.items() for run in _RUN.finditer(data)}
        found = {}
        for name, signature in sorted(self.used.items()):
            found[name] = f"{b64(signature)}:0:0:inline"
            for how, text in (("b64", b64(signature).encode()), ("hex", signature.hex().encode())):
                path, run = ends.get(text[-40:], ("", None))
                if run and run[0].endswith(text):
                    found[name] = f"{path}:{run.end() - len(text)}:{len(text)}:{how}"
        return found


POOL = Pool()


@dataclass(frozen=True)
class Key:
    """One half with its private part; implements `core.protocols.Signer`."""

    public: PublicHalf
    private: Any

    @property
    def algorithm(self) -> str:
        return self.public.algorithm

    @property
    def keyid(self) -> str:
        return self.public.keyid

    def sign(self, data: bytes) -> bytes:
        if self.algorithm in _EC:
            return self.private.sign(data, ec.ECDSA(_EC[self.algorithm][1], deterministic_signing=True))
        return self.private.sign(data) if self.algorithm == "ed25519" else POOL.sign(self, data)


@cache
def key(name: str, algorithm: str) -> Key:
    """Return the key that a name stands for, always the same."""
    seed = hashlib.sha512(f"{SEED}/{name}/{algorithm}".encode()).digest()
    private: Any
    if algorithm in _EC:
        private = ec.derive_private_key(int.from_bytes(seed[:31], "big"), _EC[algorithm][0])
    elif algorithm == "ed25519":
        private = ed25519.Ed25519PrivateKey.from_private_bytes(seed[:32])
    else:
        private = _PQ[algorithm].from_seed_bytes(seed[:32])
    return Key(PublicHalf(algorithm, scheme.get(algorithm).half, spki_pem(private.public_key())), private)


def pair(name: str, *algorithms: str) -> tuple[Key, ...]:
    return tuple(key(name, algorithm) for algorithm in algorithms or ("ecdsa-p256", "ml-dsa-65"))


def version(number: int, keys: Sequence[Key], **dates: datetime) -> KeyVersion:
    window = {"not_before": day("2026-01-01"), "sign_until": day("2027-01-01")} | dates
    return KeyVersion(number, tuple(one.public for one in keys), **window)


# -- trust ------------------------------------------------------------------------------------------------------------

SMALL = ("ed25519", "ml-dsa-44")


def holders(names: Iterable[str], people: int, algorithms: Sequence[str] = SMALL) -> tuple[Quorum, list[Key]]:
    """Return the quorum of some people, and all their keys."""
    pairs = [(name, pair(f"holder/{name}", *algorithms)) for name in names]
    tuf = tuple(tuple(TufKey(one.public, name) for one in keys) for name, keys in pairs)
    return Quorum(tuf, people), [one for _, keys in pairs for one in keys]


def sealed(signed: Mapping[str, Any], keys: Iterable[Key]) -> bytes:
    """Return a metadata file signed by these keys."""
    payload = canonical(dict(signed))
    made = {TufKey(one.public, "").keyid: one.sign(message(one.algorithm, payload)) for one in keys}
    return write_envelope(dict(signed), made)


@dataclass(frozen=True)
class Trust:
    """Everything that a trust bundle is made of; tests of the rules change one thing and build."""

    roots: tuple[bytes, ...]
    ring: bytes
    documents: Mapping[str, bytes]
    rotation: bytes | None = None
    snapshot: bytes | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)

    @property
    def pin(self) -> str:
        return f"sha256:{sha256(self.roots[-1])}"

    def bundle(self) -> bytes:
        document: dict[str, Any] = {
            "schema": "secpipe.trust-bundle/1",
            "roots": [one.decode() for one in self.roots],
            "ring": self.ring.decode(),
            **({"rotation": self.rotation.decode()} if self.rotation else {}),
            "targets": {path: data.decode() for path, data in sorted(self.documents.items())},
            **({"snapshot": self.snapshot.decode()} if self.snapshot else {}),
        }
        return json.dumps(document | dict(self.extra), indent=1, ensure_ascii=False).encode() + b"\n"


ISSUED, EXPIRES = day("2026-06-01"), day("2027-06-01")
ROTATORS = tuple(TufKey(one.public, "automation") for one in pair("rotation", *SMALL))
ROTATION_KEYS = list(pair("rotation", *SMALL))


def root(number: int = 1, names: Sequence[str] = ("alice",), people: int = 1, **options: Any) -> dict[str, Any]:
    """Return the unsigned root `number`."""
    quorum, _ = holders(names, people)
    dates = (options.get("issued", ISSUED), options.get("expires", EXPIRES))
    return root_fields(number, *dates, quorum, options.get("authorities", ()))


def keys_of(*names: str) -> list[Key]:
    return holders(names, 1)[1]


def delegation(keys: Sequence[TufKey] = ROTATORS, **changes: Any) -> Delegation:
    base = Delegation(Quorum((tuple(keys),), 1), ("ecdsa-p256+ml-dsa-44", "ecdsa-p256+ml-dsa-65"), 120, 60)
    return replace(base, **changes)


def ring(
    identities: Sequence[Identity], number: int = 1, history: Sequence[str] = (), **options: Any
) -> tuple[dict[str, Any], dict[str, bytes]]:
    """Return the unsigned ring, and its target files."""
    documents = {one.name: identity_document(one) for one in identities}
    signed = ring_fields(
        number, options.get("issued", ISSUED), options.get("expires", EXPIRES), options.get("fresh", EXPIRES),
        history, options.get("delegation", delegation()), documents, options.get("epoch", 0),
    )  # fmt: skip
    return signed, {f"{name}.json": data for name, data in documents.items()}


def simple(identities: Sequence[Identity], authorities: Sequence[TimeAuthority] = (), **options: Any) -> Trust:
    """Return the trust of alice over some identities."""
    signed, documents = ring(identities, **options)
    first = sealed(root(authorities=authorities), keys_of("alice"))
    return Trust((first,), sealed(signed, keys_of("alice")), documents)


def successor(
    identity: Identity,
    number: int,
    keys: Sequence[Key],
    old: Sequence[Key],
    anchor: str,
    issued: datetime,
    **options: Any,
) -> Successor:
    """Return version `number` of an identity, endorsed by `old`."""
    begin = options.get("not_before", issued + timedelta(days=14))
    made = version(number, keys, not_before=begin, sign_until=options.get("sign_until", begin + timedelta(days=90)))
    return endorse(identity.name, made, issued, anchor, options.get("after", identity.versions[-1]), old, keys)


def rotation(
    number: int, history: Sequence[str], successors: Sequence[Successor], suspended: Sequence[Suspension] = (),
    issued: datetime = day("2026-11-01"), expires: datetime = day("2026-12-15"),
) -> tuple[dict[str, Any], dict[str, bytes]]:  # fmt: skip
    """Return the unsigned rotation, and its target files."""
    signed = rotation_fields(number, issued, expires, history, successors, suspended)
    return signed, {f"{one.identity}/{one.version.version}.json": one.document() for one in successors}


def anchor_of(data: bytes) -> str:
    return parse_root(data, "the root").envelope.digest


# -- signatures -------------------------------------------------------------------------------------------------------


def declared(keys: Iterable[Key]) -> list[dict[str, str]]:
    return [{"alg": one.algorithm, "keyid": one.keyid} for one in keys]


def document(
    keys: Iterable[Key], name: str, digest: Mapping[str, str], uri: str = "https://secpipe.dev/file/v1",
    predicate: Mapping[str, Any] | None = None, **annotations: Any,
) -> dict[str, Any]:  # fmt: skip
    """Return a statement as JSON values, to change before it is signed."""
    hybrid = {"mode": "all-of", "halves": declared(keys)}
    known = {"version": statements.VERSION, "kind": statements.KIND, "made": statements.MADE}
    notes = {statements.HYBRID: hybrid} | {known[what]: value for what, value in annotations.items()}
    return {
        "_type": statements.TYPE,
        "predicateType": uri,
        "subject": [{"name": name, "digest": dict(digest), "annotations": notes}],
        "predicate": dict(predicate or {}),
    }


def dumps(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def signed(payload: bytes | Mapping[str, Any], one: Key, tokens: Sequence[bytes] = ()) -> bytes:
    """Return the bundle of one half over a payload."""
    data = payload if isinstance(payload, bytes) else dumps(payload)
    return encode(data, one.sign(pae(data)), one.keyid, tokens)


def twins(payload: bytes | Mapping[str, Any], keys: Sequence[Key], tokens: Sequence[bytes] = ()) -> list[bytes]:
    """Return the bundles of a key version's halves, classical first."""
    return [signed(payload, one, tokens) for one in keys]


#: Everything that a builder signs; one who gives verdicts may sign nothing else.
BUILDS = (
    "model", "skill", "plugin", "file", "dataset", "prompt", "sbom", "policy", "waiver", "advisories", "provenance", "image",
)  # fmt: skip


def person(name: str, *versions: KeyVersion, purposes: Sequence[str] = BUILDS, **authority: Sequence[str]) -> Identity:
    scope = Authority(tuple(purposes), **{what: tuple(globs) for what, globs in authority.items()})
    return Identity(name, scope, versions, "alice")


__all__ = [name for name in dir() if not name.startswith("_") and name != "annotations"] + ["Declared"]
