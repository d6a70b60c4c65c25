"""A file that bears a signature's name is never verified as an artifact, however well it is signed."""

from __future__ import annotations

from pathlib import Path

import pytest

from secpipe.core.evidence import State
from secpipe.sign import sidecars
from secpipe.sign.sign import sign_artifact
from secpipe.system.tree import open_tree
from tests.unit.sign.world import NOW, World, rules

NAMES = ("model", "MODEL", "model.pqc", "x.sig", "x.SIG", "x.pqc.sig", "x.att.json", "x.tlog-proof")


@pytest.mark.parametrize("name", NAMES)
def test_a_signed_file_of_a_reserved_name_does_not_verify(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    world = World(tmp_path, "file")
    world.path = world.path.rename(tmp_path / name)
    with monkeypatch.context() as hostile:  # a signer that does not refuse the name, as any other program's would not
        hostile.setattr(sidecars, "is_reserved", lambda name: False)
        sign_artifact(world.path, open_tree(world.path), world.key.signers, world.key.version, now=NOW)
    evidence = world.verify()
    assert evidence.state is State.FAILED
    assert "reserved-name" in rules(evidence)


@pytest.mark.parametrize("name", ["models", "model.txt", "signature", "x.sig.txt", "prompt.txt"])
def test_a_file_of_a_like_name_verifies(tmp_path: Path, name: str) -> None:
    world = World(tmp_path, "file")
    world.path = world.path.rename(tmp_path / name)
    sign_artifact(world.path, open_tree(world.path), world.key.signers, world.key.version, now=NOW)
    assert world.verify().state is State.OK
