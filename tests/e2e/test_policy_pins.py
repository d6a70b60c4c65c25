"""`--policy-ref` of every kind and `--waivers`: what vouches for the rules, and the attacks on each."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from secpipe.cli.main import run
from secpipe.gate import origin
from tests.e2e.test_pull_request import DEEPSEEK, LAX, POLICY, Gate
from tests.e2e.transcript import ROOT, Shell

WAIVERS = """schema = "secpipe.waivers/1"
[[waiver]]
id = "W-1"
rule = "shadow-ai/*"
owner = "raj@acme.example"
approved_by = "jane@acme.example"
reason = "contract is being signed"
expires = 2026-12-15
"""


class Repo(Gate):
    """The project of `Gate` in a git repository with a protected branch, as a CI job checks it out."""

    def __init__(self, shell: Shell) -> None:
        super().__init__(shell)
        (self.tree / "secpipe-policy.toml").write_text(POLICY)
        self.git("init", "-q", "-b", "main")
        self.commit("base")
        self.git("update-ref", "refs/remotes/origin/main", "HEAD")
        self.git("checkout", "-q", "-b", "change")

    def git(self, *words: str) -> str:
        identity = ["-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false"]
        done = subprocess.run(["git", *identity, *words], cwd=self.tree, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def commit(self, words: str) -> None:
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", words)

    def asks(self, options: str) -> tuple[int, dict[str, Any], str]:
        trust = f"--trust trusted --trust-pin {self.trust_pin}"
        code, out, err = self.shell(f"secpipe check project {trust} {options} -f json")
        return code, json.loads(out) if out else {}, err


@pytest.fixture
def repo(shell: Shell) -> Repo:
    return Repo(shell)


@pytest.fixture
def gate(shell: Shell) -> Gate:
    return Gate(shell)


def test_a_protected_branch_holds_the_policy(repo: Repo) -> None:
    code, document, _ = repo.asks("--policy-ref git:origin/main")
    assert code == 0, document
    commit = repo.git("rev-parse", "origin/main")
    assert document["policy"]["pin"] == f"git:refs/remotes/origin/main@{commit}:secpipe-policy.toml"
    assert document["policy"]["pinned"] is True
    assert document["self_judged"] is False
    assert document["policy"]["digest"]["sha256"] == repo.policy_pin.removeprefix("sha256:")


@pytest.mark.parametrize("committed", [True, False])
def test_a_policy_edited_in_the_same_change_does_not_count(repo: Repo, committed: bool) -> None:
    (repo.tree / "app.py").write_text(DEEPSEEK)
    (repo.tree / "secpipe-policy.toml").write_text(LAX)
    if committed:
        repo.commit("change the rules")
    code, document, _ = repo.asks("--policy-ref git:origin/main")
    assert code == 1
    assert document["policy"]["name"] == "acme"


def test_the_edited_policy_still_tightens(repo: Repo) -> None:
    strict = POLICY.replace('profile = ["baseline"]', 'profile = ["baseline"]\n[models]\nformats = ["onnx"]\n')
    (repo.tree / "secpipe-policy.toml").write_text(strict)
    code, document, _ = repo.asks("--policy-ref git:origin/main")
    assert code == 1
    assert "the project's own policy" in document["sentence"]


def test_an_unchanged_policy_is_not_judged_twice(repo: Repo) -> None:
    (repo.tree / "app.py").write_text(DEEPSEEK)
    code, document, _ = repo.asks("--policy-ref git:origin/main")
    assert code == 1
    assert not [reason for reason in document["reasons"] if "own policy" in reason["what"]]


def lax_commit(repo: Repo) -> str:
    (repo.tree / "secpipe-policy.toml").write_text(LAX)
    repo.commit("lax")
    return repo.git("rev-parse", "HEAD")


def test_a_tag_cannot_stand_for_a_branch(repo: Repo) -> None:
    repo.git("tag", "origin/main", lax_commit(repo))
    _, document, _ = repo.asks("--policy-ref git:origin/main")
    assert document["policy"]["name"] == "acme"


def test_a_local_branch_of_the_same_name_is_ambiguous(repo: Repo) -> None:
    repo.git("branch", "origin/main", lax_commit(repo))
    code, document, err = repo.asks("--policy-ref git:origin/main")
    assert (code, document) == (2, {})
    assert "is two branches" in err
    assert repo.asks("--policy-ref git:refs/remotes/origin/main")[1]["policy"]["name"] == "acme"


def test_a_replaced_object_changes_nothing(repo: Repo) -> None:
    honest = repo.git("rev-parse", "origin/main:secpipe-policy.toml")
    lax = repo.git("rev-parse", f"{lax_commit(repo)}:secpipe-policy.toml")
    repo.git("replace", honest, lax)
    assert repo.asks("--policy-ref git:origin/main")[1]["policy"]["name"] == "acme"


def test_a_folder_that_looks_like_a_bare_repository_is_none(repo: Repo) -> None:
    """Whoever can add files can add HEAD, objects/ and refs/: git would take the folder for a repository of its own."""
    lax_commit(repo)
    inner = repo.tree / "service"
    subprocess.run(["git", "clone", "-q", "--bare", str(repo.tree), str(inner)], check=True, capture_output=True)
    tip = repo.git("rev-parse", "HEAD")
    subprocess.run(["git", "-C", str(inner), "update-ref", "refs/remotes/origin/main", tip], check=True)
    found = subprocess.run(["git", "-C", str(inner), "rev-parse", "--git-dir"], capture_output=True, text=True)
    assert found.stdout.strip() == ".", "git takes it for a repository"
    code, out, err = repo.shell("secpipe check project/service --policy-ref git:origin/main -f json")
    assert (code, out) == (2, "")
    assert "is in no work tree" in err
    for line in ("core.bare false", "core.worktree .."):
        subprocess.run(["git", "-C", str(inner), "config", *line.split()], check=True)
    named = "--policy-ref git:origin/main:secpipe-policy.toml"
    code, out, err = repo.shell(f"secpipe check project/service {named} -f json")
    assert (code, out) == (2, "")
    assert "is in no work tree" in err


def test_the_projects_own_settings_run_nothing(repo: Repo) -> None:
    mark = repo.shell.cwd / "ran"
    script = repo.shell.cwd / "evil.sh"
    script.write_text(f"#!/bin/sh\ntouch {mark}\n")
    script.chmod(0o755)
    for name in (
        "core.fsmonitor",
        "core.sshCommand",
        "diff.external",
        "filter.x.smudge",
        "core.pager",
        "alias.ls-tree",
    ):
        repo.git("config", name, str(script))
    (repo.tree / ".gitattributes").write_text("* filter=x diff=x\n")
    code, _, _ = repo.asks("--policy-ref git:origin/main")
    assert code in (0, 1, 3)
    assert not mark.exists()


def test_the_policy_may_stand_elsewhere_and_in_a_part_of_the_repository(repo: Repo) -> None:
    (repo.tree / "ci").mkdir()
    (repo.tree / "ci/p.toml").write_text(POLICY.replace('"acme"', '"elsewhere"'))
    (repo.tree / "part").mkdir()
    (repo.tree / "part/secpipe-policy.toml").write_text(POLICY.replace('"acme"', '"part"'))
    (repo.tree / "part/app.py").write_text("print(1)\n")
    repo.commit("more")
    repo.git("update-ref", "refs/heads/stable", "HEAD")
    assert repo.asks("--policy-ref git:stable:ci/p.toml")[1]["policy"]["name"] == "elsewhere"
    _, out, _ = repo.shell("secpipe check project/part --policy-ref git:stable -f json")
    assert json.loads(out)["policy"]["name"] == "part"
    commit = repo.git("rev-parse", "stable")
    assert repo.asks(f"--policy-ref git:{commit}:ci/p.toml")[1]["policy"]["pin"] == f"git:{commit}@{commit}:ci/p.toml"


@pytest.mark.parametrize(
    ("reference", "words"),
    [
        ("git:HEAD", "HEAD is what is under test"),
        ("git:origin/HEAD", "HEAD is what is under test"),
        ("git:change~1", "is no name of a branch"),
        ("git:-x", "is no name of a branch"),
        ("git:--upload-pack=x", "is no name of a branch"),
        ("git:main@{1}", "is no name of a branch"),
        ("git:../x", "is no name of a branch"),
        ("git:absent", "has no branch"),
        ("git:main:absent.toml", "is not there"),
        ("git:main:../policy.toml", "is no path"),
        ("git:main:/etc/passwd", "is no path"),
        ("git:main:keys", "is no regular file"),
        ("git:", "is no policy pin"),
        ("gti:main", 'did you mean "git"?'),
        ("signed:", "is no policy pin"),
        ("md5:00", "is no policy pin"),
    ],
)
def test_references_that_name_nothing(repo: Repo, reference: str, words: str) -> None:
    extra = "" if reference.startswith("git:") and reference != "git:" else "--policy policy.toml "
    code, _, err = repo.asks(f"{extra}--policy-ref {reference}")
    assert code == 2
    assert words in err


def test_a_link_in_the_branch_is_not_followed(repo: Repo) -> None:
    (repo.tree / "link.toml").symlink_to("/etc/passwd")
    repo.commit("link")
    repo.git("update-ref", "refs/heads/stable", "HEAD")
    code, _, err = repo.asks("--policy-ref git:stable:link.toml")
    assert code == 2
    assert "is no regular file" in err


def test_git_and_a_file_at_once_is_wrong_usage(repo: Repo) -> None:
    for words in ("--policy builtin:baseline --policy-ref git:main", "--policy x.toml --policy-ref git:main:y.toml"):
        code, _, err = repo.asks(words)
        assert code == 2
        assert "two policies are named" in err


def test_the_policys_path_may_be_named_as_usual_and_links_decide_nothing(repo: Repo) -> None:
    (repo.tree / "ci").mkdir()
    (repo.tree / "ci/p.toml").write_text(POLICY.replace('"acme"', '"honest"'))
    (repo.tree / "other").mkdir()
    (repo.tree / "other/p.toml").write_text(LAX)
    repo.commit("two policies")
    repo.git("update-ref", "refs/heads/stable", "HEAD")
    asked = "--policy project/ci/p.toml --policy-ref git:stable"
    assert repo.asks(asked)[1]["policy"]["name"] == "honest"
    shutil.rmtree(repo.tree / "ci")
    (repo.tree / "ci").symlink_to("other")
    assert repo.asks(asked)[1]["policy"]["name"] == "honest"
    code, _, err = repo.asks("--policy policy.toml --policy-ref git:stable")
    assert code == 2
    assert "is no path in the repository" in err


def test_a_hook_finds_the_branch_of_its_own_repository(repo: Repo) -> None:
    repo.git("update-ref", "refs/heads/stable", "HEAD")
    (repo.tree / "secpipe-policy.toml").write_text(LAX)
    (repo.tree / "app.py").write_text(DEEPSEEK)
    repo.commit("a change of the rules, too")
    trust = f"--trust {repo.shell.cwd}/trusted --trust-pin {repo.trust_pin}"
    line = f"refs/heads/change {repo.git('rev-parse', 'HEAD')} refs/heads/change {'0' * 40}"
    done = subprocess.run(
        [sys.executable, "-m", "secpipe", "hook", "run", "pre-push", "--policy-ref", "git:stable", *trust.split()],
        cwd=repo.tree, input=line, capture_output=True, text=True, env=os.environ | {"PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert done.returncode == 1, done.stdout + done.stderr
    assert "acme" in done.stdout
    assert "BLOCKED" in done.stdout


def test_outside_a_repository_there_is_no_branch(gate: Gate) -> None:
    assert gate.shell("secpipe check project --policy-ref git:main")[0] == 2


def sign(gate: Gate, name: str, kind: str, identity: str = "advisories") -> None:
    gate.run(0, f"secpipe sign {name} --kind {kind} --key {identity} --trust project/keys --passphrase-file pass")


def ask(gate: Gate, options: str, pinned: bool = True) -> tuple[int, dict[str, Any], str]:
    pin = f"--trust-pin {gate.trust_pin}" if pinned else ""
    code, out, err = gate.shell(f"secpipe check project --trust trusted {pin} {options} -f json")
    return code, json.loads(out) if out else {}, err


def test_a_signed_policy_is_pinned_by_who_signed_it(gate: Gate) -> None:
    sign(gate, "policy.toml", "policy")
    for reference in ("signed", "signed:advisories"):
        code, document, err = ask(gate, f"--policy policy.toml --policy-ref {reference}")
        assert code == 0, err
        assert document["policy"]["pin"] == "signed:advisories"
        assert document["self_judged"] is False


def test_a_signed_policy_that_was_changed_is_refused(gate: Gate) -> None:
    sign(gate, "policy.toml", "policy")
    (gate.shell.cwd / "policy.toml").write_text(POLICY + "# more\n")
    code, document, err = ask(gate, "--policy policy.toml --policy-ref signed")
    assert (code, document) == (1, {}), err


@pytest.mark.parametrize("missing", ["policy.toml.sig", "policy.toml.pqc.sig"])
def test_one_half_is_no_signature(gate: Gate, missing: str) -> None:
    sign(gate, "policy.toml", "policy")
    (gate.shell.cwd / missing).unlink()
    assert ask(gate, "--policy policy.toml --policy-ref signed")[0] == 1


def test_a_signature_for_another_purpose_or_by_another_does_not_count(gate: Gate) -> None:
    sign(gate, "policy.toml", "file", "builder")
    assert ask(gate, "--policy policy.toml --policy-ref signed")[0] == 1
    for sidecar in gate.shell.cwd.glob("policy.toml.*"):
        sidecar.unlink()
    sign(gate, "policy.toml", "policy")
    code, _, err = ask(gate, "--policy policy.toml --policy-ref signed:security")
    assert code == 1
    assert "is signed by advisories, not by security" in err


def test_a_builder_may_not_sign_policies_or_waivers(gate: Gate) -> None:
    for kind in ("policy", "waiver"):
        command = f"secpipe sign policy.toml --kind {kind} --key builder --trust project/keys --passphrase-file pass"
        assert gate.shell(command)[0] == 1


def test_a_signature_under_a_trust_root_that_is_not_pinned_proves_nothing(gate: Gate) -> None:
    sign(gate, "policy.toml", "policy")
    code, document, err = ask(gate, "--policy policy.toml --policy-ref signed", pinned=False)
    assert (code, document) == (3, {})
    assert "is not pinned" in err
    shutil.rmtree(gate.shell.cwd / "trusted")
    shutil.rmtree(gate.tree / "keys")
    code, _, err = gate.shell("secpipe check project --policy policy.toml --policy-ref signed")
    assert code == 3
    assert "no trust root" in err


@pytest.mark.parametrize("kind", ["sha256", "signed", "git"])
def test_minimum_versions_hold_with_every_kind(repo: Repo, kind: str) -> None:
    text = POLICY + "[minimum]\nring = 7\n"
    (repo.shell.cwd / "policy.toml").write_text(text)
    options = {"git": "--policy-ref git:stable", "signed": "--policy policy.toml --policy-ref signed"}
    if kind == "git":
        (repo.tree / "secpipe-policy.toml").write_text(text)
        repo.commit("minimum")
        repo.git("update-ref", "refs/heads/stable", "HEAD")
    elif kind == "signed":
        sign(repo, "policy.toml", "policy")
    pin = repo.run(0, "secpipe policy pin policy.toml").strip()
    code, document, _ = repo.asks(options.get(kind, f"--policy policy.toml --policy-ref {pin}"))
    assert code == 3
    assert any(reason["rule"] == "gate/trust-below-minimum" for reason in document["reasons"])


def waived(gate: Gate, text: str = WAIVERS) -> Path:
    (gate.tree / "app.py").write_text(DEEPSEEK)
    place = gate.shell.cwd / "waivers.toml"
    place.write_text(text)
    return place


PINNED = "--policy policy.toml --policy-ref {pin}"


def with_waivers(gate: Gate, options: str = "", **rest: Any) -> tuple[int, dict[str, Any], str]:
    return ask(gate, f"{PINNED.format(pin=gate.policy_pin)} --waivers waivers.toml {options}", **rest)


def test_waivers_that_nobody_vouches_for_leave_it_undecided(gate: Gate) -> None:
    waived(gate)
    code, document, _ = with_waivers(gate)
    assert code == 3
    assert document["self_judged"] is True
    assert "nothing vouches for the waivers" in document["sentence"]


def test_signed_waivers_count_and_are_listed(gate: Gate) -> None:
    waived(gate)
    sign(gate, "waivers.toml", "waiver")
    code, document, _ = with_waivers(gate)
    assert code == 0, document["sentence"]
    (used,) = document["waivers"]
    assert (used["id"], used["used"], used["signed_by"], used["refused"]) == ("W-1", 1, "advisories", "")
    assert used["source"].endswith("waivers.toml")
    assert used["approved_by"] == "jane@acme.example"
    code, document, _ = with_waivers(gate, "--env staging")
    assert code == 0


def test_pinned_waivers_count(gate: Gate) -> None:
    waived(gate)
    pin = gate.run(0, "secpipe policy pin waivers.toml").strip()
    assert with_waivers(gate, f"--waivers-ref {pin}")[0] == 0
    waived(gate, WAIVERS.replace("shadow-ai/*", "*"))
    code, document, err = with_waivers(gate, f"--waivers-ref {pin}")
    assert (code, document) == (1, {})
    assert "are not the pinned ones" in err


@pytest.mark.parametrize(
    "attack",
    ["changed", "one half", "wrong purpose", "policy purpose", "unpinned root", "own keys"],
)
def test_waivers_whose_signature_does_not_hold_are_as_if_unsigned(gate: Gate, attack: str) -> None:
    place = waived(gate)
    if attack == "wrong purpose":
        sign(gate, "waivers.toml", "file", "builder")
    elif attack == "policy purpose":
        sign(gate, "waivers.toml", "policy")
    else:
        sign(gate, "waivers.toml", "waiver")
    if attack == "changed":
        place.write_text(WAIVERS.replace("shadow-ai/*", "*"))
    if attack == "one half":
        place.with_name("waivers.toml.pqc.sig").unlink()
    if attack == "own keys":
        for sidecar in gate.shell.cwd.glob("waivers.toml.*"):
            sidecar.unlink()
        home = Path(gate.shell.environment["SECPIPE_HOME"])
        home.rename(home.with_name("honest"))
        gate.run(0, "secpipe keys init --trust theirs --passphrase-file pass")
        words = "--kind waiver --key advisories --trust theirs --passphrase-file pass"
        gate.run(0, f"secpipe sign waivers.toml {words}")
    code, document, _ = with_waivers(gate, pinned=attack != "unpinned root")
    assert code == 3, document
    assert document["self_judged"] is True
    assert all(not used["signed_by"] for used in document["waivers"])


def test_where_the_policy_wants_signed_waivers_its_own_and_pinned_ones_do_not_count(gate: Gate) -> None:
    text = POLICY + "[waivers]\nsigned = true\n" + WAIVERS.partition("\n")[2].replace("W-1", "W-2")
    (gate.shell.cwd / "policy.toml").write_text(text)
    gate.policy_pin = gate.run(0, "secpipe policy pin policy.toml").strip()
    waived(gate)
    pin = gate.run(0, "secpipe policy pin waivers.toml").strip()
    code, document, _ = with_waivers(gate, f"--waivers-ref {pin}")
    assert code == 1
    assert any("from a file that nobody signed" in reason["what"] for reason in document["reasons"])
    sign(gate, "policy.toml", "policy")
    code, document, _ = ask(gate, "--policy policy.toml --policy-ref signed")
    assert code == 0, document["sentence"]
    assert document["waivers"][0]["signed_by"] == "advisories"


def test_waivers_are_part_of_the_evidence_and_of_the_cache(gate: Gate) -> None:
    place = waived(gate)
    sign(gate, "waivers.toml", "waiver")
    code, document, _ = with_waivers(gate, "--emit-input evidence.json")
    assert code == 0
    from secpipe.gate import record
    from secpipe.gate.decide import decide
    from secpipe.gate.policies import policy_file

    again = record.decode((gate.shell.cwd / "evidence.json").read_bytes(), "evidence")
    policy = policy_file.load(str(gate.shell.cwd / "policy.toml")).resolve("prod")
    judgement = decide(again.situation(policy))
    assert (str(judgement.decision), judgement.waivers[0].used) == (document["decision"], 1)
    warm = f"{PINNED.format(pin=gate.policy_pin)} --mode warn"
    assert ask(gate, f"{warm} --waivers waivers.toml")[1]["counts"]["waived"] == 1
    assert ask(gate, f"{warm} --waivers waivers.toml")[1]["counts"]["waived"] == 1
    assert ask(gate, warm)[1]["counts"]["waived"] == 0
    place.write_text(WAIVERS.replace("shadow-ai/*", "models/*"))
    assert ask(gate, f"{warm} --waivers waivers.toml")[1]["counts"]["waived"] == 0


def test_the_warm_path_sees_a_protected_branch_move(repo: Repo) -> None:
    warm = "--policy-ref git:stable --mode warn"
    repo.git("update-ref", "refs/heads/stable", "HEAD")
    assert repo.asks(warm)[1]["policy"]["name"] == "acme"
    lax = lax_commit(repo)
    repo.git("reset", "-q", "--hard", "HEAD~1")
    repo.git("update-ref", "refs/heads/stable", lax)
    assert repo.asks(warm)[1]["policy"]["name"] == "lax"


def test_a_pin_without_its_file_is_wrong_usage() -> None:
    assert run(["check", ".", "--waivers-ref", "sha256:00"]) == 2
    assert origin.pins.parse("").kind == ""


@pytest.mark.parametrize("mode", ["", "--mode warn"])
def test_a_branch_without_a_policy_is_judged_by_the_default_one(repo: Repo, mode: str) -> None:
    """The change that adopts secpipe: its own rules only tighten, and nobody gets warn mode out of it."""
    repo.git("rm", "-q", "secpipe-policy.toml")
    repo.commit("none yet")
    repo.git("update-ref", "refs/remotes/origin/main", "HEAD")
    (repo.tree / "app.py").write_text(DEEPSEEK)
    (repo.tree / "secpipe-policy.toml").write_text(LAX)
    repo.commit("adopt")
    code, document, _ = repo.asks(f"--policy-ref git:origin/main {mode}")
    assert (code, document["mode"], document["policy"]["name"]) == (1, "enforce", "baseline")
    said = "BLOCKED for prod by builtin:baseline, as refs/remotes/origin/main has no policy yet: "
    assert document["sentence"].startswith(said)


def test_only_a_path_that_nobody_named_may_be_absent(repo: Repo) -> None:
    for options in (
        "--policy-ref git:origin/main:absent.toml",
        "--policy project/absent.toml --policy-ref git:origin/main",
    ):
        code, document, err = repo.asks(options)
        assert (code, document) == (2, {})
        assert "is not there" in err
    (repo.tree / "secpipe-policy.toml").unlink()
    (repo.tree / "secpipe-policy.toml").symlink_to("policy.toml")
    repo.commit("a link")
    repo.git("update-ref", "refs/remotes/origin/main", "HEAD")
    assert repo.asks("--policy-ref git:origin/main")[0] == 2
