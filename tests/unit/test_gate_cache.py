"""Kept verdicts as hostile ground: whatever is swapped, edited, moved, foreign or out of its time answers nothing."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from secpipe.core.artifact import Skip
from secpipe.gate import pipeline
from secpipe.gate.cached import cache
from secpipe.gate.policies import policy_file, waiver_file
from secpipe.gate.request import Request
from secpipe.keystore import memory
from secpipe.system import diskcache
from secpipe.system.tree import walk
from tests import skips
from tests.unit.gate_past import NOW, POLICY, Gate, advisory

POSIX = skips.unless_possible(sys.platform != "win32", "POSIX permissions and links")
ROOT = skips.unless_possible(hasattr(os, "geteuid") and os.geteuid() == 0, "only root can give files away")


def ask(request: Request) -> tuple[bool, dict[str, Any]]:
    """Return (judged afresh, document), by the steps that the command takes."""
    tree = entry = None
    if cache.may_serve(request):
        tree = walk(request.path, exclude=request.exclude)
        entry = cache.place_of(request, tree)
        if (found := cache.find(request, entry)) is not None:
            return False, found
    outcome = pipeline.check(request, lambda text: None, tree)
    if tree is not None:
        cache.keep(request, tree, outcome, entry)
    return True, outcome.document


@dataclass
class Machine:
    """One project asked about again and again."""

    gate: Gate

    @property
    def request(self) -> Request:
        pin = policy_file.load(str(self.gate.policy_file)).digest
        return Request(
            path=self.gate.project, now=self.gate.now, policy=str(self.gate.policy_file), policy_ref=f"sha256:{pin}",
            advisories=self.gate.advisories,
        )  # fmt: skip

    def ask(self, **changes: Any) -> tuple[bool, dict[str, Any]]:
        """Return (judged afresh, document)."""
        return ask(replace(self.request, **changes))

    @property
    def entries(self) -> list[Path]:
        return sorted((self.gate.folder / "cache" / "verdicts").glob("*"))


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    for name in list(os.environ):
        if name in ("CI", "GITHUB_ACTIONS", "GITHUB_EVENT_NAME", "GITLAB_CI") or name.startswith("CI_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("SECPIPE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("SECPIPE_CACHE", str(tmp_path / "cache"))
    gate = Gate(tmp_path)
    gate.write("chat.py", "print('hello')\n")
    return Machine(gate)


def test_an_enforced_pass_by_pinned_rules_is_served_word_for_word(machine: Machine) -> None:
    first, second = machine.ask(), machine.ask()
    assert first[1]["decision"] == "pass"
    assert (first[0], second[0]) == (True, False)
    assert first[1] == second[1]


def test_warn_mode_is_served_whatever_it_says(machine: Machine) -> None:
    machine.gate.advise(advisory("GHSA-a", "torch", "2.1.0"))
    machine.ask(mode="warn")
    fresh, document = machine.ask(mode="warn")
    assert not fresh
    assert document["exit_code"] == 0
    assert machine.ask(mode="enforce")[1]["exit_code"] == 1


def break_policy(machine: Machine) -> dict[str, Any]:
    machine.gate.policy = POLICY + "[sbom]\nrequired = true\n"
    return {}


def touch_advisories(machine: Machine) -> dict[str, Any]:
    """An edit of the same size that sets the times back."""
    file = machine.gate.advisories / "GHSA-aaaa-bbbb-cccc.json"
    info = file.stat()
    file.write_text(file.read_text().replace("other", "torch").replace('"1.0"', '"2.0"'))
    os.utime(file, ns=(info.st_atime_ns, info.st_mtime_ns))
    return {}


def write(name: str, text: str) -> Callable[[Machine], dict[str, Any]]:
    def change(machine: Machine) -> dict[str, Any]:
        machine.gate.write(name, text)
        return {}

    return change


def rename(machine: Machine) -> dict[str, Any]:
    (machine.gate.project / "chat.py").rename(machine.gate.project / "talk.py")
    return {}


def link(machine: Machine) -> dict[str, Any]:
    (machine.gate.project / "link.py").symlink_to("chat.py")
    return {}


def executable(machine: Machine) -> dict[str, Any]:
    (machine.gate.project / "chat.py").chmod(0o755)
    return {}


def same_size_and_times(machine: Machine) -> dict[str, Any]:
    file = machine.gate.project / "chat.py"
    info = file.stat()
    file.write_text("print('hullo')\n")
    os.utime(file, ns=(info.st_atime_ns, info.st_mtime_ns))
    return {}


def moved(machine: Machine) -> dict[str, Any]:
    shutil.copytree(machine.gate.project, machine.gate.folder / "elsewhere")
    return {"path": machine.gate.folder / "elsewhere"}


def waivers(machine: Machine) -> dict[str, Any]:
    file = machine.gate.folder / "waivers.toml"
    file.write_text('schema = "secpipe.waivers/1"\n')
    return {"waivers": file}


SWAPS: dict[str, Callable[[Machine], dict[str, Any]]] = {
    "the policy's bytes": break_policy,
    "no pin": lambda m: {"policy_ref": ""},
    "another policy": lambda m: {"policy": "builtin:baseline", "policy_ref": ""},
    "environment": lambda m: {"environment": "dev"},
    "mode": lambda m: {"mode": "warn"},
    "a waiver file": waivers,
    "an exclusion": lambda m: {"exclude": ("README.md",)},
    "what was left out": lambda m: {"not_read": (Skip("x", "not published"),)},
    "the subject's name": lambda m: {"name": "other"},
    "the place": moved,
    "no advisories": lambda m: {"advisories": None},
    "advisories edited in place": touch_advisories,
    "a new advisory": lambda m: m.gate.advise(advisory("GHSA-z", "zzz", "1.0")) or {},
    "a file's content": write("chat.py", "print('bye')\n"),
    "a file's content, size and times kept": same_size_and_times,
    "a new file": write("new.py", "x = 1\n"),
    "a file's name": rename,
    "a file's mode": executable,
    "a link": link,
    "a policy in the tree": write("secpipe-policy.toml", POLICY),
    "a trust folder in the tree": write("keys/root/1.root.json", "{}"),
    "verdicts to look into": lambda m: {"verdicts": m.gate.folder},
    "a simulated time": lambda m: {"simulated": True},
    "no cache": lambda m: {"cache": False},
}  # fmt: skip


@POSIX
@pytest.mark.parametrize("swap", SWAPS)
def test_swapping_any_ingredient_is_judged_anew(machine: Machine, swap: str) -> None:
    machine.ask()
    assert not machine.ask()[0]
    changes = SWAPS[swap](machine)
    assert machine.ask(**changes)[0]


def test_rules_that_count_by_a_signature_are_always_judged_anew(machine: Machine) -> None:
    changes = waivers(machine)
    given = waiver_file.parse(changes["waivers"].read_bytes(), "waivers.toml")
    changes["waivers_ref"] = f"sha256:{given.digest}"
    assert machine.ask(**changes)[1]["decision"] == "pass"
    assert not machine.ask(**changes)[0]
    assert machine.ask(**changes | {"waivers_ref": ""})[0]
    (machine.gate.folder / "waivers.toml.sig").write_text("{}")
    assert not cache.may_serve(replace(machine.request, **changes))
    for reference in ("git:main:policy.toml", "signed:security"):
        assert not cache.may_serve(replace(machine.request, policy_ref=reference))


def test_what_this_machine_learned_since_counts_for_a_kept_pass(machine: Machine) -> None:
    _, document = machine.ask(memory="keep")
    assert not machine.ask()[0]
    (seen,) = (machine.gate.folder / "home" / "seen").glob("policy-*.json")
    digest = document["policy"]["digest"]["sha256"]
    memory.remember_time(machine.gate.folder / "home", digest, NOW + timedelta(seconds=30))
    assert not machine.ask()[0]  # clocks may differ a little
    memory.remember_time(machine.gate.folder / "home", digest, NOW + timedelta(hours=1))
    assert machine.ask()[0]
    seen.write_text("{")
    assert machine.ask()[0]


@pytest.mark.parametrize("part", ["engine", "machine"])
def test_another_engine_or_machine_is_another_question(
    machine: Machine, part: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine.ask()
    monkeypatch.setattr(diskcache, part, lambda: "other")
    assert machine.ask()[0]


def test_what_says_no_or_is_not_pinned_is_never_kept_where_it_is_enforced(machine: Machine) -> None:
    machine.ask(policy_ref="")
    machine.ask(policy=str(machine.gate.policy_file), policy_ref="", mode="enforce")
    machine.gate.write("keys/README", "not a trust root")
    machine.gate.advise(advisory("GHSA-a", "torch", "2.1.0"))
    assert machine.ask()[1]["decision"] == "deny"
    machine.gate.write("uv.lock", "not [ TOML")
    assert machine.ask()[1]["exit_code"] != 0
    assert machine.entries == []


def test_a_document_that_only_claims_to_pass_is_not_served(machine: Machine) -> None:
    """Even under a valid MAC: keys leak, and an older engine may have kept it."""
    _, document = machine.ask()
    (entry,) = machine.entries
    row = diskcache.find(entry)
    assert row is not None
    for change in (
        {"exit_code": 1}, {"decision": "deny"}, {"simulated": True}, {"self_judged": True},
        {"policy": {**document["policy"], "pinned": False}},
        {"trust": {"root_version": 1, "ring_version": 1, "digest": {"sha256": "0" * 64}, "pinned": False}},
    ):  # fmt: skip
        diskcache.keep(entry, {**row, "document": document | change})
        assert machine.ask()[0], change


def test_a_kept_pass_ends_when_it_says_so_and_does_not_begin_before(machine: Machine) -> None:
    machine.ask()
    machine.gate.now = NOW + timedelta(hours=23)
    assert not machine.ask()[0]
    for now in (NOW + timedelta(hours=24), NOW - timedelta(seconds=1), NOW + timedelta(days=300)):
        for entry in machine.entries:
            data = entry.read_bytes()
            machine.gate.now = now
            assert machine.ask()[0], now
            entry.write_bytes(data)


def test_a_kept_pass_ends_with_an_approval(machine: Machine) -> None:
    machine.gate.policy = POLICY + (
        '[[shadow_ai.allow]]\nhost = "api.openai.com"\nowner = "jane"\nreason = "DPA"\nexpires = 2026-11-21\n'
    )
    machine.gate.write("chat.py", 'import openai\nopenai.OpenAI(base_url="https://api.openai.com/v1", api_key=K)\n')
    assert machine.ask()[1]["exit_code"] == 0
    assert not machine.ask()[0]
    machine.gate.now = datetime.fromisoformat("2026-11-22T00:00:00+00:00")
    fresh, document = machine.ask()
    assert fresh
    assert document["exit_code"] == 1


PULL_REQUESTS = [
    {"GITHUB_EVENT_NAME": "pull_request"},
    {"GITHUB_EVENT_NAME": "pull_request_target"},
    {"GITHUB_EVENT_NAME": "pull_request_review"},
    {"GITHUB_EVENT_NAME": "issue_comment"},
    {"GITHUB_EVENT_NAME": "workflow_run"},
    {"GITHUB_EVENT_NAME": "merge_group"},
    {"GITHUB_ACTIONS": "true"},
    {"GITHUB_ACTIONS": "true", "GITHUB_EVENT_NAME": "push", "GITHUB_HEAD_REF": "feature"},
    {"GITLAB_CI": "true", "CI": "true", "CI_PIPELINE_SOURCE": "merge_request_event"},
    {"GITLAB_CI": "true", "CI_PIPELINE_SOURCE": "push", "CI_MERGE_REQUEST_IID": "7"},
    {"GITLAB_CI": "true", "CI_PIPELINE_SOURCE": "external_pull_request_event"},
    {"JENKINS_URL": "https://ci", "CI": "true", "CHANGE_ID": "12"},
    {"CIRCLECI": "true", "CI": "true", "CIRCLE_PULL_REQUEST": "https://x/1"},
    {"TRAVIS": "true", "CI": "true", "TRAVIS_PULL_REQUEST": "3"},
    {"TF_BUILD": "True", "SYSTEM_PULLREQUEST_PULLREQUESTID": "3"},
    {"BITBUCKET_BUILD_NUMBER": "1", "CI": "true", "BITBUCKET_PR_ID": "2"},
    {"CI": "true"},
    {"CI": "1"},
]


@pytest.mark.parametrize("environ", PULL_REQUESTS, ids=lambda environ: " ".join(f"{k}={v}" for k, v in environ.items()))
@pytest.mark.parametrize("mode", ["", "warn"])
def test_a_job_for_a_foreign_change_neither_reads_nor_writes(
    machine: Machine, environ: dict[str, str], mode: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine.ask(mode=mode)
    (entry,) = machine.entries
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    assert machine.ask(mode=mode)[0]
    entry.unlink()
    machine.ask(mode=mode)
    assert machine.entries == []


@pytest.mark.parametrize(
    "environ",
    [
        {"CI": "true", "GITHUB_ACTIONS": "true", "GITHUB_EVENT_NAME": "push"},
        {"CI": "true", "GITLAB_CI": "true", "CI_PIPELINE_SOURCE": "schedule"},
        {"CI": "true", "TRAVIS": "true", "TRAVIS_PULL_REQUEST": "false"},
        {"CI": "true", "BUILDKITE": "true", "BUILDKITE_PULL_REQUEST": "false"},
        {"CI": "false"},
    ],
)
def test_a_job_for_what_was_let_in_may_use_it(
    machine: Machine, environ: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    machine.ask()
    assert not machine.ask()[0]


def flip(entry: Path) -> None:
    data = bytearray(entry.read_bytes())
    data[len(data) // 2] ^= 1
    entry.write_bytes(data)


def huge(entry: Path) -> None:
    with open(entry, "r+b") as file:
        file.truncate(1 << 31)


def as_link(entry: Path) -> None:
    os.symlink(entry.rename(entry.parent.parent / "real"), entry)


def as_fifo(entry: Path) -> None:
    entry.unlink()
    os.mkfifo(entry)


def as_folder(entry: Path) -> None:
    entry.unlink()
    entry.mkdir()


def foreign_key(entry: Path) -> None:
    (entry.parents[2] / "home" / "cache.key").write_bytes(b"k" * 32)


def key_mode(mode: int) -> Callable[[Path], None]:
    return lambda entry: (entry.parents[2] / "home" / "cache.key").chmod(mode)


def key_link(entry: Path) -> None:
    key = entry.parents[2] / "home" / "cache.key"
    os.symlink(key.rename(entry.parents[2] / "key"), key)


def key_hard_link(entry: Path) -> None:
    os.link(entry.parents[2] / "home" / "cache.key", entry.parents[2] / "known")


ATTACKS: dict[str, Callable[[Path], object]] = {
    "flipped": flip,
    "cut": lambda entry: entry.write_bytes(entry.read_bytes()[:-1]),
    "empty": lambda entry: entry.write_bytes(b""),
    "no MAC": lambda entry: entry.write_bytes(entry.read_bytes()[32:]),
    "huge": huge,
    "a link": as_link,
    "a FIFO": as_fifo,
    "a folder": as_folder,
    "a foreign key": foreign_key,
    "a key the group can read": key_mode(0o640),
    "a key anybody can write": key_mode(0o602),
    "a key behind a link": key_link,
    "a key with a second name": key_hard_link,
    "a folder the group can write": lambda entry: entry.parent.chmod(0o770),
    "a folder anybody can write": lambda entry: entry.parent.chmod(0o1777),
}


@POSIX
@pytest.mark.parametrize("attack", ATTACKS)
def test_an_entry_that_was_tampered_with_answers_nothing(machine: Machine, attack: str) -> None:
    _, document = machine.ask()
    (entry,) = machine.entries
    ATTACKS[attack](entry)
    assert machine.ask() == (True, document)


@ROOT
@pytest.mark.parametrize("what", ["cache", "key", "entry"])
def test_what_belongs_to_somebody_else_is_not_used(machine: Machine, what: str) -> None:
    _, document = machine.ask()
    (entry,) = machine.entries
    key = machine.gate.folder / "home" / "cache.key"
    os.chown({"cache": entry.parent, "key": key, "entry": entry}[what], 12345, 12345)
    fresh, again = machine.ask()
    assert again == document
    assert fresh is (what != "entry")  # an entry stands by its MAC alone


def test_an_entry_of_another_question_answers_nothing(machine: Machine) -> None:
    """Replay: the pass of an older tree, policy or advisory put at the new name."""
    machine.ask()
    (old,) = machine.entries
    data = old.read_bytes()
    for swap in ("a file's content", "the policy's bytes", "a new advisory"):
        changes = SWAPS[swap](machine)
        place = cache.place_of(replace(machine.request, **changes), walk(machine.gate.project))
        assert place is not None
        assert place != old
        place.write_bytes(data)
        assert machine.ask(**changes)[0], swap


def test_an_entry_from_another_machine_answers_nothing(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    machine.ask()
    monkeypatch.setenv("SECPIPE_HOME", str(machine.gate.folder / "other-home"))
    assert machine.ask()[0]


def test_an_entry_from_the_future_answers_nothing(machine: Machine) -> None:
    machine.gate.now = NOW + timedelta(hours=3)
    machine.ask()
    machine.gate.now = NOW
    assert machine.ask()[0]


@pytest.mark.parametrize("name", ["SECPIPE_HOME", "SECPIPE_CACHE"])
def test_a_key_or_cache_inside_what_is_judged_is_not_used(
    machine: Machine, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine.ask()
    inside = machine.gate.project / ".secpipe"
    shutil.copytree(machine.gate.folder / name.partition("_")[2].lower(), inside)
    monkeypatch.setenv(name, str(inside))
    for _ in range(2):
        assert machine.ask()[0]


def test_no_name_passes_for_two(tmp_path: Path) -> None:
    """`dirHash` lists digest and name by line: a name with a line feed reads like a second file."""
    for folder in ("two", "one"):
        (tmp_path / folder).mkdir()
    (tmp_path / "two" / "a").write_text("good")
    (tmp_path / "two" / "b").write_text("evil")
    digest = walk(tmp_path / "two").files[1].sha256
    try:
        (tmp_path / "one" / f"a\n{digest}  b").write_text("good")
    except OSError:
        skips.cannot("this file system refuses such names")
    from secpipe.core.artifact import dir_hash

    one, two = walk(tmp_path / "one"), walk(tmp_path / "two")
    assert dir_hash(one.files) == dir_hash(two.files)
    assert cache.content_of(one) != cache.content_of(two)


def _run(request: Request) -> None:
    for _ in range(3):
        if ask(request)[1]["decision"] != "pass":
            os._exit(3)


@POSIX
def test_many_writers_never_leave_half_an_entry(machine: Machine) -> None:
    import multiprocessing

    context = multiprocessing.get_context("fork")
    jobs = [context.Process(target=_run, args=(machine.request,)) for _ in range(4)]
    for job in jobs:
        job.start()
    for job in jobs:
        job.join()
    assert [job.exitcode for job in jobs] == [0] * 4
    assert not machine.ask()[0]
    assert len(machine.entries) == 1


def test_a_cache_that_cannot_be_written_stops_nothing(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    blocked = machine.gate.folder / "file"
    blocked.write_text("")
    for name in ("SECPIPE_HOME", "SECPIPE_CACHE"):
        monkeypatch.setenv(name, str(blocked / "x"))
        assert machine.ask()[1]["decision"] == "pass"


def test_the_command_serves_what_was_kept(machine: Machine, capsys: pytest.CaptureFixture[str]) -> None:
    from secpipe.cli.main import run

    pin = machine.request.policy_ref
    words = [
        "check", str(machine.gate.project), "--policy", str(machine.gate.policy_file), "--policy-ref", pin,
        "--advisories", str(machine.gate.advisories), "-f", "json",
    ]  # fmt: skip
    assert run(words) == 0
    first = capsys.readouterr().out
    assert len(machine.entries) == 1
    assert run(words) == 0
    assert capsys.readouterr().out == first
    assert run([*words, "--no-cache"]) == 0
    assert json.loads(capsys.readouterr().out)["decision"] == json.loads(first)["decision"]
