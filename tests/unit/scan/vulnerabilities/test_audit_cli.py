"""`secpipe audit` and `secpipe advisories` as a user runs them."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from secpipe.cli.main import run
from secpipe.core.evidence import Evidence, State
from secpipe.scan.vulnerabilities import pip_audit
from secpipe.system import process

ROOT = Path(__file__).resolve().parents[4]
Make = Callable[..., Any]
SPAN = ({"introduced": "0"}, {"fixed": "2.2.0"})


@pytest.fixture
def bom(tmp_path: Path) -> Callable[..., str]:
    def make(*pairs: tuple[str, str], name: str = "bom.cdx.json") -> str:
        parts = [
            {"type": "library", "name": n, "version": v, "purl": f"pkg:pypi/{n}" + (f"@{v}" if v else "")}
            for n, v in pairs
        ]
        text = json.dumps({"bomFormat": "CycloneDX", "specVersion": "1.6", "components": parts})
        (tmp_path / name).write_text(text)
        return str(tmp_path / name)

    return make


@pytest.fixture
def osv(tmp_path: Path, record: Make) -> str:
    """A feed as of yesterday: torch has one vulnerability, keras a low one."""
    when = (datetime.now(UTC) - timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    low = [{"type": "CVSS_V3", "score": "CVSS:3.1/AV:L/AC:H/PR:H/UI:R/S:U/C:L/I:N/A:N"}]
    records = [
        record("GHSA-1", "torch", *SPAN, aliases=["CVE-2024-31583"]),
        record("GHSA-2", "keras", *SPAN, severity=low),
    ]
    (tmp_path / "osv.json").write_text(json.dumps([{**item, "modified": when} for item in records]))
    return str(tmp_path / "osv.json")


def test_found_is_1_clean_is_0_unknown_is_3(bom: Make, osv: str, capsysbinary: Any) -> None:
    assert run(["audit", bom(("torch", "2.0.0")), "--advisories", osv, "-f", "json"]) == 1
    document = json.loads(capsysbinary.readouterr().out)
    assert document["schema"] == "secpipe.findings/1"
    assert document["command"] == "audit"
    assert document["evidence"]["facts"]["advisories"]["records"] == 2
    assert document["findings"][0]["rule"] == "audit/known-vulnerability"
    assert run(["audit", bom(("torch", "2.2.0")), "--advisories", osv, "-f", "json"]) == 0
    assert run(["audit", bom(("torch", "")), "--advisories", osv, "-f", "json"]) == 3
    assert run(["audit", bom(("keras", "1.0")), "--advisories", osv, "-f", "json"]) == 1  # low, but known
    assert run(["audit", bom(("keras", "1.0")), "--advisories", osv, "-f", "json", "--fail-on", "high"]) == 0


def test_several_paths_are_one_audit(bom: Make, osv: str, capsysbinary: Any) -> None:
    paths = [bom(("keras", "3.0"), name="a.json"), bom(("torch", "2.0.0"), name="b.json")]
    assert run(["audit", *paths, "--advisories", osv, "-f", "json"]) == 1
    assert json.loads(capsysbinary.readouterr().out)["findings"][0]["path"] == "b.json"


def test_old_data_decides_nothing_when_an_age_is_demanded(bom: Make, osv: str, capsysbinary: Any) -> None:
    path = bom(("torch", "2.2.0"))
    assert run(["audit", path, "--advisories", osv, "-f", "json", "--max-age", "2"]) == 0
    assert run(["audit", path, "--advisories", osv, "-f", "json", "--max-age", "0"]) == 3
    unheard = bom(("unheard-of", "1.0"))
    assert run(["audit", unheard, "-f", "json", "--max-age", "5"]) == 3  # the embedded snapshot
    out = capsysbinary.readouterr().err.decode()
    assert "older than 5 days" in out
    assert "embedded snapshot" in out


def test_the_fix_plan_alone(bom: Make, osv: str, capsysbinary: Any) -> None:
    assert run(["audit", bom(("torch", "2.0.0")), "--advisories", osv, "--fix-plan"]) == 1
    assert capsysbinary.readouterr().out == b"upgrade torch 2.0.0 to 2.2.0: clears CVE-2024-31583\n"


def test_vex_in_and_out(bom: Make, osv: str, tmp_path: Path, capsysbinary: Any) -> None:
    path, out = bom(("torch", "2.0.0")), tmp_path / "out.openvex.json"
    assert run(["audit", path, "--advisories", osv, "-f", "json", "--write-vex", str(out), "--author", "me"]) == 1
    value = json.loads(out.read_text())
    assert value["statements"][0]["status"] == "affected"
    value["statements"][0] |= {
        "status": "not_affected",
        "justification": "vulnerable_code_not_present",
        "expires": (datetime.now(UTC) + timedelta(days=9)).isoformat(),
    }
    out.write_text(json.dumps(value))
    capsysbinary.readouterr()
    assert run(["audit", path, "--advisories", osv, "-f", "json", "--vex", str(out)]) == 0
    document = json.loads(capsysbinary.readouterr().out)
    assert document["evidence"]["facts"]["suppressed"] == 1
    assert run(["audit", path, "--advisories", osv, "--write-vex", str(out)]) == 2


def test_order_by_priority(bom: Make, osv: str, capsysbinary: Any) -> None:
    run(["audit", bom(("keras", "1.0"), ("torch", "2.0.0")), "--advisories", osv, "-f", "json", "--sort", "priority"])
    found = json.loads(capsysbinary.readouterr().out)["findings"]
    ranks = [finding["details"]["priority"] for finding in found]
    assert ranks == sorted(ranks, reverse=True)
    assert found[0]["details"]["package"] == "torch"


def test_wrong_usage(bom: Make, osv: str, tmp_path: Path, capsysbinary: Any) -> None:
    path = bom(("torch", "2.0.0"))
    assert run(["audit"]) == 2
    assert run(["audit", path, "--offline", "--second-opinion", "osv"]) == 2
    (tmp_path / "x.json").write_text("{}")
    assert run(["audit", str(tmp_path / "x.json")]) == 3
    assert run(["audit", path, "--advisories", str(tmp_path / "none")]) == 3
    assert b"Traceback" not in capsysbinary.readouterr().err


def test_update_and_show(osv: str, capsysbinary: Any, bom: Make) -> None:
    assert run(["advisories", "show"]) == 0
    assert b"embedded snapshot" in capsysbinary.readouterr().out
    assert run(["advisories", "update", "--from", osv]) == 0
    assert b"2 new, 0 changed, 2 in the store" in capsysbinary.readouterr().out
    assert run(["advisories", "show", "-f", "json"]) == 0
    assert json.loads(capsysbinary.readouterr().out)["feeds"][0]["records"] == 2
    assert run(["advisories", "update", "--from", osv, "--at", "2026-01-01"]) == 2
    assert run(["audit", bom(("torch", "2.0.0")), "-f", "json"]) == 1


def test_pack_and_take(osv: str, tmp_path: Path, bom: Make, capsysbinary: Any) -> None:
    target = str(tmp_path / "feed")
    assert run(["advisories", "pack", "--from", osv, "--to", target, "--days", "7"]) == 0
    assert run(["advisories", "update", "--from", target]) == 2  # signed or nothing
    assert run(["advisories", "update", "--from", target, "--unsigned"]) == 0
    assert run(["audit", bom(("torch", "2.0.0")), "--advisories", target, "-f", "json"]) == 1


def test_every_rule_is_described() -> None:
    rules = {rule["id"] for rule in tomllib.loads((ROOT / "policies/rules/audit.toml").read_text())["rule"]}
    source = "".join(path.read_text() for path in (ROOT / "secpipe/scan/vulnerabilities").glob("*.py"))
    used = set(re.findall(r'"(audit/[a-z-]+)"', source))
    used |= {f"audit/{name}" for name in re.findall(r'_finding\(\s*"([a-z-]+)"', source)}
    assert used == rules


class Program:
    """A real program in the place of pip-audit: a script that answers as told."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.path, self.folder = folder / "pip-audit", folder
        monkeypatch.setattr(process, "find_program", lambda name, outside: str(self.path))

    def answers(self, text: str, code: int = 0) -> None:
        (self.folder / "answer").write_text(text)
        self.path.write_text(
            f"#!/bin/sh\necho \"$@\" > '{self.folder}/argv'\ncp requirements.txt '{self.folder}/asked'\n"
            f"cat '{self.folder}/answer'\nexit {code}\n"
        )
        self.path.chmod(0o755)


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Program:
    return Program(tmp_path, monkeypatch)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ('{"dependencies": []}', 0),  # fewer answered than asked
        ('{"dependencies": [{"name": "torch", "version": "9", "vulns": []}]}', 0),
        ('{"dependencies": [{"name": "torch"}]}', 0),
        ('{"dependencies": 5}', 0),
        ("[]", 0),
        ("not json", 1),
        ("", 2),
        ('{"dependencies": [{"name": "torch", "version": "2.0.0", "vulns": [{"id": 1}]}]}', 1),
    ],
)
def test_a_second_opinion_that_is_none(
    text: str, code: int, program: Program, store_of: Make, record: Make, inventory_of: Make, tmp_path: Path
) -> None:
    program.answers(text, code)
    store = store_of(record("GHSA-1", "torch", *SPAN))
    evidence: Evidence = pip_audit.second_opinion(inventory_of(("torch", "2.0.0")), store, tree=tmp_path)
    assert evidence.state is State.SKIPPED
    assert evidence.reason


def test_pip_audit_gets_plain_pins_and_nothing_to_build(
    program: Program, store_of: Make, record: Make, inventory_of: Make, tmp_path: Path
) -> None:
    answer = {"dependencies": [{"name": "Torch", "version": "2.0.0", "vulns": []}]}
    answer["dependencies"].append({"name": "odd", "skip_reason": "not found"})  # type: ignore[dict-item]
    program.answers(json.dumps(answer))
    nasty = [
        ("--index-url=http://x", "1"),
        ("a", "1\n-r /etc/passwd"),
        ("b @ file:///x", "1"),
        ("c", "1; x"),
        ("d", "old~"),
    ]
    packages = inventory_of(("torch", "2.0.0"), ("odd", "1.0"), *nasty)
    evidence = pip_audit.second_opinion(packages, store_of(record("GHSA-1", "x", *SPAN)), tree=tmp_path)
    assert evidence.state is State.OK
    assert (tmp_path / "asked").read_text() == "odd==1.0\ntorch==2.0.0\n"
    argv = (tmp_path / "argv").read_text().split()
    assert "--no-deps" in argv
    assert "--disable-pip" in argv
    reasons = " ".join(skip.reason for skip in evidence.skips)
    assert "skipped odd" in reasons
    assert reasons.count("cannot be asked") == len(nasty)
