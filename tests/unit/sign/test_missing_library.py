"""A signature that no library here can verify is undecided, never bad; a library that dies kills nobody."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from secpipe.api.findings import exit_code
from secpipe.core.errors import MissingDependency, SecpipeError
from secpipe.core.evidence import State
from secpipe.core.trust import HalfClass, KeyVersion, PublicHalf
from secpipe.keys.schemes import libcrypto, liboqs, raw, scheme
from secpipe.keystore import backends
from secpipe.sign import bundle, statement
from secpipe.sign.attest import attestation_paths, verify_attestation
from secpipe.sign.envelope import pae
from secpipe.sign.sidecars import twins
from secpipe.system.process import in_child
from secpipe.system.tree import open_tree
from tests import skips
from tests.unit.sign.world import NOW, World, at, make_identity, make_trust

PQ = "slh-dsa-sha2-128f"


@pytest.fixture
def unable(monkeypatch: pytest.MonkeyPatch) -> None:
    def none(*args: object) -> Any:
        raise MissingDependency("nothing here can do it")

    monkeypatch.setattr(raw, "library", none)


def signed(world: World, *, broken: bool = False, attestation: bool = False) -> Any:
    """Sign by hand with a key whose post-quantum half no library here knows; return the trust."""
    private = scheme.get("ecdsa-p256").generate()
    halves = (
        PublicHalf("ecdsa-p256", HalfClass.CLASSICAL, private.public_pem()),
        PublicHalf(PQ, HalfClass.PQ, raw.RAW[PQ].write_public(bytes(32))),
    )
    version = KeyVersion(1, halves, at("2026-01-01"), at("2027-01-01"))
    digests = {"sha256": open_tree(world.path).files[0].sha256}
    said, body, where = "https://secpipe.dev/file/v1", {}, twins(world.path, directory=False)
    told: dict[str, Any] = {}
    if attestation:
        said, where = "https://in-toto.io/attestation/test-result/v0.1", attestation_paths(world.path, "bias")
        body, told = {"result": "PASSED", "configuration": []}, {"kind": "bias", "made": NOW}
    payload = statement.encode(
        statement.Statement(said, world.path.name, digests, body, statement.declare(halves), **told)
    )
    signatures = (private.sign(pae(payload) + b"!" * broken), bytes(17088))
    for place, half, signature in zip(where, halves, signatures, strict=True):
        place.write_bytes(bundle.encode(payload, signature, half.keyid))
    key = type("Key", (), {"version": version})
    return make_trust(make_identity("builder", key))  # type: ignore[arg-type]


def test_it_is_undecided(make_world: Any, unable: None) -> None:
    world = make_world("file")
    trust = signed(world)
    for evidence in world.both(trust):
        assert evidence.state is State.SKIPPED
        assert "nothing here can do it" in evidence.reason
        assert evidence.facts["covered"] == {}
        assert exit_code(evidence) == 3
    signed(world, attestation=True)
    trust = signed(world, attestation=True)
    evidence = verify_attestation(world.path, open_tree(world.path), trust, "bias", now=NOW)
    assert evidence.state is State.SKIPPED


def test_what_is_known_to_be_bad_stays_bad(make_world: Any, unable: None) -> None:
    world = make_world("file")
    trust = signed(world, broken=True)
    assert [evidence.state for evidence in world.both(trust)] == [State.FAILED, State.FAILED]


def test_a_child_may_die() -> None:
    assert in_child(lambda: b"x" * 100_000) == b"x" * 100_000
    with pytest.raises(SecpipeError, match="signal 6"):
        in_child(os.abort)  # type: ignore[arg-type]
    with pytest.raises(SecpipeError, match="cannot be asked"):
        in_child(lambda: 1 / 0)  # type: ignore[arg-type,return-value]
    with pytest.raises(SecpipeError, match="signal 9"):
        in_child(lambda: time.sleep(30) or b"", seconds=0.2)  # type: ignore[func-returns-value]


LIBRARIES = {
    "aborts": "#include <stdlib.h>\n__attribute__((constructor)) static void die(void) { abort(); }\n",
    "aborts when asked": '#include <stdlib.h>\nconst char *OQS_version(void) { abort(); return ""; }\n',
    "lacks all symbols but one": 'const char *OQS_version(void) { return "0.16.0"; }\n',
    "lacks every symbol": "int nothing;\n",
}


@pytest.mark.parametrize("source", LIBRARIES.values(), ids=LIBRARIES)
def test_a_broken_liboqs_is_said(source: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    compiler = shutil.which("cc") or shutil.which("gcc") or skips.missing("no C compiler")
    (tmp_path / "lib").mkdir()
    (tmp_path / "x.c").write_text(source)
    subprocess.run([compiler, "-shared", "-fPIC", "-o", tmp_path / "lib/liboqs.so", tmp_path / "x.c"], check=True)
    monkeypatch.setenv("OQS_INSTALL_PATH", str(tmp_path))
    for cached in (liboqs._find, liboqs._module, libcrypto._open, backends.asked):
        cached.cache_clear()
    try:
        found = {one.backend.name: one for one in backends.asked()}
        assert not found["liboqs"].backend.usable
        assert all(found["liboqs"].algorithms.values())
        assert "liboqs: " in backends.unable("falcon-512")
    finally:
        for cached in (liboqs._find, liboqs._module, libcrypto._open, backends.asked):
            cached.cache_clear()


def test_the_core_needs_nobody() -> None:
    assert backends.unable("ml-dsa-65") == ""
