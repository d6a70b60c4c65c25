"""What only development needs: left out by `audit --scope prod`, a warning where the policy says so, never malice."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from secpipe.cli.main import run
from secpipe.core.finding import Finding, Severity
from secpipe.core.verdict import Effect
from secpipe.formats.packages.scopes import is_development
from secpipe.gate.policies.policy import Policy, Vulnerabilities
from secpipe.gate.rules.vulnerabilities import vulnerabilities
from secpipe.sbom.collect import collect
from secpipe.system.tree import open_tree
from tests.unit.gate_builders import clean, ok, situation

UV = """version = 1
[[package]]
name = "app"
version = "1"
source = { virtual = "." }
dependencies = [{ name = "rich" }]
[package.optional-dependencies]
web = [{ name = "jinja2" }]
[package.dev-dependencies]
dev = [{ name = "requests" }]
""" + "".join(
    f'[[package]]\nname = "{name}"\nversion = "{version}"\nsource = {{ registry = "https://pypi.org/simple" }}\n'
    for name, version in (("rich", "14.0.0"), ("jinja2", "3.1.4"), ("requests", "2.19.0"))
)
NPM = json.dumps({"name": "a", "lockfileVersion": 3, "packages": {
    "": {"name": "a"}, "node_modules/ship": {"version": "1.0.0"},
    "node_modules/maybe": {"version": "1.0.0", "optional": True},
    "node_modules/tool": {"version": "1.0.0", "dev": True}}})  # fmt: skip
PNPM = """lockfileVersion: '6.0'
packages:
  /ship@1.0.0:
    resolution: {integrity: sha512-x}
    dev: false
  /maybe@1.0.0:
    resolution: {integrity: sha512-x}
    optional: true
  /tool@1.0.0:
    resolution: {integrity: sha512-x}
    dev: true
"""


@pytest.mark.parametrize(
    ("name", "text", "left_out"),
    [("uv.lock", UV, {"requests"}), ("package-lock.json", NPM, {"tool"}), ("pnpm-lock.yaml", PNPM, {"tool"})],
)
def test_only_what_development_alone_needs_is_left_out(
    tmp_path: Path, name: str, text: str, left_out: set[str]
) -> None:
    (tmp_path / name).write_text(text)
    assert {one.name for one in collect(open_tree(tmp_path)).components if is_development(one)} == left_out


def test_a_package_that_the_release_needs_elsewhere_is_not(tmp_path: Path) -> None:
    (tmp_path / "uv.lock").write_text(UV)
    (tmp_path / "requirements.txt").write_text("requests==2.19.0\n")
    found = {one.name: one for one in collect(open_tree(tmp_path)).components}
    assert not is_development(found["requests"])


def test_the_command_says_how_many_it_left_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "uv.lock").write_text(UV)
    run(["audit", str(tmp_path), "--scope", "prod", "-f", "json"])
    told = capsys.readouterr()
    assert "1 package that only development needs left out" in told.err
    assert {one["details"]["package"] for one in json.loads(told.out)["findings"] if "id" in one["details"]} == {
        "jinja2"
    }


@pytest.mark.parametrize(
    ("rule", "development", "scope", "effect"),
    [
        ("audit/known-vulnerability", True, "prod", Effect.WARN),
        ("audit/known-vulnerability", True, "all", Effect.DENY),
        ("audit/known-vulnerability", False, "prod", Effect.DENY),
        ("audit/known-vulnerability", "yes", "prod", Effect.DENY),
        ("audit/malicious-package", True, "prod", Effect.DENY),
    ],
)
def test_a_policy_may_let_a_vulnerability_of_development_warn(
    rule: str, development: bool, scope: str, effect: Effect
) -> None:
    one = Finding(rule, "x", Severity.HIGH, subject="x", details={"package": "x", "development": development})
    rules = replace(Policy(), vulnerabilities=Vulnerabilities(scope=scope))
    judged = vulnerabilities(situation(clean(audit=replace(ok("audit"), findings=(one,))), rules)).findings
    assert [item.effect for item in judged] == [effect]
