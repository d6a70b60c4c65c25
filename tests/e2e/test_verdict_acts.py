"""Signed verdicts through the command line: dev, staging, prod, a job apart that signs, and breaking the glass."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from secpipe.core.artifact import dir_hash
from secpipe.system.tree import walk
from tests.e2e.transcript import Shell

POLICY = """schema = "secpipe.policy/1"
name = "acme"
owner = "security@acme.example"
expires = 2027-06-30
profile = ["baseline"]
overridable = ["promotion", "mode"]

[env.dev]
mode = "warn"
[env.prod.promotion]
after = ["staging"]
max_age_days = 7
"""
RECORD = """{"id": "TEST-1", "modified": "2026-11-21T00:00:00Z",
 "affected": [{"package": {"ecosystem": "PyPI", "name": "x"}}]}"""


WAIVERS = """schema = "secpipe.waivers/1"
[[waiver]]
id = "W-1"
rule = "shadow-ai/*"
owner = "jane"
approved_by = "raj"
reason = "contract T-17"
expires = 2026-12-01
"""


class Pipeline:
    """A project outside whose tree policy, trust and verdicts stand, as in CI."""

    def __init__(self, shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
        self.shell, self.monkeypatch = shell, monkeypatch
        monkeypatch.setenv("PW", "correct horse")
        (shell.cwd / "policy.toml").write_text(POLICY)
        (shell.cwd / "advisories").mkdir()
        (shell.cwd / "advisories/TEST-1.json").write_text(RECORD)
        self.tree = shell.cwd / "project"
        (self.tree / "model").mkdir(parents=True)
        (self.tree / "app.py").write_text("print('hello')\n")
        (self.tree / "requirements.txt").write_text("click==8.1.8\n")
        header = b'{"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}'
        (self.tree / "model/w.safetensors").write_bytes(len(header).to_bytes(8, "little") + header + b"\0" * 4)
        self.run(0, "secpipe keys init --trust keys --passphrase-file env:PW --holder ann")
        self.run(0, "secpipe sign project/model --trust keys --passphrase-file env:PW")
        self.policy_pin = self.run(0, "secpipe policy pin policy.toml").strip()
        self.trust_pin = self.run(0, "secpipe trust pin keys").strip()

    @property
    def pins(self) -> str:
        return f"--policy policy.toml --policy-ref {self.policy_pin} --trust keys --trust-pin {self.trust_pin}"

    def run(self, code: int, command: str) -> str:
        got, out, err = self.shell(command)
        assert got == code, f"{command}\n{out}{err}"
        self.err = err
        return out

    def check(self, code: int, environment: str, extra: str = "--sign verdict --passphrase-file env:PW") -> None:
        where = "--store verdicts --verdicts verdicts" if (self.shell.cwd / "verdicts").is_dir() else "--store verdicts"
        self.run(code, f"secpipe check project {self.pins} --env {environment} --advisories advisories {where} {extra}")
        self.shell.sleep(minutes=1)

    def verify(self, code: int, environment: str, what: str = "project", extra: str = "") -> dict[str, Any]:
        out = self.run(
            code, f"secpipe verdict verify {what} --store verdicts --env {environment} {self.pins} -f json {extra}"
        )
        answer: dict[str, Any] = json.loads(out)
        assert answer["exit_code"] == code
        return answer

    def newest(self, environment: str) -> str:
        return str(max((self.shell.cwd / "verdicts" / environment).glob("*/*"), key=lambda path: path.name))

    def digest(self) -> str:
        return dir_hash(walk(self.tree).files)


@pytest.fixture
def pipeline(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> Pipeline:
    return Pipeline(shell, monkeypatch)


def test_dev_then_staging_then_prod(pipeline: Pipeline) -> None:
    pipeline.check(0, "dev")
    pipeline.check(1, "prod")  # never ran in staging
    assert "has not passed in staging" in pipeline.verify(1, "prod")["sentence"]
    pipeline.check(0, "staging")
    pipeline.check(0, "prod")
    answer = pipeline.verify(0, "prod")
    assert answer["result"] == "passed"
    assert answer["verdict"]["predicate"]["verificationResult"] == "PASSED"
    assert answer["digest"]["dirHash"] == pipeline.digest()
    pipeline.verify(0, "prod", f"--digest dirHash:{pipeline.digest()}")
    (pipeline.tree / "app.py").write_text("print('changed')\n")
    assert "no signed verdict" in pipeline.verify(3, "prod")["sentence"]
    pipeline.check(1, "prod")  # the change has not been in staging


def test_a_staging_verdict_that_is_unsigned_or_too_old_promotes_nothing(pipeline: Pipeline) -> None:
    pipeline.check(0, "staging", "")
    pipeline.check(1, "prod")
    pipeline.check(0, "staging")
    pipeline.shell.sleep(days=8)
    pipeline.check(1, "prod")
    assert "more than 7 days ago" in pipeline.verify(1, "prod")["sentence"]


def test_a_no_in_staging_after_a_yes_stops_promotion(pipeline: Pipeline) -> None:
    pipeline.check(0, "staging")
    shutil.move(pipeline.shell.cwd / "advisories", pipeline.shell.cwd / "gone")
    (pipeline.shell.cwd / "advisories").mkdir()
    pipeline.check(3, "staging")
    shutil.rmtree(pipeline.shell.cwd / "advisories")
    shutil.move(pipeline.shell.cwd / "gone", pipeline.shell.cwd / "advisories")
    pipeline.check(1, "prod")
    pipeline.check(0, "staging")
    pipeline.check(0, "prod")


def test_promotion_without_a_store_is_not_decided(pipeline: Pipeline) -> None:
    pipeline.run(3, f"secpipe check project {pipeline.pins} --env prod --advisories advisories")
    pipeline.run(3, f"secpipe check project {pipeline.pins} --env prod --advisories advisories --verdicts nowhere")


def test_a_link_added_after_the_verdict_is_not_what_was_judged(pipeline: Pipeline) -> None:
    pipeline.check(0, "staging")
    os.symlink("app.py", pipeline.tree / "sitecustomize.py")
    assert "symbolic links" in pipeline.verify(1, "staging")["sentence"]


def test_what_cannot_be_read_is_not_covered(pipeline: Pipeline) -> None:
    pipeline.check(0, "staging")
    os.mkfifo(pipeline.tree / "pipe")
    pipeline.run(3, f"secpipe verdict verify project --store verdicts --env staging {pipeline.pins}")
    os.unlink(pipeline.tree / "pipe")
    pipeline.verify(0, "staging")
    (pipeline.tree / "a\nb").write_text("")
    pipeline.run(3, f"secpipe verdict verify project --store verdicts --env staging {pipeline.pins}")


def test_unpinned_rules_leave_it_undecided(pipeline: Pipeline) -> None:
    pipeline.check(0, "staging")
    for rules in (f"--trust keys --trust-pin {pipeline.trust_pin} --policy policy.toml", "--trust keys"):
        out = pipeline.run(3, f"secpipe verdict verify project --store verdicts --env staging {rules}")
        assert "came without a pin" in out
    pipeline.run(
        0,
        f"secpipe verdict verify project --store verdicts --env staging --trust keys --trust-pin {pipeline.trust_pin}",
    )


def test_what_is_left_out_is_said_again(pipeline: Pipeline) -> None:
    (pipeline.tree / "notes").mkdir()
    (pipeline.tree / "notes/a.txt").write_text("mine")
    pipeline.check(0, "staging", "--exclude notes --sign verdict --passphrase-file env:PW")
    pipeline.verify(3, "staging")
    pipeline.verify(0, "staging", extra="--exclude notes")


@pytest.mark.parametrize(
    "options",
    [
        "--at 2026-11-21 --store verdicts",
        "--sign verdict",
        "--store project/verdicts",
        "--verifier-id https://x/verdict --store verdicts",
        "--sign nobody --store verdicts",
        "--at 2026-11-21 --sign verdict --store verdicts",
    ],
)
def test_what_does_not_go_together_is_usage(pipeline: Pipeline, options: str) -> None:
    pipeline.run(2, f"secpipe check project {pipeline.pins} {options}")
    assert not list(pipeline.shell.cwd.glob("**/verdict.json"))


def test_the_builders_key_signs_no_verdict(pipeline: Pipeline) -> None:
    pipeline.run(1, f"secpipe check project {pipeline.pins} --store verdicts --sign builder --passphrase-file env:PW")
    assert not (pipeline.shell.cwd / "verdicts").exists()


def test_nobody_writes_a_verdict_by_hand(pipeline: Pipeline) -> None:
    (pipeline.shell.cwd / "vsa.json").write_text("{}")
    for kind in ("vsa", "override"):
        pipeline.run(2, f"secpipe attest project --type {kind} --predicate vsa.json --key verdict --trust keys")


def test_a_signing_job_apart(pipeline: Pipeline) -> None:
    pipeline.check(0, "staging", "")
    evidence = pipeline.err.split("evidence ")[1].split()[0]
    entry = pipeline.newest("staging")
    sign = f"secpipe verdict sign {entry} --key verdict {pipeline.pins} --passphrase-file env:PW"
    pipeline.run(2, sign)
    pipeline.run(1, f"{sign} --evidence sha256:{'0' * 64}")
    pipeline.run(0, f"{sign} --evidence {evidence}")
    pipeline.verify(0, "staging")
    (pipeline.shell.cwd / "other.toml").write_text(POLICY + "[models]\nrequired = false\n")
    pin = pipeline.run(0, "secpipe policy pin other.toml").strip()
    lax = f"--policy other.toml --policy-ref {pin} --trust keys --trust-pin {pipeline.trust_pin}"
    pipeline.run(1, f"secpipe verdict sign {entry} --key verdict {lax} --evidence {evidence} --passphrase-file env:PW")


@pytest.mark.parametrize("name", ["verdict.json", "policy.toml", "bom.cdx.json", "evidence.json", "tree-policy.toml"])
def test_the_signing_job_believes_nothing_in_the_store(pipeline: Pipeline, name: str) -> None:
    (pipeline.tree / "secpipe-policy.toml").write_text(POLICY.replace("acme", "acme-team"))
    pipeline.check(0, "staging", "")
    evidence = pipeline.err.split("evidence ")[1].split()[0]
    path = Path(pipeline.newest("staging")) / name
    path.write_bytes(path.read_bytes().replace(b"acme", b"acne").replace(b"click", b"clack").replace(b"PASS", b"Pass"))
    command = f"secpipe verdict sign {path.parent} --key verdict {pipeline.pins} --passphrase-file env:PW"
    pipeline.run(1, f"{command} --evidence {evidence}")
    assert not list(path.parent.glob("*.att.json"))


def test_the_signing_job_bows_to_the_projects_own_policy(pipeline: Pipeline) -> None:
    strict = POLICY + '[models]\nformats = ["gguf"]\n'
    (pipeline.tree / "secpipe-policy.toml").write_text(strict)
    pipeline.check(1, "staging", "")
    evidence = pipeline.err.split("evidence ")[1].split()[0]
    entry = Path(pipeline.newest("staging"))
    command = (
        f"secpipe verdict sign {entry} --key verdict {pipeline.pins} --evidence {evidence} --passphrase-file env:PW"
    )
    pipeline.run(0, command)
    assert pipeline.verify(1, "staging")["verdict"]["predicate"]["verificationResult"] == "FAILED"
    (entry / "tree-policy.toml").unlink()
    pipeline.run(3, command)


def test_the_signing_job_needs_the_pins_and_a_clock_that_is_right(pipeline: Pipeline) -> None:
    pipeline.check(0, "staging", "")
    evidence = pipeline.err.split("evidence ")[1].split()[0]
    command = f"secpipe verdict sign {pipeline.newest('staging')} --key verdict --evidence {evidence}"
    command += " --passphrase-file env:PW"
    pipeline.run(1, f"{command} --policy policy.toml --trust keys")
    pipeline.run(1, f"{command} --policy policy.toml --policy-ref {pipeline.policy_pin} --trust keys")
    pipeline.shell.sleep(hours=-2)
    assert pipeline.run(3, f"{command} {pipeline.pins}") == ""
    assert "after now" in pipeline.err or "clock" in pipeline.err


def test_what_was_judged_by_loose_rules_is_not_signed_as_pinned(pipeline: Pipeline) -> None:
    loose = "--policy policy.toml --trust keys --env staging --advisories advisories --store verdicts"
    pipeline.run(3, f"secpipe check project {loose}")
    evidence = pipeline.err.split("evidence ")[1].split()[0]
    sign = f"secpipe verdict sign {pipeline.newest('staging')} --key verdict --evidence {evidence} {pipeline.pins}"
    pipeline.run(1, f"{sign} --passphrase-file env:PW")


def test_a_pin_without_its_policy_is_a_demand_on_the_verdict(pipeline: Pipeline) -> None:
    pipeline.check(0, "staging")
    rules = f"--trust keys --trust-pin {pipeline.trust_pin}"
    verify = f"secpipe verdict verify project --store verdicts --env staging {rules} --policy-ref"
    pipeline.run(0, f"{verify} {pipeline.policy_pin}")
    pipeline.run(1, f"{verify} sha256:{'0' * 64}")
    pipeline.run(2, f"{verify} sha256:abc")


def test_the_signing_job_signs_nothing_that_has_ended(pipeline: Pipeline) -> None:
    pipeline.check(0, "staging", "")
    evidence = pipeline.err.split("evidence ")[1].split()[0]
    pipeline.shell.sleep(hours=24)
    command = (
        f"secpipe verdict sign {pipeline.newest('staging')} --key verdict {pipeline.pins} --passphrase-file env:PW"
    )
    pipeline.run(3, f"{command} --evidence {evidence}")


def test_breaking_the_glass_takes_two_people(pipeline: Pipeline) -> None:
    home = os.environ["SECPIPE_HOME"]
    add = "secpipe keys add-identity {0} --purpose override --holder {1} --trust keys --passphrase-file env:PW"
    pipeline.run(0, add.format("ann-breaks-glass", "ann"))
    pipeline.monkeypatch.setenv("SECPIPE_HOME", f"{home}-bob")
    pipeline.run(0, add.format("bob-breaks-glass", "bob"))
    pipeline.monkeypatch.setenv("SECPIPE_HOME", home)
    draft = pipeline.run(0, "secpipe keys sign-root --trust keys --show").strip()
    pipeline.run(0, f"secpipe keys sign-root --trust keys --expect {draft} --passphrase-file env:PW")
    pipeline.check(0, "dev")
    pipeline.check(1, "prod")
    pipeline.verify(1, "prod")
    entry = pipeline.newest("prod")
    override = f"secpipe verdict override {entry} {pipeline.pins} --passphrase-file env:PW"
    pipeline.run(1, f"{override} --key verdict --reason 'checkout is down' --hours 4")
    pipeline.run(2, f"{override} --key ann-breaks-glass --reason 'checkout is down' --hours 400")
    out = pipeline.run(0, f"{override} --key ann-breaks-glass --reason 'checkout is down' --hours 4")
    assert "1 of 2 people" in out
    nonce = out.split("--countersign ")[1].split()[0]
    pipeline.verify(1, "prod")
    assert "1 of 2" in pipeline.run(0, f"{override} --key ann-breaks-glass --countersign {nonce} --yes")
    pipeline.verify(1, "prod")  # the same person twice is one person
    pipeline.monkeypatch.setenv("SECPIPE_HOME", f"{home}-bob")
    pipeline.run(3, f"{override} --key bob-breaks-glass --countersign {'0' * 64} --yes")
    pipeline.run(2, f"{override} --key bob-breaks-glass --countersign {nonce}")  # nobody there to read it
    out = pipeline.run(0, f"{override} --key bob-breaks-glass --countersign {nonce} --yes")
    assert "checkout is down" in out
    assert "ann, bob: 2 of 2 people" in out
    answer = pipeline.verify(0, "prod")
    assert answer["overridden"]
    assert answer["sentence"].startswith("OVERRIDDEN for prod by ann and bob until ")
    assert "BLOCKED was the verdict" in answer["sentence"]
    assert "override    by bob" in pipeline.run(0, f"secpipe verdict show {entry}")
    pipeline.verify(3, "staging")
    pipeline.shell.sleep(hours=4)
    pipeline.verify(1, "prod")


def test_what_a_store_holds_is_listed_and_shown_but_not_believed(pipeline: Pipeline) -> None:
    pipeline.run(3, "secpipe verdict list --store nowhere")
    pipeline.check(0, "dev", "")
    pipeline.check(0, "staging")
    rows = json.loads(pipeline.run(0, "secpipe verdict list --store verdicts -f json"))["verdicts"]
    assert [(row["environment"], row["decision"], row["signed"]) for row in rows] == [
        ("dev", "warn", False),
        ("staging", "warn", True),
    ]
    listed = pipeline.run(
        0, f"secpipe verdict list --store verdicts --env staging --digest dirHash:{pipeline.digest()}"
    )
    assert "1 verdict, as written; nothing is verified here" in listed
    unsigned, entry = pipeline.newest("dev"), pipeline.newest("staging")
    pipeline.run(3, f"secpipe verdict show {unsigned}")
    shown = pipeline.run(0, f"secpipe verdict show {entry}")
    assert shown.startswith(
        "as written; `secpipe verdict verify` says whether it holds\nPASSED for staging (warn): project"
    )
    assert f"dirHash:{pipeline.digest()}" in shown
    document = json.loads(pipeline.run(0, f"secpipe verdict show {entry}/vsa.pqc.att.json -f json"))
    assert document["predicate"]["verificationResult"] == "PASSED"
    (Path(entry) / "verdict.json").write_bytes(b"{")
    assert "unreadable" in pipeline.run(0, "secpipe verdict list --store verdicts")


def test_one_signed_verdict_travels_without_its_store(pipeline: Pipeline) -> None:
    pipeline.check(0, "staging")
    for path in Path(pipeline.newest("staging")).glob("vsa.*"):
        shutil.copy(path, pipeline.shell.cwd)
    where = f"--bundle vsa.att.json --env staging {pipeline.pins}"
    pipeline.run(0, f"secpipe verdict verify project {where}")
    pipeline.run(0, f"secpipe verdict verify --digest dirHash:{pipeline.digest()} {where}")
    pipeline.run(1, f"secpipe verdict verify --digest dirHash:{'0' * 64} {where}")
    for digest in (f"sha256:{pipeline.digest()}", "dirHash:abc"):
        pipeline.run(2, f"secpipe verdict verify --digest {digest} {where}")
    pipeline.run(2, f"secpipe verdict verify project {where} --store verdicts")
    (pipeline.shell.cwd / "vsa.pqc.att.json").unlink()
    pipeline.run(1, f"secpipe verdict verify project {where}")
    envelope = json.loads(pipeline.run(0, "secpipe verdict export vsa.att.json --trust keys"))
    assert [*envelope] == ["payloadType", "payload", "signatures"]
    pipeline.run(3, "secpipe verdict export vsa.pqc.att.json --trust nowhere")


def test_a_simulated_answer_says_so(pipeline: Pipeline) -> None:
    pipeline.check(0, "staging")
    what = f"secpipe verdict verify project --store verdicts --env staging {pipeline.pins}"
    assert pipeline.run(3, f"{what} --at 2026-11-23").startswith("SIMULATED")
    assert json.loads(pipeline.run(0, f"{what} --at 2026-11-21T12:30:00Z -f json"))["simulated"]


def test_a_clock_set_back_brings_no_ended_verdict_back(pipeline: Pipeline) -> None:
    pipeline.check(0, "staging")
    pipeline.shell.sleep(days=2)
    pipeline.verify(3, "staging")
    pipeline.check(0, "dev", "")  # this machine has seen that day
    pipeline.shell.sleep(days=-2)
    assert "clock" in pipeline.verify(3, "staging")["sentence"]


def test_a_signing_job_apart_takes_the_same_waivers(pipeline: Pipeline) -> None:
    (pipeline.shell.cwd / "waivers.toml").write_text(WAIVERS)
    (pipeline.tree / "chat.py").write_text("from openai import OpenAI\nclient = OpenAI()\n")
    pin = pipeline.run(0, "secpipe policy pin waivers.toml").strip()
    waivers = f"--waivers waivers.toml --waivers-ref {pin}"
    pipeline.check(1, "staging", "")
    pipeline.check(0, "staging", waivers)
    evidence = pipeline.err.split("evidence ")[1].split()[0]
    entry = Path(pipeline.newest("staging"))
    sign = f"secpipe verdict sign {entry} --key verdict {pipeline.pins} --evidence {evidence} --passphrase-file env:PW"
    pipeline.run(1, sign)
    pipeline.run(1, f"{sign} --waivers waivers.toml")
    pipeline.run(0, f"{sign} {waivers}")
    assert pipeline.verify(0, "staging")["verdict"]["predicate"]["verificationResult"] == "PASSED"


def test_what_the_gate_and_people_do_is_logged_and_the_newest_verdict_is_the_logs(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    """check, override and rotation append; a verdict counts with its proof, and not once a newer one was hidden."""
    ci = Pipeline(shell, monkeypatch)
    ci.run(0, "secpipe log init log --origin log.example/ci --passphrase-file env:PW")
    keys = ci.run(0, "secpipe log show log --keys").split()
    rules = f'\n[log]\nfolder = "log"\nrequired = true\nkeys = {json.dumps(keys)}\n'
    (shell.cwd / "policy.toml").write_text(POLICY.replace("\n[env.dev]", f"{rules}\n[env.dev]"))
    ci.policy_pin = ci.run(0, "secpipe policy pin policy.toml").strip()
    check = f"secpipe check project --env staging --store store --advisories advisories {ci.pins}"
    sign = "--sign verdict --passphrase-file env:PW"
    ask = f"secpipe verdict verify project --env staging --store store {ci.pins}"
    ci.run(0, f"{check} {sign}")
    ci.run(0, check.replace("--env staging", "--env dev"))
    ci.run(0, "secpipe keys rotate verdict --trust keys --passphrase-file env:PW")
    shown = json.loads(ci.run(0, "secpipe log show log -f json"))["entries"]
    assert [row["type"] for row in shown] == ["verdict", "evaluation"], "a rotation knows of the log by SECPIPE_LOG"
    monkeypatch.setenv("SECPIPE_LOG", "log")
    ci.run(0, "secpipe keys suspend builder --trust keys --passphrase-file env:PW")
    shown = json.loads(ci.run(0, "secpipe log show log -f json"))["entries"]
    assert (shown[-1]["type"], shown[-1]["about"]["suspended"]) == ("revocation", "builder")
    ci.run(3, ask)
    ci.run(0, "secpipe log checkpoint log --passphrase-file env:PW")
    (bundle,) = shell.cwd.glob("store/staging/*/*/vsa.att.json")
    ci.run(0, f"secpipe log prove log {bundle}")
    ci.run(0, ask)
    hidden = shell.cwd / "hidden"
    (shell.cwd / "log/checkpoint").rename(shell.cwd / "log/kept")
    assert "there is no log" in ci.run(3, ask)
    (shell.cwd / "log/kept").rename(shell.cwd / "log/checkpoint")
    bundle.parent.rename(hidden)
    ci.run(3, ask)
