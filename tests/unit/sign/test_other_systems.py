"""What other systems do to signed files: line ends, letter case, names that cannot stand there."""

from __future__ import annotations

from typing import Any

import pytest

from secpipe.core.errors import InputError
from secpipe.core.evidence import State
from tests.unit.sign.world import World, rules

LINES = b"first\nsecond\n\nlast"


@pytest.mark.parametrize("form", ["directory", "file"])
@pytest.mark.parametrize(
    ("signed", "found"), [(LINES, LINES.replace(b"\n", b"\r\n")), (LINES.replace(b"\n", b"\r\n"), LINES)]
)
def test_changed_line_ends_are_told_and_never_accepted(make_world: Any, form: str, signed: bytes, found: bytes) -> None:
    world, place = written(make_world, form, signed)
    place.write_bytes(found)
    for evidence in world.both():
        assert evidence.state is State.FAILED
        assert rules(evidence) == {"changed-file"}
        (told,) = evidence.findings
        assert "its line ends were changed" in told.message
        assert f'"{place.name} -text" to .gitattributes' in told.fix


@pytest.mark.parametrize("form", ["directory", "file"])
@pytest.mark.parametrize("found", [LINES.replace(b"\n", b"\r\n") + b"!", b"", LINES.replace(b"\n", b"\r")])
def test_other_changes_are_not_called_line_ends(make_world: Any, form: str, found: bytes) -> None:
    world, place = written(make_world, form, LINES)
    place.write_bytes(found)
    for evidence in world.both():
        assert evidence.state is State.FAILED
        assert "line ends" not in evidence.findings[0].message


def written(make_world: Any, form: str, data: bytes) -> tuple[World, Any]:
    world: World = make_world(form)
    place = world.path / "config.json" if form == "directory" else world.path
    place.write_bytes(data)
    return world.sign(), place


@pytest.mark.parametrize("twin", ["CONFIG.json", "Weights/c.safetensors"])
def test_names_that_are_one_elsewhere_are_not_signed(make_world: Any, twin: str) -> None:
    world: World = make_world("directory")
    (world.path / twin).parent.mkdir(exist_ok=True)
    (world.path / twin).write_bytes(b"{}")
    with pytest.raises(InputError, match="two names are one on Windows and macOS"):
        world.sign()


def test_a_signed_name_that_windows_lacks_is_explained(make_world: Any) -> None:
    world: World = make_world("directory")
    device = world.path / "nul.txt"
    device.write_bytes(b"kept")
    assert world.sign().verify().state is State.OK
    device.unlink()
    (told,) = world.verify().findings
    assert told.rule == "signatures/missing-file"
    assert "NUL is a device there" in told.fix
