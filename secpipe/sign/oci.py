"""Signatures of OCI images and artifacts: both bundles attached as OCI 1.1 referrers, as cosign 3 lays them out."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import islice, product
from typing import Any

from secpipe.core import times
from secpipe.core.documents import parse_json
from secpipe.core.errors import ConfigError, InputError, MissingDependency, NetworkError, SecpipeError
from secpipe.core.evidence import Evidence, State
from secpipe.core.limits import MIB
from secpipe.core.protocols import Signer
from secpipe.core.text import printable
from secpipe.core.trust import HalfClass, KeyVersion, Trust
from secpipe.core.version import __version__
from secpipe.formats.oci import MANIFEST
from secpipe.sign import bundle as bundles
from secpipe.sign import statement as statements
from secpipe.sign.envelope import pae
from secpipe.sign.establish import Demand, establish
from secpipe.sign.predicates import by_purpose
from secpipe.sign.refusal import CHANGED, INVALID, MISSING, WRONG_PURPOSE, Refused, finding
from secpipe.sign.registry import Reference, Registry, digest_of
from secpipe.sign.sign import Timestamper, sign_payload
from secpipe.sign.statement import Statement

_EMPTY = b"{}"
_EMPTY_TYPE = "application/vnd.oci.empty.v1+json"
_BUNDLE_BYTES = 4 * MIB
_TRIES = 16


def sign_image(
    text: str,
    signers: Sequence[Signer],
    version: KeyVersion,
    *,
    artifact_version: str = "",
    timestamper: Timestamper | None = None,
    now: datetime,
) -> tuple[str, ...]:
    """Sign `oci://host/repository@sha256:...` and return the digests of its referrers, classical first.

    The statement is the one cosign makes, with our declaration: `cosign verify --key` accepts it. Uses the network.
    """
    reference = Reference.parse(text)
    kind = by_purpose("image", "oci")
    digests = {"sha256": reference.digest.removeprefix("sha256:")}
    statement = Statement(kind.uri, reference.name, digests, {}, statements.declare(version.halves), artifact_version)
    payload = statements.encode(statement)
    Registry.open(reference).manifest(reference.digest)  # it is there, before a key is used
    pair = sign_payload(payload, signers, version, timestamper=timestamper, now=now)
    return attach(text, [data for data in pair if data is not None], kind.uri, now)


def attach(text: str, pair: Sequence[bytes], predicate_type: str, now: datetime) -> tuple[str, ...]:
    """Attach bundles to `oci://host/repository@sha256:...` and return the digests of their referrers. Uses the network.

    Whether they are about it is the caller's to know.
    """
    reference = Reference.parse(text)
    registry = Registry.open(reference)
    subject, media_type = registry.manifest(reference.digest)
    registry.put_blob(_EMPTY)
    target = {"mediaType": media_type, "size": len(subject), "digest": reference.digest}
    return tuple(_attach(registry, data, target, predicate_type, now) for data in pair)


def attached(text: str, trust: Trust) -> Iterator[dict[HalfClass, tuple[str, bytes]]]:
    """Yield what may be the two halves of a signature attached to an image, by keys of `trust`. Uses the network."""
    reference = Reference.parse(text)
    registry = Registry.open(reference)
    registry.manifest(reference.digest)
    yield from _pairs(registry, reference, trust)


def _attach(registry: Registry, data: bytes, subject: dict[str, Any], predicate_type: str, now: datetime) -> str:
    layer = registry.put_blob(data)
    manifest = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "artifactType": bundles.MEDIA_TYPE,
        "config": {"mediaType": _EMPTY_TYPE, "size": len(_EMPTY), "digest": digest_of(_EMPTY)},
        "layers": [{"mediaType": bundles.MEDIA_TYPE, "size": len(data), "digest": layer}],
        "subject": subject,
        "annotations": {
            "dev.sigstore.bundle.content": "dsse-envelope",
            "dev.sigstore.bundle.predicateType": predicate_type,
            "org.opencontainers.image.created": times.rfc3339(now),
        },
    }
    return registry.put_referrer(json.dumps(manifest).encode(), str(subject["digest"]), bundles.MEDIA_TYPE)


def verify_image(
    text: str,
    trust: Trust,
    *,
    require: str = "classical+pq",
    environment: str = "",
    min_version: str = "",
    classical_time_until: datetime | None = None,
    now: datetime,
) -> Evidence:
    """Verify the signatures attached to `oci://host/repository@sha256:...`; evidence and facts as `verify_artifact`.

    Anybody who can push may attach anything, so one complete signature by a trusted identity is enough; what belongs
    to others is passed over. Uses the network.
    """
    reference = Reference.parse(text)
    demand = Demand(require, environment, "image", "", min_version, (), classical_time_until)
    fact: dict[str, Any] = {
        "path": text, "kind": "image", "name": reference.name, "version": "", "purpose": "image", "key_version": 0,
        "digest": reference.digest.removeprefix("sha256:"), "identity": "", "halves": [], "require_met": False,
        "trusted_time": None, "verified": False,
    }  # fmt: skip
    base = Evidence("signatures", State.OK, producer=f"secpipe {__version__}")
    refusals: list[Refused] = []
    try:
        registry = Registry.open(reference)
        registry.manifest(reference.digest)
        for pair in _pairs(registry, reference, trust):
            try:
                done = establish(pair, trust, demand, now)
                statement = done.signed.statement
                if dict(statement.digests) != {"sha256": fact["digest"]}:
                    raise Refused(CHANGED, "an attached signature is of another artifact")
                if done.predicate.form != "oci":
                    raise Refused(WRONG_PURPOSE, f"a {done.predicate.purpose} signature does not sign an image")
            except Refused as refused:
                refusals.append(refused)
                continue
            fact |= {
                "identity": done.signed.identity.name, "key_version": done.signed.version.version, "verified": True,
                "halves": [half.algorithm for half, _ in done.signed.bundles], "require_met": True,
                "version": printable(statement.version),
                "trusted_time": times.rfc3339(done.trusted_time) if done.trusted_time else None,
            }  # fmt: skip
            facts = {"artifacts": [fact], "covered": {text: fact["identity"]}, "pinned": trust.pinned}
            expires = min(trust.ring_expires, trust.root_expires)
            if now > expires:
                return replace(base, state=State.STALE, reason="the trust state expired", since=expires, facts=facts)
            return replace(base, facts=facts)
    except (ConfigError, MissingDependency, NetworkError):
        raise
    except SecpipeError as error:
        refusals.insert(0, Refused(INVALID, error.message, hint=error.hint))
    except Exception as error:
        refusals.insert(0, Refused(INVALID, f"not verified: {type(error).__name__}"))
    why = (
        refusals[0]
        if refusals
        else Refused(MISSING, "there is no hybrid signature attached", hint="secpipe sign oci://...")
    )
    problem = finding(why.rule, printable(why.message), text, reference.name, why.hint)
    facts = {"artifacts": [fact], "covered": {}}
    return replace(base, state=State.FAILED, reason=problem.message, findings=(problem,), facts=facts)


def verify_image_legacy(text: str, public_pem: bytes, *, reason: str) -> Evidence:
    """Verify what `cosign sign --key` attached, by the key in `public_pem`, for a stated reason. Uses the network."""
    from secpipe.sign.legacy import check_signature, envelope_of, evidence_of, key_of

    reference = Reference.parse(text)
    if not reason.strip():
        raise ConfigError("a legacy signature needs a reason", hint='--allow-legacy "signed by the vendor with cosign"')

    def judge() -> tuple[dict[str, Any], tuple[Any, ...], tuple[Any, ...]]:
        registry = Registry.open(reference)
        registry.manifest(reference.digest)
        key = key_of(public_pem)
        why: Refused | None = None
        for data in _attached(registry, reference):
            try:
                payload, signature = envelope_of(parse_json(data, "attached bundle"), "attached bundle")
                check_signature(key, signature, pae(payload))
                statement = statements.decode(payload, "attached bundle", strict=False)
                if statement.digests["sha256"] == reference.digest.removeprefix("sha256:"):
                    return {"digest": statement.digests["sha256"], "purpose": "image"}, (), ()
            except (InputError, Refused) as error:
                why = error if isinstance(error, Refused) else why
        raise why or Refused(MISSING, "no signature by this key is attached")

    extra = {"path": text, "kind": "image", "name": reference.name, "legacy": printable(reason), "identity": "key"}
    return evidence_of(None, judge, extra)


def _pairs(registry: Registry, reference: Reference, trust: Trust) -> Iterator[dict[HalfClass, tuple[str, bytes]]]:
    """Yield what may be the two halves of one signature: attached bundles over one payload, by classes of their keys.

    Copies of a half are tried one by one, so that a broken one attached by somebody else hides nothing.
    """
    groups: dict[bytes, dict[HalfClass, list[tuple[str, bytes]]]] = {}
    for data in _attached(registry, reference):
        try:
            half = bundles.decode(data, "attached bundle")
        except InputError:
            continue  # not one of ours
        known = trust.find(half.hint)
        if known is not None:
            name = f"the {known[2].half} bundle attached to {reference.digest[:19]}…"
            groups.setdefault(half.payload, {}).setdefault(known[2].half, []).append((name, data))
    for group in groups.values():
        yield from islice((dict(zip(group, halves, strict=True)) for halves in product(*group.values())), _TRIES)


def _attached(registry: Registry, reference: Reference) -> Iterator[bytes]:
    for digest in registry.referrers(reference.digest):
        try:
            manifest = bundles_manifest(registry.manifest(digest)[0])
            if manifest["subject"] == reference.digest:
                yield registry.blob(manifest["layer"], _BUNDLE_BYTES)
        except InputError:
            continue  # attached by somebody else, for another purpose


def bundles_manifest(data: bytes) -> dict[str, str]:
    """Return the subject and the one layer of a manifest that attaches a bundle; raises InputError for any other."""
    manifest = parse_json(data, "attached manifest")
    try:
        subject, (layer,) = manifest["subject"]["digest"], manifest["layers"]
        if layer["mediaType"] != bundles.MEDIA_TYPE:
            raise InputError("this attaches no bundle")
        return {"subject": str(subject), "layer": str(layer["digest"])}
    except (KeyError, TypeError, ValueError):
        raise InputError("this attaches no bundle") from None
