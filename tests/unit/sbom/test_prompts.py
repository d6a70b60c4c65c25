"""Prompts as code: each has an id, a version, a digest and an owner in the inventory, as far as somebody says so."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secpipe.core.inventory import ComponentKind, Grade
from secpipe.core.verdict import Decision
from secpipe.formats import prompts
from secpipe.formats.prompts import Told
from secpipe.gate.conditions import cel
from secpipe.gate.decide import decide
from secpipe.gate.policies.policy import Condition, Policy
from secpipe.sbom.collect import collect
from secpipe.system.tree import walk
from tests import skips
from tests.unit.gate_builders import clean, situation
from tests.unit.sbom.test_collect import named, put

HEAD = "---\nid: triage\nversion: 1.2.0\nowner: '@acme/support'\n---\nAnswer in one sentence.\n"
ANN = Told("triage", "1.2.0", "@acme/support")


@pytest.mark.parametrize(
    ("name", "data", "wanted"),
    [
        ("a.md", HEAD, ANN),
        ("a.prompty", "---\nname: triage\nversion: 1.2.0\nauthors: ['@acme/support']\n---\nsystem:", ANN),
        ("a.j2", "{#\nid: triage\nversion: 1.2.0\nowner: '@acme/support'\n#}\n{{ question }}", ANN),
        ("a.jinja", "{#- triage, for the help desk -#}\n{{ question }}", Told()),
        ("a.yaml", "id: triage\nmetadata:\n  version: 1.2.0\n  owner: '@acme/support'\ntemplate: x\n", ANN),
        ("a.json", '{"prompt": {"id": "triage", "version": "1.2.0"}, "owner": "@acme/support"}', ANN),
        ("a.json", '{"id": "pmpt_1", "version": 3, "owners": ["ann", "ben"]}', Told("pmpt_1", "3", "ann, ben")),
        ("a.txt", "id: no front matter", Told()),
        ("a.json", '{"id": true, "version": ["1", 2], "owner": {"name": "ann"}}', Told()),
        ("a.json", "[1]", Told()),
        ("a.json", "{", Told()),
        ("a.yaml", "- &a [*a]\n", Told()),
        ("a.yaml", "!!python/object/apply:os.system ['true']\n", Told()),
        ("a.md", "---\nid: \x1b[31mred\n---\n", Told()),
        ("a.json", json.dumps({"id": "x" * 999}), Told("x" * 200)),
    ],
)  # fmt: skip
def test_what_a_file_says_of_itself(name: str, data: str, wanted: Told) -> None:
    assert prompts.told(name, data.encode()) == wanted


@given(st.sampled_from(["a.md", "a.yaml", "a.json", "a.j2"]), st.binary(max_size=300))
def test_any_bytes_say_something_or_nothing(name: str, data: bytes) -> None:
    said = prompts.told(name, b"---\n" + data + b"\n---\n" if name == "a.md" else data)
    assert all(len(word) <= 1000 for word in (said.id, said.version, said.owner))


def test_prompts_of_a_tree_have_ids_versions_digests_and_owners(tmp_path: Path) -> None:
    cells = [
        {"cell_type": "raw", "id": "sys1", "metadata": {"tags": ["prompt"]}, "source": ["Be ", "kind."]},
        {"cell_type": "code", "id": "c2", "metadata": {}, "source": "print(1)"},
    ]
    seen = put(tmp_path, {
        "prompts/triage.md": HEAD,
        "prompts/plain.txt": "Be brief.",
        "work/study.ipynb": {"cells": cells, "nbformat": 4},
        ".github/CODEOWNERS": "* @acme/all\n/prompts/ @acme/words\n",
    })  # fmt: skip
    triage, plain, cell = named(seen, "triage.md"), named(seen, "plain.txt"), named(seen, "study.ipynb#sys1")
    assert (triage.version, triage.facts["prompt-id"].value) == ("1.2.0", "triage")
    assert (triage.facts["owner"].value, triage.facts["owner"].grade) == ("@acme/support", Grade.DECLARED)
    assert plain.facts["owner"].value == "@acme/words"
    assert cell.kind is ComponentKind.PROMPT
    assert cell.digests[0].value == hashlib.sha256(b"Be kind.").hexdigest()
    assert cell.facts["owner"].value == "@acme/all"
    assert not [skip for skip in seen.skipped if "study" in skip.path]
    assert {item.name for item in seen.of_kind(ComponentKind.PROMPT)} == {"triage.md", "plain.txt", "study.ipynb#sys1"}


def test_who_owns_a_prompt_and_what_a_model_cost_may_be_asked(tmp_path: Path) -> None:
    if not cel.available():
        skips.cannot("secpipe[cel] is not installed")
    figures = "co2_eq_emissions: {emissions: 1200000, energy_consumed: 3400.5}\ntraining_cost_usd: 90000"
    card = f"---\nlicense: mit\n{figures}\n---\n"
    put(tmp_path, {
        "prompts/plain.txt": "Be brief.", "m/README.md": card, "m/config.json": {"model_type": "llama"},
        "m/model.safetensors": len(b"{}").to_bytes(8, "little") + b"{}",
    })  # fmt: skip
    components = collect(walk(tmp_path)).components

    def judged(when: str) -> Decision:
        policy = replace(Policy(), name="t", owner="o", condition=(Condition("c", "component", when, "deny", "no"),))
        return decide(situation(clean(), policy, components=components)).decision

    owned = 'component.kind == "prompt" && component.owner == null'
    assert judged(owned) is Decision.DENY
    put(tmp_path, {"CODEOWNERS": "* @acme/all\n"})
    components = collect(walk(tmp_path)).components
    assert judged(owned) is Decision.PASS
    for field, under, over in (("co2_grams", 1e6, 2e6), ("energy_kwh", 3400.0, 3401.0), ("cost_usd", 1e4, 1e5)):
        asked = f'component.name == "m" && component.{field} != null && component.{field} > '
        assert judged(f"{asked}{under:f}") is Decision.DENY, field
        assert judged(f"{asked}{over:f}") is Decision.PASS, field
