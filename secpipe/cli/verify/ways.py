"""The ways `secpipe verify` can be asked: by the ring, by one legacy key, keyless, or for an attestation."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from secpipe.core.errors import ConfigError
from secpipe.core.evidence import Evidence

if TYPE_CHECKING:
    from secpipe.core.trust import Trust

Check = Callable[[str], Evidence]


def way_of(options: Mapping[str, Any], now: datetime) -> Check:
    """Return what verifies one path; raises ConfigError for options that do not go together."""
    keyless, legacy = options["identity"] or options["issuer"], options["allow_legacy"] is not None
    if options["max_ring_age"] and (keyless or legacy or options["public_key"]):
        raise ConfigError("--max-ring-age is about a keyring, and this verifies without one")
    if keyless:
        return _keyless(options)
    if legacy or options["public_key"]:
        return _legacy(options, now)
    return _attestation(options, now) if options["attestation"] else _by_ring(options, now)


def _keyless(options: Mapping[str, Any]) -> Check:
    from secpipe.cli.hashed import hashed
    from secpipe.sign.keyless import verify_keyless

    root, bundle = _path(options["trusted_root"]), _path(options["bundle"])
    identity, issuer = options["identity"] or "", options["issuer"] or ""

    def check(path: str) -> Evidence:
        return verify_keyless(
            Path(path), hashed(path), identity=identity, issuer=issuer, bundle=bundle, trusted_root=root,
            ignore=options["ignore"],
        )  # fmt: skip

    return check


def _legacy(options: Mapping[str, Any], now: datetime) -> Check:
    from secpipe.cli.hashed import hashed
    from secpipe.sign.legacy import verify_legacy
    from secpipe.system.files import read_bytes

    if not options["public_key"] or not options["allow_legacy"]:
        raise ConfigError("a legacy signature needs a key and a reason", hint="--public-key FILE --allow-legacy REASON")
    pem = read_bytes(options["public_key"], 1 << 20)

    def check(path: str) -> Evidence:
        if path.startswith("oci://"):
            from secpipe.sign.oci import verify_image_legacy

            return verify_image_legacy(path, pem, reason=options["allow_legacy"])
        return verify_legacy(
            Path(path), hashed(path), pem, reason=options["allow_legacy"], bundle=_path(options["bundle"]),
            ignore=options["ignore"], now=now,
        )  # fmt: skip

    return check


def _attestation(options: Mapping[str, Any], now: datetime) -> Check:
    from secpipe.cli.hashed import hashed
    from secpipe.sign.attest import verify_attestation

    trust = _trust(options, now)
    days = options["max_age"]
    age = timedelta(days=days) if days is not None else None

    def check(path: str) -> Evidence:
        return verify_attestation(
            Path(path), hashed(path), trust, options["attestation"], require=options["require"],
            environment=options["environment"], purpose=options["purpose"], max_age=age,
            folder=_path(options["signatures"]), now=now,
        )  # fmt: skip

    return check


def _trust(options: Mapping[str, Any], now: datetime) -> Trust:
    from secpipe.api.signatures import trust_of

    return trust_of(
        options["trust"], options["trust_pin"], now, max_ring_age=options["max_ring_age"], live=options["live"]
    )  # fmt: skip


def _path(value: str | None) -> Path | None:
    return Path(value) if value else None


def _by_ring(options: Mapping[str, Any], now: datetime) -> Check:
    from secpipe.api.signatures import Demands, verified
    from secpipe.cli.hashed import hashed

    trust = _trust(options, now)
    names = ("require", "environment", "purpose", "name", "min_version", "ignore", "strict", "forget")
    demands = Demands(
        **{name: options[name] for name in names}, signatures=_path(options["signatures"]), remember=options["live"]
    )
    return lambda path: verified(path, trust, demands, now, hashed)
