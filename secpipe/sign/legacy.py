"""Classical bundles by other tools (model_signing, cosign), against one public key the user names and a stated reason.

Nothing here satisfies a hybrid floor; the evidence says so, and only `--allow-legacy REASON` leads here.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, utils

from secpipe.core.artifact import FileEntry
from secpipe.core.documents import parse_json
from secpipe.core.errors import ConfigError, InputError, MissingDependency, NetworkError, SecpipeError
from secpipe.core.evidence import Evidence, State
from secpipe.core.finding import Finding
from secpipe.core.limits import DEFAULT, MIB
from secpipe.core.protocols import Tree
from secpipe.core.shape import mapping
from secpipe.core.text import printable
from secpipe.core.version import __version__
from secpipe.keys.schemes.classical import load_spki
from secpipe.keys.wire import unb64
from secpipe.sign import compare, predicates
from secpipe.sign import statement as statements
from secpipe.sign.envelope import PAYLOAD_TYPE, pae
from secpipe.sign.establish import Demand
from secpipe.sign.manifest import oms_root
from secpipe.sign.refusal import CHANGED, INVALID, Refused, finding
from secpipe.sign.sidecars import twins
from secpipe.sign.statement import Statement
from secpipe.system.files import read_bytes

#: Digests by which a subject of another tool may name a file.
_HASHES = {"sha256", "sha384", "sha512"}
#: What model_signing leaves out by itself; accepted in a list of ignored paths, never as something that stands there.
_GIT = (".git", ".gitattributes", ".github", ".gitignore")


def verify_legacy(
    path: Path,
    tree: Tree,
    public_pem: bytes,
    *,
    reason: str,
    bundle: Path | None = None,
    ignore: tuple[str, ...] = (),
    now: datetime,
) -> Evidence:
    """Verify a classical Sigstore bundle by the key in `public_pem`; `bundle` defaults to the artifact's `.sig`.

    Accepts v0.1 to v0.3, DSSE (OMS 1.0, in-toto statements) and message signatures. Log entries are not looked at.
    """
    if not reason.strip():
        raise ConfigError("a legacy signature needs a reason", hint='--allow-legacy "vendor signs with cosign only"')
    directory = path.is_dir()
    source = bundle or twins(path, directory=directory)[0]

    def judge() -> tuple[dict[str, Any], tuple[FileEntry, ...], tuple[Finding, ...]]:
        document = parse_json(read_bytes(source, DEFAULT.document_bytes), source.name)
        key = key_of(public_pem)
        if isinstance(document, dict) and "messageSignature" in document and not directory:
            _check_message(document["messageSignature"], tree, key)
            return {"name": path.name}, tree.files[:1], ()
        payload, signature = envelope_of(document, source.name)
        check_signature(key, signature, pae(payload))
        return check_statement(payload, tree, directory=directory, ignore=ignore)

    return evidence_of(path, judge, {"legacy": printable(reason), "identity": f"key {source.name}"})


def evidence_of(path: Path | None, judge: Any, extra: Mapping[str, Any]) -> Evidence:
    """Return evidence `signatures` of what `judge()` returns or raises; whatever it raises means: not verified.

    Only a missing package or network is passed on: then nothing was decided. `path` is None for what is no file.
    """
    folder = path is not None and path.is_dir()
    shown = (path.name or str(path)) if path is not None else ""
    fact: dict[str, Any] = {
        "path": "", "kind": "model" if folder else "file", "name": printable(shown), "version": "",
        "purpose": "", "digest": "", "key_version": 0, "halves": ["classical"], "require_met": False,
        "trusted_time": None, "verified": False, **extra,
    }  # fmt: skip
    base = Evidence("signatures", State.OK, producer=f"secpipe {__version__}")
    try:
        told, covered, problems = judge()
    except (ConfigError, MissingDependency, NetworkError):
        raise
    except Exception as error:
        message = error.message if isinstance(error, SecpipeError) else f"not verified: {type(error).__name__}: {error}"
        rule = error.rule if isinstance(error, Refused) else INVALID
        found = finding(rule, printable(message, 300), "" if folder else shown, shown)
        return replace(
            base,
            state=State.FAILED,
            reason=found.message,
            findings=(found,),
            facts={"artifacts": [fact], "covered": {}},
        )
    fact |= told | {"verified": not problems}
    names = {} if problems else {entry.path: fact["identity"] for entry in covered}
    facts = {"artifacts": [fact], "covered": names}
    if problems:
        return replace(base, state=State.FAILED, reason=printable(problems[0].message), findings=problems, facts=facts)
    return replace(base, facts=facts)


def check_statement(
    payload: bytes, tree: Tree, *, directory: bool, ignore: tuple[str, ...] = ()
) -> tuple[dict[str, Any], tuple[FileEntry, ...], tuple[Finding, ...]]:
    """Compare the subject of a verified payload by another tool with the files; return facts, files, differences."""
    if not directory and mapping(parse_json(payload, "bundle: payload")).get("predicateType") != predicates.MODEL:
        return _check_file(payload, tree)
    statement = statements.decode(payload, "bundle", strict=False)
    fact = {"name": printable(statement.name), "purpose": statement.predicate_type}
    if directory:
        if statement.predicate_type != predicates.MODEL:
            raise Refused(INVALID, "a directory needs an OMS model signature")
        standing = {entry.path.split("/")[0] for entry in tree.files} | {
            skip.path for skip in (*tree.skipped, *tree.left_out)
        }
        absent = tuple(name for name in _GIT if name not in standing)
        demand = Demand(ignore=ignore + absent)
        covered, problems = compare.directory(tree, "", statement, demand, bound_names=False)
        return fact | {"digest": statement.digests["sha256"]}, covered, problems
    entry = tree.files[0]
    wanted = statement.digests["sha256"]
    if wanted != oms_root([_single_resource(statement)]) or _single_resource(statement) != entry.sha256:
        raise Refused(CHANGED, f"{printable(entry.path)} is not the file that was signed")
    return fact | {"digest": wanted}, (entry,), ()


def _check_file(payload: bytes, tree: Tree) -> tuple[dict[str, Any], tuple[FileEntry, ...], tuple[Finding, ...]]:
    """Find the file among the subjects: each digest that a subject names and we know must be the file's, and one is."""
    entry, known = tree.files[0], {"sha256": tree.files[0].sha256}
    met: list[bool] = []

    def match(digests: Mapping[str, Any]) -> bool:
        named = _HASHES & digests.keys()
        for name in named - known.keys():
            with tree.open(entry) as file:
                known[name] = hashlib.file_digest(file, name).hexdigest()  # type: ignore[arg-type]  # it has readinto
        met.append(bool(named) and all(digests[name] == known[name] for name in named))
        return met[-1]

    try:
        statement = statements.decode(payload, "bundle", strict=False, match=match)
    except InputError:
        if met and not any(met):
            raise Refused(CHANGED, f"{printable(entry.path)} is not the file that was signed") from None
        raise
    told = {"name": printable(statement.name), "purpose": statement.predicate_type, "digest": entry.sha256}
    return told, (entry,), ()


def _single_resource(statement: Statement) -> str:
    """Return the digest of the one resource of an OMS signature of a single file (its name is `.`)."""
    rows = statement.predicate.get("resources")
    if not isinstance(rows, list) or len(rows) != 1 or not isinstance(rows[0], dict) or rows[0].get("name") != ".":
        raise InputError("an OMS signature of a directory does not sign a file")
    digest = rows[0].get("digest")
    if not isinstance(digest, str) or len(digest) != 64 or rows[0].get("algorithm") != "sha256":
        raise InputError("the OMS resource has no SHA-256")
    return digest


def check_signature(key: object, signature: bytes, message: bytes) -> None:
    """Raise Refused unless `signature` holds under the user's key, by the algorithm that belongs to the key."""
    try:
        if isinstance(key, ed25519.Ed25519PublicKey):
            key.verify(signature, message)
        elif isinstance(key, ec.EllipticCurvePublicKey) and key.curve.name in _CURVES:
            key.verify(signature, message, ec.ECDSA(_CURVES[key.curve.name]))
        else:
            raise Refused(INVALID, "the key is none of P-256, P-384, P-521, Ed25519")
    except InvalidSignature:
        raise Refused(INVALID, "the signature does not hold under this key") from None


_CURVES: dict[str, hashes.HashAlgorithm] = {
    "secp256r1": hashes.SHA256(),
    "secp384r1": hashes.SHA384(),
    "secp521r1": hashes.SHA512(),
}


def _check_message(value: Any, tree: Tree, key: object) -> None:
    if not isinstance(value, dict) or not isinstance(value.get("messageDigest", {}), dict):
        raise InputError("the message signature is malformed")
    entry = tree.files[0]
    signature = unb64(value.get("signature"), "signature")
    claimed = value.get("messageDigest", {}).get("digest")
    if claimed is not None and unb64(claimed, "message digest").hex() != entry.sha256:
        raise Refused(CHANGED, f"{printable(entry.path)} is not the file that was signed")
    if isinstance(key, ec.EllipticCurvePublicKey) and key.curve.name == "secp256r1":
        try:
            key.verify(signature, bytes.fromhex(entry.sha256), ec.ECDSA(utils.Prehashed(hashes.SHA256())))
        except InvalidSignature:
            raise Refused(INVALID, "the signature does not hold under this key") from None
        return
    check_signature(key, signature, tree.read(entry, 256 * MIB))


def envelope_of(document: Any, what: str) -> tuple[bytes, bytes]:
    """Return (payload, signature) of a DSSE bundle with exactly one signature; other fields are not looked at."""
    if not isinstance(document, dict) or not isinstance(document.get("dsseEnvelope"), dict):
        raise InputError(f"{what} is no Sigstore bundle with an in-toto statement")
    media = document.get("mediaType")
    if not isinstance(media, str) or not media.startswith("application/vnd.dev.sigstore.bundle"):
        raise InputError(f"{what} is no Sigstore bundle")
    material = document.get("verificationMaterial")
    if not isinstance(material, dict) or "publicKey" not in material:
        raise InputError(f"{what} is not signed by a key")
    envelope = document["dsseEnvelope"]
    signatures = envelope.get("signatures")
    if not isinstance(signatures, list) or len(signatures) != 1 or not isinstance(signatures[0], dict):
        raise InputError(f"{what} must hold exactly one signature")
    if envelope.get("payloadType") != PAYLOAD_TYPE:
        raise InputError(f"{what}: the payload is not an in-toto statement")
    return unb64(envelope.get("payload"), "payload"), unb64(signatures[0].get("sig"), "signature")


def key_of(pem: bytes) -> object:
    """Return the public key in a PEM file; raises TrustError or InputError."""
    try:
        return load_spki(pem.decode("ascii"))
    except UnicodeDecodeError:
        raise InputError("the public key is not PEM") from None
