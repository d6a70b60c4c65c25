"""A log in a folder: growing, proving, repairing, and refusing to be rewritten."""

from __future__ import annotations

import contextlib
import random
import shutil
from pathlib import Path

import pytest

from secpipe.cli.main import run
from secpipe.core.errors import InputError, SecpipeError, TrustError
from secpipe.log import checkpoint, journal, proof, tiles, trusted
from secpipe.log.audit import audit
from secpipe.log.checkpoint import Checkpoint
from secpipe.log.folder import Log, create
from secpipe.log.reader import Reader
from secpipe.system import files
from tests.unit.log_world import NOW, ORIGIN, World, entries, signers, trust


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def head(data: bytes) -> Checkpoint:
    return trusted.check(data, trust()).head


@pytest.mark.parametrize("size", [1, 255, 256, 257, 600])
def test_what_is_appended_is_proven_and_the_whole_agrees(world: World, size: int) -> None:
    data = world.grow(size)
    assert head(data).size == size
    tree = Reader(world.path, head(data))
    for index in {0, size // 2, size - 1}:
        entry = entries(1, index)[0]
        assert tree.entry(index) == entry
        made = proof.parse(tree.prove(index, data, entry).encode(), "it")
        proof.verify(made, entry, trust())
        with pytest.raises(TrustError):
            proof.verify(made, entries(1, index + 1)[0], trust())
    assert audit(world.path, head(data)).entries == size


def test_the_layout_is_that_of_the_specification() -> None:
    assert tiles.path(0, 1234067) == "tile/0/x001/x234/067"
    assert tiles.path("entries", 0, 5) == "tile/entries/000.p/5"
    assert list(tiles.widths(70_000)) == [(0, 70_000), (1, 273), (2, 1)]
    assert tiles.width_of(273, 70_000) == 112


def test_growing_step_by_step_gives_the_same_files_as_growing_at_once(tmp_path: Path) -> None:
    steps, once = World(tmp_path / "a"), World(tmp_path / "b")
    for count in (1, 2, 250, 3, 256, 1, 199):
        data = steps.grow(count)
    assert head(data) == head(once.grow(712))
    for path in sorted(once.path.glob("tile/**/*")):
        if path.is_file():
            assert (steps.path / path.relative_to(once.path)).read_bytes() == path.read_bytes()
    assert not (steps.path / "tile/0/000.p").exists(), "the full tile answers for the partial ones"


def test_an_acknowledged_entry_waits_in_the_journal_until_it_is_signed(world: World) -> None:
    world.grow(3)
    assert world.log.append(entries(2, 3)).first == 3
    other = Log(world.path)
    assert other.waiting()[1] == entries(2, 3)
    assert other.append(entries(1, 5)).first == 5
    assert world.log.append(entries(1, 6)).first == 6, "the other process is noticed"
    assert head(world.sign()).size == 7
    assert world.log.waiting()[1] == []


def test_a_checkpoint_without_anything_new_stays_as_it_is(world: World) -> None:
    assert world.grow(2) == world.sign()


def test_two_trees_of_one_size_are_never_signed(world: World) -> None:
    """The folder is put back to what it was, and grows another way: the ratchet of this machine says no."""
    world.grow(3)
    shutil.copytree(world.path, world.base / "older")
    world.grow(2)
    shutil.rmtree(world.path)
    (world.base / "older").rename(world.path)
    log = Log(world.path)
    log.append(entries(2, 700))
    with pytest.raises(TrustError, match="contradicts what this machine signed"):
        log.sign(world.signers, world.ratchet, NOW)
    shorter = World(world.base / "second")
    shorter.ratchet = world.ratchet
    shorter.log.append(entries(1))
    with pytest.raises(TrustError, match="shrank"):
        shorter.sign()


def test_a_machine_that_forgot_what_it_signed_signs_nothing_unasked(world: World) -> None:
    """An older copy of the folder, and the memory gone with the disk: that tree could be the second of its size."""
    world.grow(3)
    world.ratchet.path.unlink()
    world.log.append(entries(2, 700))
    with pytest.raises(TrustError, match="does not remember"):
        world.sign()
    assert not world.ratchet.path.exists()
    assert head(world.log.sign(world.signers, world.ratchet, NOW, forgotten=True)).size == 5
    assert world.grow(1)


def test_a_log_does_not_begin_anew_under_its_name(world: World) -> None:
    world.grow(1)
    with pytest.raises(TrustError, match="does not begin anew"):
        create(world.base / "new", ORIGIN, signers(), world.ratchet, NOW)
    with pytest.raises(InputError, match="already"):
        create(world.path, ORIGIN, signers(), world.ratchet, NOW)


def test_the_ratchet_is_on_the_disk_before_the_signature(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.log.append(entries(2))
    seen: list[bytes] = []

    def write(path: Path, data: bytes, **more: object) -> None:
        if path.name == "checkpoint":
            seen.append(world.ratchet.path.read_bytes())
            raise SecpipeError("the machine died")
        real(path, data, **more)  # type: ignore[arg-type]

    real = files.write_atomic
    monkeypatch.setattr(files, "write_atomic", write)
    with pytest.raises(SecpipeError, match="died"):
        world.sign()
    assert b'"size": "2"' in seen[0]
    monkeypatch.undo()
    assert head(Log(world.path).sign(world.signers, world.ratchet, NOW)).size == 2


@pytest.mark.parametrize("keep", [1, 20, 51, 52, 53, 100, -1])
def test_a_torn_tail_is_cut_off_kept_and_said(world: World, keep: int) -> None:
    world.log.append(entries(2))
    before = world.path.joinpath(journal.NAME).read_bytes()
    world.log.append(entries(1, 2))
    whole = world.path.joinpath(journal.NAME).read_bytes()
    torn = whole[len(before) :][:keep]
    world.path.joinpath(journal.NAME).write_bytes(before + torn)
    done = Log(world.path).append(entries(1, 2))
    assert done.first == 2
    assert "never ended" in done.torn
    assert world.path.joinpath("journal.torn-2").read_bytes() == torn
    assert Log(world.path).append(entries(1, 3)).torn == ""
    assert head(world.sign()).size == 4


def test_who_only_reads_repairs_nothing(world: World) -> None:
    world.log.append(entries(1))
    path = world.path / journal.NAME
    path.write_bytes(path.read_bytes() + b"SPLJ torn")
    torn = path.read_bytes()
    assert world.log.waiting()[1] == entries(1)
    assert path.read_bytes() == torn


def test_a_journal_of_anything_is_refused_or_cut_and_never_raises_else(world: World) -> None:
    path = world.path / journal.NAME
    head = path.read_bytes()
    rows = random.Random(22)
    for _ in range(200):
        path.write_bytes(rows.choice((b"", head)) + rows.randbytes(rows.randrange(120)) + bytes(rows.randrange(3)))
        with contextlib.suppress(InputError):
            Log(world.path).append(entries(1))


def test_a_sector_that_never_reached_the_disk_is_torn_as_well(world: World) -> None:
    world.log.append(entries(2))
    before = world.path.joinpath(journal.NAME).read_bytes()
    world.log.append(entries(20, 2))
    whole = bytearray(world.path.joinpath(journal.NAME).read_bytes())
    whole[1024:1536] = bytes(512)
    world.path.joinpath(journal.NAME).write_bytes(bytes(whole))
    assert "never ended" in Log(world.path).append(entries(1, 2)).torn
    world.path.joinpath(journal.NAME).write_bytes(before + bytes(700))  # the length came first
    assert "700 bytes" in Log(world.path).append(entries(1, 2)).torn


def test_no_byte_of_an_acknowledged_batch_can_be_changed_unnoticed(world: World) -> None:
    world.log.append(entries(1))
    world.log.append(entries(2, 1))
    path = world.path / journal.NAME
    whole = path.read_bytes()
    first = whole.index(b"SPLJ")
    for at in range(first, len(whole)):
        path.write_bytes(whole[:at] + bytes((whole[at] ^ 0x41,)) + whole[at + 1 :])
        with pytest.raises(InputError, match="changed"):
            Log(world.path).waiting()
        assert len(path.read_bytes()) == len(whole), "nothing was cut"


def test_a_full_disk_loses_nothing_that_was_acknowledged(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    from secpipe.system import durable

    world.log.append(entries(2))

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(durable.os, "fsync", full)
    with pytest.raises(SecpipeError, match="no space left"):
        world.log.append(entries(5, 2))
    with pytest.raises(SecpipeError):
        world.sign()
    monkeypatch.undo()
    assert os.fsync is not full
    assert Log(world.path).append(entries(1, 2)).torn == ""
    assert head(world.sign()).size == 3


@pytest.mark.parametrize("step", range(12))
def test_a_crash_at_any_write_is_made_good(world: World, monkeypatch: pytest.MonkeyPatch, step: int) -> None:
    """Writes end one after another; whatever was reached, the next run signs the same tree."""
    import os

    world.grow(254)
    world.log.append(entries(4, 254))
    wanted = World(world.base / "other").grow(258)
    left = step

    def replace(old: object, new: object) -> None:
        nonlocal left
        if left == 0:
            raise KeyboardInterrupt
        left -= 1
        real(old, new)  # type: ignore[arg-type]

    real = os.replace
    monkeypatch.setattr(os, "replace", replace)
    ended = False
    try:
        world.sign()
        ended = True
    except KeyboardInterrupt:
        pass
    monkeypatch.undo()
    before = head(Log(world.path).checkpoint())
    assert audit(world.path, before).entries == before.size, "who died did not forge"
    assert run(["log", "export", str(world.path), str(world.base / "copy")]) == 0
    assert audit(world.base / "copy", before).entries == before.size
    again = Log(world.path).sign(world.signers, world.ratchet, NOW)
    assert head(again) == head(wanted)
    assert audit(world.path, head(again)).entries == 258
    assert ended == (step >= 8)


def spoil(world: World, step: int) -> int:
    """Change every `step`th byte of everything that is published, one at a time; return how many files there were."""
    places = [path for path in sorted(world.path.glob("tile/**/*")) if path.is_file()]
    for path in [*places, world.path / "checkpoint"]:
        whole = path.read_bytes()
        for at in range(0, len(whole), step):
            path.write_bytes(whole[:at] + bytes((whole[at] ^ 1 << at % 8,)) + whole[at + 1 :])
            with pytest.raises((TrustError, InputError)):
                audit(world.path, trusted.check(world.log.checkpoint(), trust()).head)
        path.write_bytes(whole)
    return len(places)


def test_every_byte_of_every_tile_entry_and_checkpoint_counts(world: World) -> None:
    world.grow(1)
    data = world.grow(2)
    assert spoil(world, 11) == audit(world.path, head(data)).files == 4


@pytest.mark.parametrize("place", ["tile/0/000", "tile/entries/000", "tile/1/000.p/2", "tile/0/002.p/88"])
def test_a_reader_of_one_entry_compares_each_tile_on_its_way(world: World, place: str) -> None:
    data = world.grow(600)
    path = world.path / place
    whole = path.read_bytes()
    for at in (0, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:at] + bytes((whole[at] ^ 1,)) + whole[at + 1 :])
        with pytest.raises((TrustError, InputError)):
            read_one(world, data, "entries" in place)
    path.write_bytes(whole)
    read_one(world, data, True)


def read_one(world: World, data: bytes, entry: bool) -> None:
    tree = Reader(world.path, head(data))
    tree.prove(3, data)
    if entry:
        tree.entry(5)


@pytest.mark.slow
@pytest.mark.parametrize(("counts", "step", "files"), [((1, 2), 1, 4), ((3, 255, 4), 97, 7)])
def test_exhaustively_every_byte_counts(world: World, counts: tuple[int, ...], step: int, files: int) -> None:
    """Each byte of a small log, and a sample of a larger one."""
    for count in counts:
        data = world.grow(count)
    assert spoil(world, step) == audit(world.path, head(data)).files == files


@pytest.mark.parametrize(
    "place", ["tile/0/000.p/999", "tile/x", "tile/0/5", "tile/9/000", "tile/entries/003", "tile/00/000"]
)
def test_a_file_that_no_log_has_is_told(world: World, place: str) -> None:
    data = world.grow(3)
    (world.path / place).parent.mkdir(parents=True, exist_ok=True)
    (world.path / place).write_bytes(b"x" * 32)
    with pytest.raises((TrustError, InputError)):
        audit(world.path, head(data))


def test_what_no_acknowledged_entry_explains_is_told(world: World) -> None:
    """Tiles may be ahead of the checkpoint, as far as the journal says, and no farther."""
    data = world.grow(3)
    world.log.append(entries(2, 3))
    for width, fine in ((5, True), (6, False)):
        (world.path / f"tile/0/000.p/{width}").write_bytes(bytes(32 * width))
        if fine:
            assert audit(world.path, head(data)).files == 2
        else:
            with pytest.raises(TrustError, match="beyond"):
                audit(world.path, head(data))


def test_a_missing_tile_and_a_link_are_no_tile(world: World) -> None:
    data = world.grow(3)
    path = world.path / "tile/0/000.p/3"
    path.rename(world.base / "elsewhere")
    with pytest.raises(InputError, match=r"lacks tile/0/000.p/3"):
        Reader(world.path, head(data))
    path.symlink_to(world.base / "elsewhere")
    with pytest.raises(InputError):
        Reader(world.path, head(data))


def test_a_copy_is_read_and_not_written(world: World) -> None:
    world.grow(1)
    (world.path / journal.NAME).unlink()
    with pytest.raises(InputError, match="this is a copy"):
        Log(world.path).append(entries(1))


def test_a_checkpoint_of_another_log_is_never_signed_over(world: World) -> None:
    world.grow(1)
    other = World(world.base / "other", "log.example/other")
    (world.path / "checkpoint").write_bytes(other.log.checkpoint())
    world.log.append(entries(1, 1))
    with pytest.raises(TrustError, match="keys are of"):
        world.sign()
    assert checkpoint.read(world.log.checkpoint())[0].origin == "log.example/other"
