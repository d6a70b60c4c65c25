"""Every cell of the interoperability matrix, by running the other side's program."""

from __future__ import annotations

from pathlib import Path

import pytest

from secpipe.sign.sign import sign_artifact
from secpipe.system.tree import walk
from tests import skips
from tests.interop import others
from tests.interop.matrix import CELLS, Cell, world
from tests.unit.sign.tsa import Authority
from tests.unit.sign.world import NOW

pytestmark = pytest.mark.interop


@pytest.mark.parametrize("cell", CELLS, ids=lambda cell: f"{cell.signer} -> {cell.verifier}".replace(" ", "_"))
def test_cell(cell: Cell, tmp_path: Path) -> None:
    if cell.missing:
        skips.missing(cell.missing)
    assert cell.run(tmp_path) == ""


@pytest.mark.parametrize("program", ["cosign", "model_signing"])
def test_timestamps_do_not_disturb_the_others(program: str, tmp_path: Path) -> None:
    if others.find(program) is None:
        skips.missing(others.why_not(program))
    skips.module("rfc3161_client")
    made = world(tmp_path, "directory")
    stamp = Authority(tmp_path / "tsa").stamp
    sign_artifact(made.path, walk(made.path), made.key.signers, made.key.version, timestamper=stamp, now=NOW)
    pem = made.key.version.halves[0].pem
    if program == "cosign":
        assert others.cosign_verifies(made.classical, pem, tmp_path)
    else:
        assert others.model_signing_verifies(made.path, pem, tmp_path)


def test_a_renamed_weight_file_passes_cosign_and_not_us(tmp_path: Path) -> None:
    """Why the full manifest is compared: the OMS root digest binds no names."""
    if others.find("cosign") is None:
        skips.missing(others.why_not("cosign"))
    made = world(tmp_path, "directory")
    weights = made.path / "weights"
    (weights / "b.safetensors").rename(weights / "b_pickle.bin")
    assert others.cosign_verifies(made.classical, made.key.version.halves[0].pem, tmp_path)
    assert made.verify().state == "failed"
