"""Keyless Sigstore signatures by a workload's OIDC identity, verified offline. The only importer of `sigstore`.

Classical only: an ephemeral key cannot be declared in the ring beforehand, so there is no post-quantum half yet. A
second, ring-held half over the same payload would go through `sign.sign_payload` (docs/spec/hybrid-bundle.md).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from secpipe.core.artifact import FileEntry
from secpipe.core.documents import parse_json
from secpipe.core.errors import ConfigError, InputError, MissingDependency, SecpipeError
from secpipe.core.evidence import Evidence
from secpipe.core.finding import Finding
from secpipe.core.limits import DEFAULT
from secpipe.core.protocols import Tree
from secpipe.core.text import printable
from secpipe.sign import manifest as manifests
from secpipe.sign import predicates
from secpipe.sign.envelope import PAYLOAD_TYPE
from secpipe.sign.legacy import check_statement, evidence_of
from secpipe.sign.refusal import INVALID, Refused
from secpipe.system.files import read_bytes, write_atomic

SUFFIX = ".sigstore.json"


def verify_keyless(
    path: Path,
    tree: Tree,
    *,
    identity: str,
    issuer: str,
    bundle: Path | None = None,
    trusted_root: Path | None = None,
    ignore: tuple[str, ...] = (),
) -> Evidence:
    """Verify a Sigstore bundle by the identity in its certificate; never touches the network.

    `trusted_root` is a trusted root or a client trust config (JSON); without it, the root that the `sigstore` package
    carries. Both `identity` and `issuer` are mandatory: an identity means nothing without who vouched for it.
    """
    if not identity or not issuer:
        raise ConfigError("a keyless signature is verified by identity and issuer", hint="--identity WHO --issuer URL")
    source = bundle or bundle_path(path)

    def judge() -> tuple[dict[str, Any], tuple[FileEntry, ...], tuple[Finding, ...]]:
        sigstore = _sigstore()
        data = read_bytes(source, DEFAULT.document_bytes)
        parsed = sigstore.Bundle.from_json(data)
        verifier = sigstore.Verifier(trusted_root=_root(sigstore, trusted_root))
        policy = sigstore.Identity(identity=identity, issuer=issuer)
        if "dsseEnvelope" in parse_json(data, source.name):
            kind, payload = verifier.verify_dsse(parsed, policy)
            if kind != PAYLOAD_TYPE:
                raise Refused(INVALID, "the payload is not an in-toto statement")
            return check_statement(payload, tree, directory=path.is_dir(), ignore=ignore)
        if path.is_dir():
            raise Refused(INVALID, "a directory needs an OMS model signature")
        entry = tree.files[0]
        digest = sigstore.Hashed(algorithm=sigstore.SHA2_256, digest=bytes.fromhex(entry.sha256))
        verifier.verify_artifact(digest, parsed, policy)
        return {"name": printable(path.name), "digest": entry.sha256}, (entry,), ()

    return evidence_of(path, judge, {"identity": identity, "issuer": issuer, "halves": ["sigstore-keyless"]})


def sign_keyless(
    path: Path, tree: Tree, *, trust_config: Path | None = None, token: str = "", output: Path | None = None
) -> Path:
    """Sign with the ambient OIDC identity (or `token`) through the instance of `trust_config`; return the bundle.

    Uses the network: the certificate authority, the log and the timestamp authority that the config names.
    """
    sigstore = _sigstore()
    target = bundle_path(path, output)
    try:
        config = sigstore.ClientTrustConfig
        chosen = config.from_json(_text(trust_config)) if trust_config else config.production()
        credential = token or sigstore.detect_credential()
        if not credential:
            raise ConfigError(
                "there is no OIDC identity here", hint="run in CI with id-token: write, or give --identity-token-file"
            )
        with sigstore.SigningContext.from_trust_config(chosen).signer(sigstore.IdentityToken(credential)) as signer:
            signed = signer.sign_dsse(_statement(sigstore, path, tree))
    except SecpipeError:
        raise
    except Exception as error:  # the token may stand in an error's text: only the type is told
        raise SecpipeError(f"keyless signing failed: {type(error).__name__}") from None
    write_atomic(target, signed.to_json().encode() + b"\n")
    return target


def bundle_path(path: Path, folder: Path | None = None) -> Path:
    """Return where the keyless bundle stands: beside the artifact, never inside a directory."""
    base = path.resolve()
    return (folder or base.parent) / (base.name + SUFFIX)


def _statement(sigstore: Any, path: Path, tree: Tree) -> Any:
    if path.is_dir():
        manifest = manifests.of_tree(tree, "")
        digests: Mapping[str, str] = {"sha256": manifest.root_digest}  # the package knows no dirHash
        kind, body = predicates.MODEL, manifest.predicate()
    else:
        digests, kind, body = {"sha256": tree.files[0].sha256}, predicates.by_purpose("file").uri, {}
    subject = {"name": path.resolve().name, "digest": dict(digests)}
    document = {
        "_type": "https://in-toto.io/Statement/v1", "subject": [subject], "predicateType": kind, "predicate": body,
    }  # fmt: skip
    return sigstore.Statement(json.dumps(document, sort_keys=True, separators=(",", ":")).encode())


def _root(sigstore: Any, path: Path | None) -> Any:
    if path is None:
        return sigstore.ClientTrustConfig.production(offline=True).trusted_root
    text = _text(path)
    if "clienttrustconfig" in text[:4096].lower():
        return sigstore.ClientTrustConfig.from_json(text).trusted_root
    return sigstore.TrustedRoot.from_file(str(path))


def _text(path: Path) -> str:
    try:
        return read_bytes(path, DEFAULT.text_bytes).decode("utf-8")
    except UnicodeDecodeError:
        raise InputError(f"{printable(str(path))} is not UTF-8") from None


def _sigstore() -> Any:
    """Return what is used of the package, by name; raises MissingDependency."""
    import logging
    from types import SimpleNamespace

    try:
        from sigstore.dsse import Statement
        from sigstore.hashes import Hashed
        from sigstore.models import Bundle, ClientTrustConfig, TrustedRoot
        from sigstore.oidc import IdentityToken, detect_credential
        from sigstore.sign import SigningContext
        from sigstore.verify import Verifier
        from sigstore.verify.policy import Identity
        from sigstore_models.common.v1 import HashAlgorithm
    except ImportError:
        raise MissingDependency(
            "keyless signatures need the package sigstore", hint="pip install 'secpipe[sigstore]'"
        ) from None
    logging.getLogger("sigstore").addHandler(logging.NullHandler())  # its warnings belong to no one's terminal
    return SimpleNamespace(
        Statement=Statement, Hashed=Hashed, Bundle=Bundle, ClientTrustConfig=ClientTrustConfig, TrustedRoot=TrustedRoot,
        IdentityToken=IdentityToken, detect_credential=detect_credential, SigningContext=SigningContext,
        Verifier=Verifier, Identity=Identity, SHA2_256=HashAlgorithm.SHA2_256,
    )  # fmt: skip
