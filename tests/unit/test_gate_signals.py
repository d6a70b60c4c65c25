"""Signed words from production: a no withdraws the verdict on what it names; what does not hold is told."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.transcript import Shell

POLICY = """\
schema = "secpipe.policy/1"
name = "shop"
owner = "ann"
expires = 2027-06-30
profile = "baseline"
[signatures]
required = false
[vulnerabilities]
required = false
[signals]
limits = ["refusals <= 0.2"]
"""
DAYS = ("2026-11-19T00:00:00Z", "2026-11-20T00:00:00Z", "2026-11-21T00:00:00Z")


class Production:
    """A release that is out, and who watches it."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.shell = Shell(folder, monkeypatch)
        self.cwd = self.shell.cwd
        monkeypatch.setenv("PW", "correct horse battery")
        (self.cwd / "shop/prompts").mkdir(parents=True)
        (self.cwd / "shop/prompts/system.txt").write_text("Answer in one sentence.")
        (self.cwd / "policy.toml").write_text(POLICY)
        for command in (
            "keys init --holder ann --passphrase-file env:PW",
            "keys add-identity canary --purpose signal --passphrase-file env:PW",
        ):
            self.run(0, f"secpipe {command}")
        pin = self.run(0, "secpipe policy pin policy.toml").split()[0]
        self.trust = "--trust keys --trust-pin " + self.run(0, "secpipe trust pin keys").split()[0]
        self.check = f"secpipe check shop --policy policy.toml --policy-ref {pin} {self.trust}"
        self.let_out()

    def run(self, wanted: int, command: str) -> str:
        code, out, err = self.shell(command)
        assert code == wanted, f"{command}\n{out}{err}"
        return out + err

    def let_out(self) -> None:
        self.run(0, f"{self.check} --store verdicts --sign verdict --passphrase-file env:PW")

    def say(
        self, name: str, day: int = 0, subject: str = "shop", who: str = "canary", wanted: int = 0, **more: Any
    ) -> None:
        """Sign a signal about the window that begins on a day."""
        window = {"from": DAYS[day], "to": DAYS[day + 1]}
        predicate = {"window": window, "result": "PASSED", "metrics": {"refusals": 0.05}} | more
        (self.cwd / f"{name}.json").write_text(json.dumps(predicate))
        (self.cwd / "signals" / name).mkdir(parents=True, exist_ok=True)
        command = f"secpipe attest {subject} --type signal --kind canary --predicate {name}.json --key {who}"
        self.run(wanted, f"{command} --passphrase-file env:PW -o signals/{name}")

    def monitor(self, wanted: int) -> dict[str, Any]:
        code, out, err = self.shell(f"secpipe monitor --store verdicts {self.trust} --signals signals -f json")
        assert code == wanted, out + err
        found: dict[str, Any] = json.loads(out)
        return found


@pytest.fixture
def production(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Production:
    return Production(tmp_path, monkeypatch)


def test_a_signal_withdraws_a_verdict_until_a_later_window_is_good(production: Production) -> None:
    production.say("first")
    assert production.monitor(0)["releases"][0]["state"] == "holds"
    production.say("second", metrics={"refusals": 0.31})
    production.shell.sleep(minutes=1)
    production.say("third", metrics={"refusals": 0.31})
    found = production.monitor(1)
    (release,) = found["releases"]
    assert (release["state"], release["now"], found["exit_code"]) == ("affected", "deny", 1)
    (reason,) = release["reasons"]
    assert (reason["rule"], reason["since"]) == ("gate/signal", DAYS[0])
    assert "refusals is 0.31, and the policy wants <= 0.2" in reason["what"]
    assert "AFFECTED" in found["sentence"]
    production.say("fourth", day=1)
    assert production.monitor(0)["releases"][0]["state"] == "holds"


def test_the_signers_own_no_counts_whatever_the_figures(production: Production) -> None:
    production.say("first", result="FAILED", metrics={})
    assert "ended FAILED" in production.monitor(1)["releases"][0]["reasons"][0]["what"]


def test_a_later_word_that_is_silent_about_a_figure_mends_nothing(production: Production) -> None:
    """Who leaves the bad figure out has not measured it again; who never gave it says nothing wrong."""
    production.say("other", metrics={"answers": 7})
    assert production.monitor(0)["releases"][0]["state"] == "holds"
    production.say("bad", metrics={"refusals": 0.31})
    production.say("silent", day=1, metrics={"answers": 12})
    assert production.monitor(1)["releases"][0]["state"] == "affected"
    production.say("good", day=1, metrics={"refusals": 0.01})
    assert production.monitor(0)["releases"][0]["state"] == "holds"


def test_two_words_of_one_moment_are_as_bad_as_the_worse(production: Production) -> None:
    production.say("b-good")
    production.say("a-bad", metrics={"refusals": 0.9})
    production.say("c-good")
    production.monitor(1)


def test_a_signal_about_a_prompt_speaks_of_every_release_with_it_and_the_way_back_is_without(
    production: Production,
) -> None:
    prompt = production.cwd / "shop/prompts/system.txt"
    production.shell.sleep(hours=1)
    prompt.write_text("Answer at length.")
    production.let_out()
    production.say("first", subject="shop/prompts/system.txt", result="FAILED")
    (release,) = production.monitor(1)["releases"]
    assert release["rollback"]["at"] == "2026-11-21T12:00:00Z"
    prompt.write_text("Be kind.")
    production.shell.sleep(hours=1)
    production.let_out()
    assert production.monitor(0)["releases"][0]["state"] == "holds"


def test_what_does_not_hold_is_told_and_is_no_signal(production: Production) -> None:
    production.say("half", result="FAILED")
    next((production.cwd / "signals/half").glob("*.pqc.att.json")).unlink()
    production.say("future", window={"from": DAYS[0], "to": "2026-12-24T00:00:00Z"})
    production.say("none", window={})
    (production.cwd / "signals/x.canary.att.json").write_text("{}")
    (production.cwd / "signals/y.canary.att.json").symlink_to("x.canary.att.json")
    found = production.monitor(3)
    assert len(found["unproven"]) == 5
    assert "5 signals could not be verified" in found["sentence"]
    assert found["releases"][0]["state"] == "holds"


def test_who_builds_says_nothing_of_production(production: Production) -> None:
    production.say("first", who="builder", wanted=1)


def test_without_a_trust_root_no_signal_is_believed(production: Production) -> None:
    (production.cwd / "signals").mkdir()
    assert "--trust" in production.run(2, "secpipe monitor --store verdicts --signals signals")
