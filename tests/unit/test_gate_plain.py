"""Attacks on what is kept of plain files: nothing that an earlier run says of one content is believed of another."""

from __future__ import annotations

import base64
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from secpipe.core.ledger import Thing
from secpipe.gate.cached import parts
from secpipe.gate.cached.look import key_of
from secpipe.gate.outcome import Outcome
from secpipe.gate.pipeline import check
from secpipe.gate.request import Request
from secpipe.system import diskcache
from secpipe.system.tree import walk

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)
USE = "import openai\nopenai.OpenAI()\n"
EVERY = ("sbom", "models", "shadow-ai", "agents")


@pytest.fixture
def request_(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Request:
    for name in ("CI", "GITHUB_ACTIONS", "GITLAB_CI"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("SECPIPE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("SECPIPE_CACHE", str(tmp_path / "cache"))
    project = tmp_path / "project"
    project.mkdir()
    (project / "a.py").write_text("x = 1\n")
    (project / "b.py").write_text("y = 2\n")
    return Request(path=project, now=NOW, policy="builtin:baseline", parts=True)


def place_of(request: Request) -> Path:
    place = parts.parts_of(request)
    assert place is not None
    return place


def uses(outcome: Outcome) -> int:
    return len(outcome.record.evidence["shadow-ai"].facts["uses"])


def balances(outcome: Outcome) -> None:
    evidence = outcome.record.evidence
    for name in EVERY:
        account = evidence[name].account
        assert account is not None
        assert account.of(Thing.FILE).total == evidence["files"].facts["files"], name


def test_plain_files_are_kept_and_the_account_of_each_check_balances(request_: Request) -> None:
    balances(check(request_))
    kept = diskcache.find(place_of(request_))
    assert kept is not None
    assert len(base64.b64decode(kept["plain"])) == 32
    (request_.path / "new.py").write_text("z = 3\n")
    balances(check(request_))


def test_other_bytes_under_the_name_of_a_plain_file(request_: Request) -> None:
    assert not uses(check(request_))
    (request_.path / "a.py").write_text(USE)
    assert uses(check(request_)) == 1


def test_the_bytes_of_a_plain_file_under_a_name_that_means_something(request_: Request) -> None:
    check(request_)
    (request_.path / "b.py").rename(request_.path / "SKILL.md")
    (request_.path / "a.py").rename(request_.path / "a.prompt")
    again, fresh = (check(replace(request_, parts=kept)).record.evidence for kept in (True, False))
    assert again == fresh
    assert again["sbom"].facts["prompts"]


def test_a_forged_result_without_the_key_of_the_user(request_: Request) -> None:
    (request_.path / "a.py").write_text(USE)
    check(request_)
    (request_.path / "b.py").write_text("y = 3\n")
    place = place_of(request_)
    kept = diskcache.find(place)
    assert kept is not None
    kept = {"plain": base64.b64encode(b"".join(sorted(map(key_of, walk(request_.path).files)))).decode()}
    key = request_.path.parent / "home/cache.key"
    own = key.read_bytes()
    key.write_bytes(b"f" * 32)
    diskcache.keep(place, kept)
    key.write_bytes(own)
    assert uses(check(request_)) == 1


def test_the_same_forgery_with_the_key_would_be_believed(request_: Request) -> None:
    """The attack above is one: with the user's own key the same words are a result like any other."""
    (request_.path / "a.py").write_text(USE)
    check(request_)
    plain = base64.b64encode(b"".join(sorted(map(key_of, walk(request_.path).files)))).decode()
    diskcache.keep(place_of(request_), {"plain": plain})
    assert not uses(check(request_))


@pytest.mark.parametrize("damage", ["", "?", 7, None, ["x"], "QUJD"])
def test_damaged_results_are_as_good_as_absent(request_: Request, damage: object) -> None:
    (request_.path / "a.py").write_text(USE)
    check(request_)
    diskcache.keep(place_of(request_), {"plain": damage, "others": damage})
    outcome = check(request_)
    assert uses(outcome) == 1
    balances(outcome)


def test_another_engine_believes_nothing_of_it(request_: Request, monkeypatch: pytest.MonkeyPatch) -> None:
    check(request_)
    before = place_of(request_)
    monkeypatch.setattr(diskcache, "engine", lambda: "rules of another day")
    assert place_of(request_) != before


def test_a_fork_reads_and_writes_nothing(request_: Request, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_EVENT_NAME", "pull_request")
    check(request_)
    assert parts.parts_of(request_) is None
    assert not list((request_.path.parent / "cache").rglob("parts/*"))


def test_what_another_policy_leaves_out_is_in_no_account(request_: Request, tmp_path: Path) -> None:
    check(request_)
    policy = tmp_path / "policy.toml"
    words = 'schema = "secpipe.policy/1"\nname = "x"\nowner = "o"\nexpires = 2099-01-01\nprofile = "baseline"\n'
    policy.write_text(f'{words}exclude = ["b.py"]\n')
    for kept in (True, False):
        outcome = check(replace(request_, policy=str(policy), parts=kept))
        assert outcome.record.evidence["files"].facts["files"] == 1
        balances(outcome)
    (tmp_path / "policy2.toml").write_text(words)
    outcome = check(replace(request_, policy=str(tmp_path / "policy2.toml")))
    assert outcome.record.evidence["files"].facts["files"] == 2
    balances(outcome)


def test_a_file_swapped_after_the_walk_is_judged_as_it_was_hashed(
    request_: Request, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Harmless while it is hashed, harmful after: the verdict is about the digest that it gives."""
    from secpipe.gate import pipeline

    real = pipeline.open_parts

    def late(*given: object) -> object:
        (request_.path / "b.py").write_text(USE)
        return real(*given)  # type: ignore[arg-type]

    check(request_)
    (request_.path / "a.py").write_text("x = 3\n")
    monkeypatch.setattr(pipeline, "open_parts", late)
    outcome = check(request_)
    assert outcome.record.paths
    assert not uses(outcome)
    monkeypatch.setattr(pipeline, "open_parts", real)
    assert uses(check(request_)) == 1
