"""A first day without a dead end: from clone to an honest end, each command printed by the one before."""

from __future__ import annotations

import re
import struct
from pathlib import Path

import pytest

from tests.e2e.projects import PROJECTS
from tests.e2e.transcript import Shell

FOLDER = Path(__file__).parent / "transcripts"
STORIES = sorted(path.name for path in FOLDER.glob("first-day-*.txt") if path.name != "first-day-small.txt")
#: What nobody but a person can decide: whether a service may be used, and where advisories of an ecosystem come from.
FOR_A_PERSON = re.compile(r"shadow-ai/.+|gate/incomplete")


def steps(name: str) -> list[tuple[str, str]]:
    """Return the secpipe and git commands of a story behind those that make the project, with what each prints."""
    parts = re.split(r"^\$ ", (FOLDER / name).read_text(), flags=re.MULTILINE)[1:]
    first = next(index for index, part in enumerate(parts) if part.startswith("secpipe init "))
    return [(part.partition("\n")[0], part.partition("\n")[2]) for part in parts[first:]]


def test_five_projects_have_a_first_day() -> None:
    assert len(STORIES) == 5


@pytest.mark.parametrize("name", STORIES)
def test_at_most_six_commands_each_printed_by_the_one_before(name: str) -> None:
    commands = [command for command, _ in steps(name)]
    assert len(commands) <= 6
    assert all(command.startswith("next: ") for command in commands[1:])  # the runner takes it from what was printed


@pytest.mark.parametrize("name", STORIES)
def test_the_end_is_honest(name: str) -> None:
    verdicts = [out for command, out in steps(name) if "secpipe check" in command]
    last = verdicts[-1]
    left = re.findall(r"(?:who|answers for it): (.+); why: secpipe explain (\S+)", last)
    assert last.startswith("PASS for prod") or (left and all(FOR_A_PERSON.fullmatch(rule) for _, rule in left))
    assert all("@" in who for who, _ in left)


def make(shell: Shell, name: str) -> str:
    from tests.e2e.projects import write

    write(name, shell.cwd / name)
    return name


@pytest.mark.parametrize("name", sorted(PROJECTS))
def test_init_turns_no_verdict(name: str, shell: Shell) -> None:
    """A project that passed before passes after; a bare one gets a command that decides."""
    make(shell, name)
    before, _, _ = shell(f"secpipe check {name}")
    shell(f"secpipe init {name}")
    after, _, said = shell(shell_next(shell, name))
    assert after == before or (before, after) == (3, 0), said


def shell_next(shell: Shell, name: str) -> str:
    _, out, err = shell(f"secpipe init {name}")
    return re.findall(r"^next:\n  (.+)$", out + err, re.MULTILINE)[0]


def test_no_next_step_in_a_job_or_for_a_program(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    make(shell, "churn")
    assert "next" in shell("secpipe check churn")[2]
    for options in ("-f json", "-q", "--at 2026-12-01"):
        assert "next" not in shell(f"secpipe check churn {options}")[2], options
    monkeypatch.setenv("CI", "true")
    assert "next" not in shell("secpipe check churn")[2]


def test_names_from_the_project_are_words_in_the_next_command(shell: Shell) -> None:
    make(shell, "train")
    (shell.cwd / "train/models/ranker").rename(shell.cwd / "train/models/a; touch PWNED")
    shell("secpipe init train")
    (shell.cwd / "pw").write_text("correct horse\n")
    (shell.cwd / "pw").chmod(0o600)
    shell("secpipe keys init --trust train/keys --passphrase-file pw")
    said = shell("secpipe check train")[2]
    assert "'train/models/a; touch PWNED'" in said
    (shell.cwd / "train/models/a; touch PWNED").rename(shell.cwd / "train/models/\u202etxt")
    assert "\u202e" not in shell("secpipe check train")[2]


LOOSER = (
    'mode = "warn"',
    'exclude = ["app"]',
    "[sbom]\nrequired = false",
    "[signatures]\ncover = []",
    '[signatures]\nrequire = "classical"',
    '[vulnerabilities]\nblock = "critical"',
    '[models]\nblock = "high"',
    '[shadow_ai]\ndefault = "allow"',
    '[shadow_ai]\nunknown_destination = "allow"',
    '[[shadow_ai.allow]]\nprovider = "openai"\nowner = "a@x"\nreason = "r"\nexpires = 2027-03-31',
    '[[waiver]]\nid = "W"\nrule = "shadow-ai/*"\nowner = "a@x"\nreason = "r"\nexpires = 2027-03-31',
    "[env.prod]\nsbom.required = false",
)


def test_a_project_with_a_file_where_keys_go_is_told_what_runs(shell: Shell) -> None:
    model = shell.cwd / "app" / "model.safetensors"
    model.parent.mkdir()
    header = b'{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}'
    model.write_bytes(struct.pack("<Q", len(header)) + header + bytes(4))
    (model.parent / "keys").write_text("a file of the project\n")
    _, out, said = shell("secpipe check app")
    assert "keys init" not in out + said
    assert "app/keys is no folder" in out


def _with(shell: Shell, lines: str) -> tuple[int, str]:
    policy = shell.cwd / "churn/secpipe-policy.toml"
    head, tail = policy.read_text().split("profile =", 1)
    over = 'overridable = ["*"]\n' if lines.startswith("[env") else ""
    place = f"{head}{over}profile =" if lines.startswith("[") else f"{head}{lines}\nprofile ="
    policy.write_text(place + tail + (f"\n{lines}\n" if lines.startswith("[") else ""))
    code, out, err = shell("secpipe check churn")
    return code, out + err


@pytest.mark.parametrize("lines", LOOSER)
def test_a_policy_in_the_tree_that_asks_less_vouches_for_nothing(lines: str, shell: Shell) -> None:
    """Attack: a pull request writes itself a policy; only one that asks no less than none at all needs no pin."""
    make(shell, "churn")
    shell("secpipe init churn")
    code, said = _with(shell, lines)
    assert code == 3, said
    assert "(self-judged)" in said.splitlines()[0]


@pytest.mark.parametrize(
    "lines", ["[sbom]\nrequired = true", '[vulnerabilities]\nblock = "medium"', '[env.dev]\nmode = "enforce"']
)
def test_a_policy_in_the_tree_that_asks_more_is_followed(lines: str, shell: Shell) -> None:
    make(shell, "churn")
    shell("secpipe init churn")
    code, said = _with(shell, lines)
    assert (code, said.startswith("PASS for prod")) == (0, True), said
