"""RFC 3161: asking a time authority, and believing only the pinned ones. The only importer of `rfc3161_client`."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from secpipe.core import times
from secpipe.core.errors import InputError, MissingDependency, NetworkError
from secpipe.core.limits import MIB
from secpipe.core.trust import TimeAuthority
from secpipe.sign.refusal import INVALID, Refused
from secpipe.system import net

_HASHES = {
    "2.16.840.1.101.3.4.2.1": "sha256",
    "2.16.840.1.101.3.4.2.2": "sha384",
    "2.16.840.1.101.3.4.2.3": "sha512",
}
_ANSWER_BYTES = 64 * 1024
_SKEW = timedelta(minutes=5)  # a verifier's clock may run a little behind the authority's

Proof = tuple[datetime, timedelta]  # time of existence, uncertainty


def request(url: str, signature: bytes) -> bytes:
    """Return the authority's answer (DER TimeStampResp) over `signature`.

    Raises NetworkError, or InputError where the answer is not over these bytes.
    """
    client = _client()
    query = client.TimestampRequestBuilder().data(signature).hash_algorithm(client.HashAlgorithm.SHA256).build()
    answer = net.fetch(url, data=query.as_bytes(), content_type="application/timestamp-query", limit=MIB, timeout=30.0)
    response = _decode(client, answer)
    if response.status != 0:
        raise NetworkError(f"{url} refused the timestamp (status {response.status})")
    if response.tst_info.nonce != query.nonce or not _covers(response, signature):
        raise InputError(f"{url} answered with a timestamp over something else")
    return answer


def earliest(
    answers: Sequence[bytes], signature: bytes, authorities: Sequence[TimeAuthority], now: datetime
) -> Proof | None:
    """Return the earliest time at which a pinned authority saw `signature`, or None.

    An answer by an authority that is not pinned proves nothing and is passed over. One over other bytes was put there
    by somebody: raises Refused.
    """
    client = _client()
    proofs = []
    for answer in answers:
        try:
            response = _decode(client, answer)
        except InputError as error:
            raise Refused(INVALID, error.message) from error
        if not _covers(response, signature):
            raise Refused(INVALID, "a timestamp was made over other bytes than this signature")
        when: datetime = response.tst_info.gen_time
        when = when.astimezone(UTC) if when.tzinfo else when.replace(tzinfo=UTC)
        if when > now + _SKEW or not any(_holds(client, response, signature, each) for each in authorities):
            continue
        proofs.append((when, _accuracy(response)))
    return min(proofs) if proofs else None


def check_pin(pem: bytes, now: datetime) -> datetime:
    """Return until when the certificates of an authority that is to be pinned last: the first that ends.

    Raises InputError for what could never prove a time: no root among them, or one that is not valid now.
    """
    from cryptography import x509

    try:
        found = x509.load_pem_x509_certificates(pem)
    except ValueError:
        raise InputError("the time authority's file is not a PEM of certificates") from None
    for certificate in found:
        if not certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc:
            ends = times.rfc3339(certificate.not_valid_after_utc)
            raise InputError(f"a certificate of the time authority is not valid now: it ends on {ends}")
    if not any(certificate.issuer == certificate.subject for certificate in found):
        raise InputError(
            "a signing certificate alone proves no time: its chain ends nowhere",
            hint="put the root certificate of the authority (and those between) into the same file",
        )
    return min(certificate.not_valid_after_utc for certificate in found)


def _holds(client: Any, response: Any, signature: bytes, authority: TimeAuthority) -> bool:
    """Whether `authority` made the answer; anything that goes wrong means no."""
    from cryptography import x509

    try:
        builder = client.VerifierBuilder()
        for certificate in x509.load_pem_x509_certificates(authority.pem.encode("ascii")):
            if certificate.issuer == certificate.subject:
                builder = builder.add_root_certificate(certificate)
            elif _is_ca(certificate):
                builder = builder.add_intermediate_certificate(certificate)
            else:
                builder = builder.tsa_certificate(certificate)
        return bool(builder.build().verify_message(response, signature))
    except Exception:  # a verification that raises anything is no verification
        return False


def _is_ca(certificate: Any) -> bool:
    from cryptography import x509

    try:
        return bool(certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca)
    except x509.ExtensionNotFound:
        return False


def _covers(response: Any, signature: bytes) -> bool:
    try:
        imprint = response.tst_info.message_imprint
        name = _HASHES.get(imprint.hash_algorithm.dotted_string)
        return name is not None and imprint.message == hashlib.new(name, signature).digest()
    except ValueError:
        return False


def _accuracy(response: Any) -> timedelta:
    stated = response.tst_info.accuracy
    if stated is None:
        return timedelta(seconds=1)
    return timedelta(seconds=stated.seconds or 0, milliseconds=stated.millis or 0, microseconds=stated.micros or 0)


def _decode(client: Any, answer: bytes) -> Any:
    if len(answer) > _ANSWER_BYTES:
        raise InputError(f"a timestamp of {len(answer):,} bytes")
    try:
        return client.decode_timestamp_response(answer)
    except ValueError:
        raise InputError("a timestamp cannot be read") from None


def _client() -> Any:
    try:
        import rfc3161_client
    except ImportError:
        raise MissingDependency(
            "timestamps need the package rfc3161-client", hint="pip install 'secpipe[timestamps]'"
        ) from None
    return rfc3161_client
