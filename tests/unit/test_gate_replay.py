"""Replay: the same policy gives what was stored, another tells what it would have changed, nothing is passed over."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from secpipe.cli.main import run
from secpipe.gate.after.replay import document, replay_store
from secpipe.gate.policies import policy_file
from secpipe.gate.policies.policy_file import Loaded
from tests.unit.gate_past import NOW, POLICY, Gate, advisory

LICENSES = "[licenses]\nallow = ['MIT']\n"


@pytest.fixture
def gate(tmp_path: Path) -> Gate:
    """A store with one verdict that passed and one that did not."""
    made = Gate(tmp_path)
    made.judge()
    made.write("requirements.txt", f"jinja2==3.0 --hash=sha256:{'a' * 64}\n")
    made.advise(advisory("GHSA-a", "jinja2", "3.0"))
    made.judge()
    return made


def policy(text: str = "") -> Loaded:
    return policy_file.parse((POLICY + text).encode(), "new.toml")


def turns(gate: Gate, new: Loaded, old: Loaded | None = None) -> set[str]:
    changes, damaged = replay_store(gate.store, new, old=old)
    assert not damaged
    assert not any(change.mismatch for change in changes)
    return {f"{change.then} -> {change.now}" for change in changes}


def test_the_same_policy_reproduces_what_was_stored(gate: Gate) -> None:
    changes, damaged = replay_store(gate.store, policy())
    assert sorted((str(change.then), str(change.now)) for change in changes) == [("deny", "deny"), ("pass", "pass")]
    assert not any(change.new or change.gone or change.mismatch for change in changes)
    assert not damaged


def test_a_stricter_and_a_laxer_policy_change_verdicts_and_say_why(gate: Gate) -> None:
    assert turns(gate, policy(LICENSES)) == {"pass -> deny", "deny -> deny"}
    assert turns(gate, policy("[vulnerabilities]\nblock = 'never'\n")) == {"pass -> pass", "deny -> warn"}
    changes, _ = replay_store(gate.store, policy(LICENSES))
    passed = next(change for change in changes if str(change.then) == "pass")
    assert [reason.check for reason in passed.new] == ["licenses"]
    changes, _ = replay_store(gate.store, policy("[vulnerabilities]\nblock = 'never'\n"))
    denied = next(change for change in changes if str(change.then) == "deny")
    assert [reason.rule for reason in denied.gone] == ["audit/known-vulnerability"]


def test_going_from_warn_to_enforce_shows_what_would_break(tmp_path: Path) -> None:
    gate = Gate(tmp_path, policy=POLICY + 'mode = "warn"\n')
    gate.advise(advisory("GHSA-a", "torch", "2.1.0"))
    gate.judge()
    assert turns(gate, policy()) == {"warn -> deny"}
    assert turns(gate, policy('mode = "warn"\n')) == {"warn -> warn"}


def test_two_policies_can_be_held_against_each_other(gate: Gate) -> None:
    assert turns(gate, policy(), old=policy(LICENSES)) == {"deny -> pass", "deny -> deny"}


def test_it_is_judged_as_of_then_not_as_of_now(gate: Gate) -> None:
    short = policy_file.parse(POLICY.replace("2027-06-30", "2026-11-21").encode(), "new.toml")
    assert turns(gate, short) == {"pass -> pass", "deny -> deny"}


def test_an_edited_entry_no_longer_reproduces(gate: Gate) -> None:
    entry = next(iter(gate.store.glob("prod/*/*")))
    evidence = json.loads((entry / "evidence.json").read_text())
    evidence["evidence"]["files"].update(state="failed", reason="made up")
    (entry / "evidence.json").write_text(json.dumps(evidence))
    changes, damaged = replay_store(gate.store, policy())
    assert not damaged
    assert sum(bool(change.mismatch) for change in changes) == 1
    assert document(changes, damaged, policy(), None, strict=False)["exit_code"] == 3


def test_a_damaged_entry_is_listed(gate: Gate, capsys: pytest.CaptureFixture[str]) -> None:
    entry = next(iter(gate.store.glob("prod/*/*")))
    (entry / "evidence.json").write_bytes(b"{")
    changes, damaged = replay_store(gate.store, policy())
    assert (len(changes), len(damaged)) == (1, 1)
    assert run(["policy", "replay", str(gate.policy_file), "--store", str(gate.store)]) == 3
    assert entry.name in capsys.readouterr().out


def test_exit_codes_and_formats(gate: Gate, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    new = tmp_path / "new.toml"
    new.write_text(POLICY + LICENSES)
    words = ["policy", "replay", str(new), "--store", str(gate.store)]
    assert run(words) == 0
    out = capsys.readouterr().out
    assert "2 verdicts replayed: 1 would change." in out
    assert "pass -> deny" in out
    assert run([*words, "--fail-on-change"]) == 1
    assert run([*words[:2], str(gate.policy_file), *words[3:], "--fail-on-change"]) == 0
    capsys.readouterr()
    assert run([*words, "-f", "json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["changes"] == {"pass -> deny": 1}
    assert {row["changed"] for row in told["verdicts"]} == {True, False}
    assert run([*words, "-f", "html"]) == 2
    assert run([*words[:-1], str(tmp_path / "none")]) == 3
    assert run([*words[:2], str(tmp_path / "none.toml"), *words[3:]]) == 2


def test_a_policy_that_cannot_be_resolved_is_an_error_of_the_policy(gate: Gate, tmp_path: Path) -> None:
    new = tmp_path / "new.toml"
    new.write_text(POLICY + "[env.prod]\nsbom.required = false\n")
    assert run(["policy", "replay", str(new), "--store", str(gate.store)]) == 2


def test_hostile_names_stay_on_their_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    gate = Gate(tmp_path, now=NOW)
    gate.judge(name="a\x1b[2J\nb\u202e")
    assert run(["policy", "replay", "builtin:strict", "--store", str(gate.store)]) == 0
    out = capsys.readouterr().out
    assert "\x1b" not in out
    assert "\u202e" not in out
