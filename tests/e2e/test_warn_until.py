"""The dated warn mode: a person's own argument, shown in the first line, ended by its day."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.e2e.projects import write
from tests.e2e.transcript import Shell


@pytest.fixture
def rag(shell: Shell) -> Shell:
    """Return a shell with a project that nobody approved; its clock stands at 2026-11-21."""
    write("rag", shell.cwd / "rag")
    return shell


def test_it_warns_through_the_day_and_enforces_after_it(rag: Shell) -> None:
    command = "secpipe check rag --warn-until 2026-11-22"
    for days in (0, 1):
        code, out, _ = rag(command)
        assert code == 0, days
        assert out.startswith("WOULD BE BLOCKED for prod, but only warns until 2026-11-22: ")
        assert "api.openai.com" in out
        rag.sleep(days=1)
    code, out, _ = rag(command)
    assert code == 1
    assert out.startswith("BLOCKED for prod: ")
    assert "enforce mode, which began after 2026-11-22" in out


def test_a_pass_says_it_too(rag: Shell) -> None:
    write("churn", rag.cwd / "churn")
    assert rag("secpipe check churn --warn-until 2026-12-01")[1].startswith(
        "PASS for prod (only warns until 2026-12-01)"
    )


@pytest.mark.parametrize(
    "words",
    ["''", "tomorrow", "2026-13-01", "2026-02-30", "20261221", "2026-W52-1", "2026-12-21T00:00:00Z", "' 2026-12-21'",
     "2026-12-21 --mode warn", "2026-12-21 --mode enforce"],
)  # fmt: skip
@pytest.mark.parametrize("command", ["check rag", "hook install"])
def test_what_is_no_day_is_wrong_usage(rag: Shell, words: str, command: str) -> None:
    code, out, err = rag(f"secpipe {command} --warn-until {words}")
    assert (code, out) == (2, ""), err
    mode_first = words.partition(" --mode ")
    if mode_first[1]:
        assert rag(f"secpipe {command} --mode {mode_first[2]} --warn-until {mode_first[0]}")[0] == 2


def test_the_tree_cannot_say_it(rag: Shell) -> None:
    """Attack: the project asks for warn mode, by policy or by a key that looks like the option."""
    rag("secpipe init rag")
    policy = rag.cwd / "rag/secpipe-policy.toml"
    text = policy.read_text()
    policy.write_text(text.replace("profile =", 'mode = "warn"\nprofile ='))
    assert rag("secpipe check rag")[0] == 1
    policy.write_text(text.replace("profile =", "warn_until = 2030-01-01\nprofile ="))
    assert rag("secpipe check rag")[0] == 2


def test_the_document_says_until_when(rag: Shell) -> None:
    _, out, _ = rag("secpipe check rag --warn-until 2026-12-01 -f json")
    found = json.loads(out)
    assert (found["mode"], found["warn_until"], found["decision"]) == ("warn", "2026-12-01", "warn")
    _, out, _ = rag("secpipe check rag --warn-until 2026-11-01 -f json")
    assert json.loads(out)["mode"] == "enforce"
    assert "warn_until" not in json.loads(rag("secpipe check rag -f json")[1])


def test_it_is_no_mode_for_what_could_not_be_asked(rag: Shell) -> None:
    assert rag("secpipe check rag --warn-until 2026-12-01 --policy none.toml")[0] == 2


def _hook(shell: Shell) -> str:
    return Path(shell.cwd / "rag/.git/hooks/pre-push").read_text().splitlines()[-1]


def test_the_hook_holds_the_day_in_its_own_line(rag: Shell) -> None:
    rag("git init -q rag")
    assert rag("secpipe hook install -C rag")[0] == 0
    assert _hook(rag).endswith("hook run pre-push --warn-until 2026-12-21")
    rag("secpipe hook install -C rag --mode enforce")
    assert _hook(rag).endswith("hook run pre-push --mode enforce")
    _, out, _ = rag("secpipe hook install -C rag --warn-until 2027-01-31")
    assert _hook(rag).endswith("--warn-until 2027-01-31")
    assert "it only warns through 2027-01-31" in out
    assert rag("secpipe hook install -C rag --mode wran")[0] == 2


def test_a_hook_inside_the_project_is_named(rag: Shell) -> None:
    """Where core.hooksPath points into the work tree, a pull request can change the hook's line."""
    rag("git init -q rag && git -C rag config core.hooksPath .githooks")
    assert "whoever changes the project can change it" in rag("secpipe hook install -C rag")[1]
