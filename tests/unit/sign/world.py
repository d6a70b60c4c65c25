"""A real trust state, real keys and a signed world for the tests of signing."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from secpipe.core.evidence import Evidence
from secpipe.core.trust import Authority, Identity, KeyVersion, PublicHalf, TimeAuthority, Trust
from secpipe.keys.schemes import scheme
from secpipe.sign.sign import sign_artifact
from secpipe.sign.verify import verify_artifact, verify_tree
from secpipe.system.tree import open_tree, walk

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@dataclass(frozen=True)
class SoftSigner:
    """A Signer over a private half in memory."""

    algorithm: str
    keyid: str
    private: Any

    def sign(self, message: bytes) -> bytes:
        return self.private.sign(message)


@dataclass(frozen=True)
class HybridKey:
    version: KeyVersion
    signers: tuple[SoftSigner, ...]

    def dated(self, **dates: Any) -> HybridKey:
        return replace(self, version=replace(self.version, **dates))


def make_key(version: int = 1, pair: str = "default", **dates: Any) -> HybridKey:
    halves, signers = [], []
    for algorithm in scheme.PAIRS[pair]:
        private = scheme.get(algorithm).generate()
        half = PublicHalf(algorithm, scheme.get(algorithm).half, private.public_pem())
        halves.append(half)
        signers.append(SoftSigner(algorithm, half.keyid, private))
    window = {"not_before": at("2026-01-01"), "sign_until": at("2027-01-01")} | dates
    return HybridKey(KeyVersion(version, tuple(halves), **window), tuple(signers))


def make_identity(
    name: str, *keys: HybridKey, purposes: tuple[str, ...] = ("*",), **authority: tuple[str, ...]
) -> Identity:
    return Identity(name, Authority(purposes, **authority), tuple(key.version for key in keys))


def make_trust(*identities: Identity, authorities: tuple[TimeAuthority, ...] = (), **changes: Any) -> Trust:
    base = Trust(1, "0" * 64, at("2027-06-01"), 1, "1" * 64, at("2027-06-01"), identities, authorities, pinned=True)
    return replace(base, **changes)


class World:
    """One artifact of either form, signed by `builder`; attacks change the files and ask again."""

    def __init__(self, folder: Path, form: str) -> None:
        self.folder = folder
        self.form = form
        self.key = make_key()
        self.other = make_key()
        self.identity = make_identity("builder", self.key)
        self.trust = make_trust(self.identity, make_identity("other", self.other))
        if form == "directory":
            self.path = folder / "tiny-model"
            (self.path / "weights").mkdir(parents=True)
            (self.path / "config.json").write_text("{}")
            (self.path / "weights" / "a.safetensors").write_bytes(b"a" * 1000)
            (self.path / "weights" / "b.safetensors").write_bytes(b"b" * 1000)
            (self.path / "empty.txt").write_bytes(b"")
        else:
            self.path = folder / "prompt.txt"
            self.path.write_text("be kind")

    @property
    def classical(self) -> Path:
        return self.path / "model.sig" if self.form == "directory" else self.folder / "prompt.txt.sig"

    @property
    def pq(self) -> Path:
        return self.path / "model.pqc.sig" if self.form == "directory" else self.folder / "prompt.txt.pqc.sig"

    def sign(self, key: HybridKey | None = None, **options: Any) -> World:
        key = key or self.key
        options.setdefault("now", NOW)
        sign_artifact(self.path, open_tree(self.path), key.signers, key.version, **options)
        return self

    def again(self, **options: Any) -> World:
        """Sign afresh, whatever an attack left at the bundles' places."""
        self.classical.unlink(missing_ok=True)
        self.pq.unlink(missing_ok=True)
        return self.sign(**options)

    def verify(self, trust: Trust | None = None, **options: Any) -> Evidence:
        options.setdefault("now", NOW)
        return verify_artifact(self.path, open_tree(self.path), trust or self.trust, **options)

    def verify_tree(self, trust: Trust | None = None, **options: Any) -> Evidence:
        options.setdefault("now", NOW)
        return verify_tree(walk(self.folder), trust or self.trust, **options)

    def both(self, trust: Trust | None = None, **options: Any) -> tuple[Evidence, Evidence]:
        return self.verify(trust, **options), self.verify_tree(trust, **options)


def rules(evidence: Evidence) -> set[str]:
    return {finding.rule.removeprefix("signatures/") for finding in evidence.findings}
