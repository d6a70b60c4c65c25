"""Bundles others wrote: Sigstore's conformance cases and OMS, verified offline, no negative accepted."""

from __future__ import annotations

import socket
from datetime import UTC, datetime
from pathlib import Path

import pytest

from secpipe.core.errors import SecpipeError
from secpipe.core.evidence import Evidence, State
from secpipe.sign.keyless import verify_keyless
from secpipe.sign.legacy import verify_legacy
from secpipe.system.tree import single
from tests import skips

VECTORS = skips.vectors()
CASES = sorted(path for path in (VECTORS / "sigstore-bundles").glob("*/")) if VECTORS.is_dir() else []
IDENTITY = (
    "https://github.com/sigstore-conformance/extremely-dangerous-public-oidc-beacon"
    "/.github/workflows/extremely-dangerous-oidc-beacon.yml@refs/heads/main"
)
ISSUER = "https://token.actions.githubusercontent.com"

#: Valid bundles we refuse, and why: both refusals come from the `sigstore` package.
MISSES = {
    "intoto-with-custom-trust-root": "log entries of the retired type intoto carry no integrated time it accepts",
    "trust-root-tsa-validity-end-inclusive": "it reads the end of a time authority's validity as exclusive",
}

pytestmark = pytest.mark.interop


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: object, **kwargs: object) -> None:
        raise AssertionError("verification touched the network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


def judge(case: Path) -> Evidence:
    artifact = case / "artifact" if (case / "artifact").exists() else case.parent / "a.txt"
    bundle = case / "bundle.sigstore.json"
    if (case / "key.pub").exists():
        key = (case / "key.pub").read_bytes()
        now = datetime.now(UTC)
        return verify_legacy(artifact, single(artifact), key, reason="conformance", bundle=bundle, now=now)
    skips.module("sigstore")
    told = {name: (case / name).read_text().strip() for name in ("identity", "issuer") if (case / name).exists()}
    root = case / "trusted_root.json"
    return verify_keyless(
        artifact, single(artifact), identity=told.get("identity", IDENTITY), issuer=told.get("issuer", ISSUER),
        bundle=bundle, trusted_root=root if root.exists() else None,
    )  # fmt: skip


@skips.unless_possible(CASES, "the Sigstore vectors are not here (SECPIPE_VECTORS)")
def test_all_cases_are_here() -> None:
    assert len(CASES) == 70


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_sigstore_case(case: Path) -> None:
    evidence = judge(case)
    if case.name.endswith("_fail") or case.name in MISSES:
        assert evidence.state is State.FAILED
        assert not evidence.facts["covered"]
    else:
        assert evidence.state is State.OK, evidence.reason


OMS = sorted((VECTORS / "oms" / "test-vectors" / "v1.0").glob("*/*.json")) if VECTORS.is_dir() else []


@pytest.mark.parametrize("bundle", OMS, ids=lambda path: path.name)
def test_oms_bundles_never_verify_without_their_model(bundle: Path, tmp_path: Path) -> None:
    """The valid ones sign a model that is not in the vectors; none may verify over another, and none may crash."""
    from secpipe.system.tree import walk
    from tests.unit.sign.world import make_key

    model = tmp_path / "model"
    model.mkdir()
    (model / "signme-1").write_text("not the file")
    pem = make_key().version.halves[0].pem.encode()
    evidence = verify_legacy(model, walk(model), pem, reason="vectors", bundle=bundle, now=datetime.now(UTC))
    assert evidence.state is State.FAILED


def test_a_legacy_bundle_needs_a_reason(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("")
    with pytest.raises(SecpipeError, match="reason"):
        verify_legacy(tmp_path / "a", single(tmp_path / "a"), b"", reason=" ", now=datetime.now(UTC))
