"""The lineage of a release in its report: a grade counts only from a signed record, and only about these bytes."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

import secpipe
from secpipe.api.lineage import recorded
from secpipe.core.artifact import Digest
from secpipe.core.evidence import Evidence, State
from secpipe.gate.derived import with_lineage
from secpipe.lineage import beside
from secpipe.lineage.record import Derivation, Grade, Input, Role
from secpipe.report.document import Derived
from secpipe.report.html.derived import of_lineage
from secpipe.sign.attest import verify_attestations
from secpipe.system.tree import walk
from tests.unit.sign.world import NOW, World

EVIL = '"><script>alert(1)</script>'


@pytest.fixture(params=["file", "directory"])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> World:
    return World(tmp_path, request.param)


def record(world: World, grade: Grade = Grade.RE_DERIVED) -> Derivation:
    parent = Input("base.safetensors", Role.MODEL, (Digest("sha256", "ab" * 32),), grade=grade)
    return Derivation(beside.subject(world.path), "convert", (parent,))


def lineage(world: World) -> dict[str, Any]:
    tree = walk(world.folder)
    found = [one for one in verify_attestations(tree, world.trust, now=NOW) if one.check == "attestation:derivation"]
    each = [{**one.facts, "state": str(one.state)} for one in found]
    attested = Evidence("attestation:derivation", State.OK, facts={"each": each}) if found else None
    (row,) = with_lineage(Evidence("sbom", State.OK), tree, attested).facts["lineage"]
    made: dict[str, Any] = row
    return made


def signed(world: World, made: Derivation) -> None:
    class Who:
        signers, version = world.key.signers, world.key.version

    recorded(world.path, made, [], who=Who(), now=NOW)  # type: ignore[arg-type]


def test_a_grade_that_nobody_signed_is_a_claim(world: World) -> None:
    beside.write(world.path, record(world))
    row = lineage(world)
    assert (row["signed"], row["inputs"][0]["grade"]) == ("", "claimed")
    beside.write(world.path, record(world, Grade.CONTRADICTED))
    assert lineage(world)["inputs"][0]["grade"] == "contradicted", "nobody forges that against himself"


def test_a_signed_grade_counts_and_the_file_beside_it_does_not(world: World) -> None:
    signed(world, record(world, Grade.BOUNDED))
    assert (lineage(world)["signed"], lineage(world)["inputs"][0]["grade"]) == ("builder", "bounded")
    other = record(world, Grade.RE_DERIVED)
    beside.write(world.path, replace(other, inputs=(replace(other.inputs[0], name="another"),)))
    assert lineage(world)["inputs"] == [{"name": "base.safetensors", "role": "model", "grade": "bounded"}]


def test_a_record_of_other_bytes_contradicts_itself(world: World) -> None:
    signed(world, record(world))
    (world.path / "config.json" if world.form == "directory" else world.path).write_text("changed")
    row = lineage(world)
    assert row["inputs"][0]["grade"] == "contradicted"
    assert row["problem"]


def test_what_is_no_record_is_told(world: World) -> None:
    beside.place(world.path, ".derivation.json").write_text('{"a": 1}')
    assert lineage(world)["problem"]


def test_a_shipped_model_shows_its_lineage_in_the_report(tmp_path: Path) -> None:
    (tmp_path / "base.safetensors").write_bytes(b"\2\0\0\0\0\0\0\0{}")
    with secpipe.deriving(tmp_path / "m.safetensors", operation="convert", tool="acme@1") as step:
        step.model(tmp_path / "base.safetensors")
        (tmp_path / "m.safetensors").write_bytes(b"\2\0\0\0\0\0\0\0{}")
    page = secpipe.check(tmp_path, policy="builtin:baseline", env="dev").render("html")
    assert "What it was made from" in page
    assert "model: base.safetensors" in page
    assert "not signed, so claimed at most" in page
    assert not re.search(r'(?:src|style)=|href="(?!#)', page)


def test_names_of_others_are_text_and_many_are_counted() -> None:
    evil = Derived(EVIL, EVIL, ((EVIL, EVIL, "claimed"),), EVIL, EVIL)
    text = "".join(of_lineage([evil]))
    assert "<script" not in text
    svg = text[text.index("<svg") : text.index("</svg>") + 6]
    assert {one.tag for one in ElementTree.fromstring(svg).iter()} == {"svg", "text", "path", "g", "title", "rect"}
    many = [Derived(f"o{nth}", "merge", tuple((f"i{k}", "model", "bounded") for k in range(9))) for nth in range(900)]
    assert len("".join(of_lineage(many))) < 60_000
    assert "8,060 further entries" in "".join(of_lineage(many))
    assert list(of_lineage([])) == []
