"""Keyless signing: what is put before the instance, and what is refused before anything is asked."""

from __future__ import annotations

import json
from typing import Any

import pytest

from secpipe.core.errors import ConfigError
from secpipe.core.evidence import State
from secpipe.sign import keyless
from secpipe.sign.envelope import PAYLOAD_TYPE
from secpipe.sign.legacy import check_statement
from secpipe.system.tree import open_tree
from tests import skips
from tests.unit.sign.world import World

skips.module("sigstore")


def test_the_statement_is_one_that_the_package_accepts_and_we_verify(world: World) -> None:
    """The payload is built by the real package's own Statement, and compared with the files as a verifier does."""
    from sigstore import dsse

    tree = open_tree(world.path)
    statement = keyless._statement(keyless._sigstore(), world.path, tree)
    assert isinstance(statement, dsse.Statement)
    payload = statement._contents
    assert json.loads(payload)["subject"][0]["name"] == world.path.name
    directory = world.form == "directory"
    _, covered, problems = check_statement(payload, tree, directory=directory)
    assert covered
    assert not problems
    target = world.path / "config.json" if directory else world.path
    target.write_text("other")
    if directory:
        assert check_statement(payload, open_tree(world.path), directory=True)[2]
    else:
        with pytest.raises(Exception, match="not the file that was signed"):
            check_statement(payload, open_tree(world.path), directory=False)


def test_without_an_identity_nothing_is_signed(world: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    real = keyless._sigstore()
    monkeypatch.setattr(real, "detect_credential", lambda: None)
    monkeypatch.setattr(real, "ClientTrustConfig", type("Config", (), {"production": staticmethod(lambda: None)}))
    monkeypatch.setattr(keyless, "_sigstore", lambda: real)
    with pytest.raises(ConfigError, match="no OIDC identity"):
        keyless.sign_keyless(world.path, open_tree(world.path))
    assert not keyless.bundle_path(world.path).exists()


@pytest.mark.parametrize(("identity", "issuer"), [("", "https://issuer"), ("me@example", ""), ("", "")])
def test_identity_and_issuer_go_together(world: World, identity: str, issuer: str) -> None:
    with pytest.raises(ConfigError, match="identity and issuer"):
        keyless.verify_keyless(world.path, open_tree(world.path), identity=identity, issuer=issuer)


def test_a_hybrid_bundle_is_no_keyless_one(world: World) -> None:
    world.sign()
    evidence = keyless.verify_keyless(
        world.path, open_tree(world.path), identity="me", issuer="https://issuer", bundle=world.classical
    )
    assert evidence.state is State.FAILED
    assert PAYLOAD_TYPE in world.classical.read_text()
