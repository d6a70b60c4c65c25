"""Skills and plugins as signed artifacts, the lock as a demand, and signed reviews of prose: attacks on each."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from secpipe.core.evidence import Evidence, State
from secpipe.core.verdict import Effect
from secpipe.gate.policies.policy import Agents, Policy, Signatures
from secpipe.gate.rules.agents import agents
from secpipe.gate.rules.packs import signed_by
from secpipe.gate.rules.signatures import signatures
from secpipe.gate.ruling import Situation
from secpipe.scan.agents.lock import LOCK_NAME, make, written
from secpipe.scan.agents.scan import scan
from secpipe.sign.sign import sign_artifact
from secpipe.sign.verify import verify_tree
from secpipe.system.tree import open_tree, walk
from tests.unit.gate_builders import NOW, clean, ok
from tests.unit.sign.world import HybridKey, make_identity, make_key, make_trust

SKILL = "---\nname: prices\ndescription: Reads prices.\n---\nRun `sh read.sh`.\n"
KEY, OTHER = make_key(), make_key()
TRUST = make_trust(
    make_identity("release", KEY, purposes=("skill", "plugin", "model", "file")),
    make_identity("writer", OTHER, purposes=("prompt", "sbom")),
)


class Project:
    """A project with one skill and one plugin, both signed."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.skill, self.plugin = root / ".claude/skills/prices", root / "kit"
        self.write(".claude/skills/prices/SKILL.md", SKILL)
        self.write(".claude/skills/prices/read.sh", "#!/bin/sh\ncut -d, -f2 prices.csv\n")
        self.write("kit/.claude-plugin/plugin.json", json.dumps({"name": "kit", "version": "1.0.0"}))
        self.write("kit/commands/tidy.md", "Tidy up.\n")
        self.sign(self.skill, "skill")
        self.sign(self.plugin, "plugin")

    def write(self, name: str, text: str) -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")

    def sign(self, path: Path, kind: str, key: HybridKey = KEY) -> None:
        sign_artifact(path, open_tree(path), key.signers, key.version, kind=kind, now=NOW)

    def situation(self, **policy: object) -> Situation:
        tree = walk(self.root)
        found = verify_tree(tree, TRUST, now=NOW)
        made = replace(Policy(), name="test", owner="sec", **policy)
        evidence = clean(signatures=found, agents=scan(tree), models=ok("models", files={}))
        return Situation(made, "prod", NOW, evidence, paths=tuple(entry.path for entry in tree.files))

    def unsigned(self) -> list[str]:
        demand = Signatures(cover=("skills", "plugins"))
        ruling = signatures(self.situation(signatures=demand))
        return [reason.what for reason in ruling.reasons if reason.effect is not Effect.WARN]


@pytest.fixture(scope="module")
def signed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Project(tmp_path_factory.mktemp("signed")).root


@pytest.fixture
def project(signed: Path, tmp_path: Path) -> Project:
    shutil.copytree(signed, tmp_path / "p", symlinks=True)
    made = Project.__new__(Project)
    made.root = tmp_path / "p"
    made.skill, made.plugin = made.root / ".claude/skills/prices", made.root / "kit"
    return made


def _swap(project: Project) -> None:
    project.write(".claude/skills/prices/read.sh", "#!/bin/sh\ncut -d, -f3 prices.csv\n")


def _add(project: Project) -> None:
    project.write(".claude/skills/prices/more/notes.txt", "more\n")


def _hide(project: Project) -> None:
    project.write(".claude/skills/prices/.cache/run.pyc", "x")


def _link(project: Project) -> None:
    (project.skill / "extra.sh").symlink_to("../../../kit/commands/tidy.md")


def _link_instead(project: Project) -> None:
    project.write("elsewhere.sh", "#!/bin/sh\necho other\n")
    (project.skill / "read.sh").unlink()
    (project.skill / "read.sh").symlink_to("../../../elsewhere.sh")


def _remove(project: Project) -> None:
    (project.skill / "read.sh").unlink()


def _half(project: Project) -> None:
    (project.skill / "model.pqc.sig").unlink()


def _strip(project: Project) -> None:
    (project.skill / "model.sig").unlink()
    (project.skill / "model.pqc.sig").unlink()


def _other_key(project: Project) -> None:
    _strip(project)
    project.sign(project.skill, "skill", OTHER)


def _plugin_file(project: Project) -> None:
    project.write("kit/hooks/hooks.json", '{"hooks": {}}')


def _exchange(project: Project) -> None:
    shutil.copytree(project.skill, project.root / ".claude/skills/other")
    shutil.copy(project.plugin / "model.sig", project.skill / "model.sig")
    shutil.copy(project.plugin / "model.pqc.sig", project.skill / "model.pqc.sig")


ATTACKS = (_swap, _add, _hide, _link, _link_instead, _remove, _half, _strip, _other_key, _plugin_file, _exchange)


def test_signed_skills_and_plugins_pass(project: Project) -> None:
    assert project.unsigned() == []


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.__name__.strip("_"))
def test_a_skill_that_is_not_what_was_signed_is_denied(project: Project, attack: Callable[[Project], None]) -> None:
    attack(project)
    assert project.unsigned()


@pytest.mark.parametrize(("key", "kind"), [(KEY, "model"), (KEY, "plugin")])
def test_a_signature_for_another_purpose_vouches_for_no_skill_but_a_plugin_may(
    project: Project, key: HybridKey, kind: str
) -> None:
    _strip(project)
    project.sign(project.skill, kind, key)
    said = project.unsigned()
    assert (said == []) is (kind == "plugin")
    assert kind == "plugin" or "not covered by an accepted signature" in " ".join(said)


def test_a_skill_key_signs_no_model(project: Project) -> None:
    project.write("kit2/model.safetensors", "x")
    project.sign(project.root / "kit2", "skill")
    there = project.situation(signatures=Signatures(cover=("models",)))
    models = ok("models", files={"kit2/model.safetensors": {"format": "safetensors", "outcome": "ok"}})
    ruling = signatures(replace(there, evidence={**there.evidence, "models": models}))
    assert "signed as skill, which vouches for no models" in " ".join(reason.what for reason in ruling.reasons)


def test_a_publisher_is_whoever_signed_all_files_of_the_skill_its_bundles_included(project: Project) -> None:
    there = project.situation()
    covered = {str(path): str(who) for path, who in there.of("signatures").facts["covered"].items()}
    signers = signed_by(there, covered)
    item = next(one for one in there.of("agents").facts["items"] if one["kind"] == "skill")
    assert {signers.get(path) for path in (item["path"], *item["files"])} == {"release"}
    _swap(project)
    again = project.situation()
    assert "release" not in {
        signed_by(again, dict(again.of("signatures").facts["covered"])).get(one) for one in item["files"]
    }


def _locked(project: Project, **facts: object) -> list[str]:
    there = project.situation(agents=Agents(default="allow", locked=True))
    ruling = agents(there)
    return [reason.what for reason in ruling.reasons if reason.rule == "agents/not-locked"]


def _lock(project: Project) -> None:
    items = scan(walk(project.root)).facts["items"]
    project.write(LOCK_NAME, written(make(items, {})))


def test_a_policy_can_demand_a_lock(project: Project) -> None:
    assert "there is none" in " ".join(_locked(project))
    _lock(project)
    assert _locked(project) == []
    project.write(".mcp.json", '{"mcpServers": {"a": {"url": "https://a.example/mcp"}}}')
    assert "server a is new" in " ".join(_locked(project))


@pytest.mark.parametrize("lock", ["{}", "[]", '{"schema": "secpipe.agents-lock/1", "items": [], "tools": {}}', "\0"])
def test_a_lock_that_says_nothing_is_no_lock(project: Project, lock: str) -> None:
    project.write(LOCK_NAME, lock)
    assert _locked(project)


def _review(state: State, path: str = "AGENTS.md", holder: str = "eve") -> Evidence:
    fact = {"path": path, "purpose": "review", "holder": holder, "identity": holder, "state": str(state)}
    return Evidence("attestation:review", state, "changed", facts={"each": [fact]})


@pytest.mark.parametrize(
    ("evidence", "denied"),
    [
        (None, True),
        (_review(State.OK), False),
        (_review(State.FAILED), True),
        (_review(State.OK, "README.md"), True),
        (_review(State.OK, holder=""), True),
    ],
)
def test_a_policy_can_demand_signed_reviews_of_what_instructs(
    project: Project, evidence: Evidence | None, denied: bool
) -> None:
    shutil.rmtree(project.root / "kit")
    shutil.rmtree(project.root / ".claude")
    project.write("AGENTS.md", "# Rules\nBe brief.\n")
    there = project.situation(agents=Agents(default="allow", reviews=1))
    more = {"attestation:review": evidence} if evidence else {}
    reasons = agents(replace(there, evidence={**there.evidence, **more})).reasons
    assert ("gate/review-missing" in [reason.rule for reason in reasons]) is denied
