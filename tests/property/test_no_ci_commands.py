"""No text of ours holds a line that a CI runner reads as a command, whatever names, reasons and owners say.

Every writer is found by the writers' table, every command by the table of commands: a new one is held by itself. What
runners read is written here from their own descriptions, not from our expressions.
"""

from __future__ import annotations

import io
import json
import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import click
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from secpipe.cli import main, options
from secpipe.core import foreign
from secpipe.core.errors import SecpipeError
from secpipe.core.foreign import Sink
from secpipe.report import SINKS, WRITERS
from secpipe.system import net
from tests.house.test_every_command_has_an_example import COMMANDS
from tests.property.test_hostile_reports import QUICK, SCAN, VERDICT, documents

#: GitHub (both forms), Azure Pipelines, TeamCity; `stop-commands` and `add-mask` are enough to do harm.
COMMAND_WORDS = (
    "::error::owned", "::stop-commands::x", "::add-mask::y", "##[error]owned", "##vso[task.setvariable variable=a]b",
    "##teamcity[buildProblem description='x']", "##VSO[task.complete result=Succeeded;]", "##[set-env name=PATH]x",
)  # fmt: skip
#: What makes the middle of a text the beginning of a line, for one reader or another.
BREAKS = (
    "\n",
    "\r",
    "\r\n",
    "\v",
    "\f",
    "\x1c",
    "\x85",
    "\u2028",
    "\u2029",
    "\n \t",
    "\n\u00a0",
    "\n\u3000",
    "%0A",
    "",
)
HIDDEN = ("", "\x1b[0m", "\x1b]8;;http://evil.example\x07", "\u202e", "\u2066", "\u200b", "\x9b31m", "\x08", "\ufeff")


@st.composite
def attacks(draw: st.DrawFn) -> str:
    """Text with a command at its start, behind a break of any kind, or where a report would wrap the line."""
    before = draw(
        st.one_of(
            st.just(""),
            st.integers(1, 130).map(lambda count: "x" * count + " "),
            st.integers(1, 40).map(lambda count: "word " * count),
        )
    )
    return (
        before
        + draw(st.sampled_from(BREAKS))
        + draw(st.sampled_from(HIDDEN))
        + draw(st.sampled_from(COMMAND_WORDS))
        + draw(st.sampled_from(("", " and more", "\n")))
    )


def acting(text: str, ours: re.Pattern[str] | None = None) -> list[str]:
    """Return the lines that a runner would carry out, or a terminal would; `ours` are commands that we give."""
    return [line for line in re.split(r"\r\n|[\n\r\v\f\x1c-\x1e\x85\u2028\u2029]", text) if _acts(line, ours)]


def _acts(line: str, ours: re.Pattern[str] | None) -> bool:
    if any(unicodedata.category(char) in {"Cc", "Cf", "Cs", "Zl", "Zp"} for char in line):
        return True
    if any(mark in line.lower() for mark in ("##[", "##vso[", "##teamcity[")):
        return True
    return line.strip().startswith("::") and not (ours and ours.fullmatch(line))


#: The commands that we give: three words, known properties, and nothing that ends them early.
ANNOTATION = re.compile(r"::(error|warning|notice)( (file|line|col|title)=[^:,]*(,(file|line|col|title)=[^:,]*)*)?::.*")
OURS = {name: ANNOTATION for name, sink in SINKS.items() if sink is Sink.COMMANDS}


class _Out(io.TextIOWrapper):
    """A stdout in memory, as an embedding program has it: bytes come through `buffer`."""

    def __init__(self) -> None:
        super().__init__(io.BytesIO(), encoding="utf-8", errors="surrogateescape", newline="", write_through=True)

    def text(self) -> str:
        assert isinstance(self.buffer, io.BytesIO)
        return self.buffer.getvalue().decode("utf-8", "surrogateescape")


def said(call: Callable[[], object]) -> tuple[str, str]:
    """Return what a call writes to stdout and stderr."""
    out, err = _Out(), _Out()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.stdout", out)
        patch.setattr("sys.stderr", err)
        call()
        out.flush()
        err.flush()
    return out.text(), err.text()


def shown(document: dict[str, Any], name: str) -> str:
    """Return a document in one format, as a user gets it."""
    return said(lambda: options.emit(document, (name,), None))[0]


ANY = st.one_of(documents(VERDICT, attacks()), documents(SCAN, attacks()))


@settings(QUICK, max_examples=20)
@given(ANY)
def test_no_writer_says_a_command(document: dict[str, Any]) -> None:
    for name in WRITERS:
        assert acting(shown(document, name), OURS.get(name)) == [], name


@pytest.mark.parametrize("name", [name for name, sink in SINKS.items() if sink in {Sink.TEXT, Sink.COMMANDS}])
def test_the_property_sees_a_planted_fault(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    document = json.loads(json.dumps(SCAN))
    document["findings"][0] |= {"message": "x ##[error]owned", "path": "##vso[task.complete]", "fix": "##teamcity[a b]"}
    assert acting(shown(document, name), OURS.get(name)) == []
    monkeypatch.setattr(foreign, "_ANYWHERE", re.compile("(?!)"))
    assert acting(shown(document, name), OURS.get(name))


def test_a_line_that_a_fault_would_let_begin_with_colons_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    def told() -> str:
        return said(lambda: options.say(" ::error::owned"))[0]

    assert acting(told()) == []
    monkeypatch.setattr(foreign, "_LINE_START", re.compile("()(?!)"))
    assert acting(told()) == [" ::error::owned"]


#: Words of an attacker in the place of a name: every command is asked with each, in the place of each parameter.
NAMES = (
    "::error::owned",
    "a\n::error::owned\r##[error]b ##vso[task.complete]c ##teamcity[d e] \x1b[2J\x1b]8;;x\x07\u202ef\u2028::add-mask::",
)


def _asked(command: click.Command, word: str) -> Iterator[list[str]]:
    """Yield a command's words with `word` for each argument and option in turn, for all arguments first."""
    arguments = [one for one in command.params if isinstance(one, click.Argument)]
    given = [word for one in arguments for _ in range(max(1, one.nargs))]
    needed = [
        part
        for one in command.params
        if isinstance(one, click.Option) and one.required and not one.is_flag
        for part in (one.opts[-1], *[word] * max(1, one.nargs))
    ]
    yield [*needed, "--", *given]
    yield [f"--{word}"]
    for one in command.params:
        if isinstance(one, click.Option) and not one.is_flag and one.opts[-1].startswith("--"):
            yield [one.opts[-1], *[word] * max(1, one.nargs), *needed, "--", *given]


@pytest.fixture
def empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to stand in, a home of its own, no network, and nobody at the keyboard."""
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("SECPIPE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("SECPIPE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO()))
    for name in ("GITHUB_ACTIONS", "GITLAB_CI"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path / "here"


def _offline(*_: object, **__: object) -> None:
    raise SecpipeError("no network in this test")


def run(words: Sequence[str]) -> str:
    """Run a command line in this process; returns what it said, stdout first."""
    return "\n".join(said(lambda: main.run(list(words))))


@pytest.mark.parametrize("name", COMMANDS)
def test_no_command_repeats_one_that_it_was_given(name: str, empty: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(net, "fetch", _offline)
    for word in NAMES:
        for words in _asked(COMMANDS[name], word):
            assert acting(run([*name.split(), *words])) == [], words


#: A hostile name as a file can have it, and as a person or product can.
FILE = "::error::owned ##[error]b ##vso[task.complete]c\r::add-mask::d\n::stop-commands::e\x1b[2J\u202e##teamcity[f g]"
PERSON = "::error::owned\u2028::add-mask::x ##[error]b ##vso[task.complete]c ##teamcity[d e] \u202ef"


@pytest.fixture
def hostile(empty: Path) -> Path:
    """A project in which every name, reason and owner is an attacker's, and a policy that is his as well."""
    said, words = json.dumps(PERSON), {PERSON: PERSON}
    component = {"type": "library", "name": PERSON, "version": PERSON, "licenses": [{"license": {"name": PERSON}}]}
    about = {"component": {"type": "application", "name": PERSON, "bom-ref": PERSON}, "authors": [{"name": PERSON}]}
    bom = {"bomFormat": "CycloneDX", "specVersion": "1.6", "version": 1, "components": [component], "metadata": about}
    waiver = f'id = "a"\nrule = "shadow-ai/unapproved-host"\nowner = {said}\nreason = {said}\nexpires = 2027-01-01\n'
    policy = f'schema = "secpipe.policy/1"\nname = "x"\nowner = {said}\nexpires = 2027-06-30\n[[waiver]]\n{waiver}'
    for name, data in {
        f"{FILE}.py": f"import openai\nopenai.OpenAI(base_url='https://api.deepseek.com/v1')  # {PERSON}\n",
        f"{FILE}.pkl": "cos\nsystem\n(S'id'\ntR.",
        f"{FILE}.ipynb": "{",
        f"{FILE}.safetensors": "\uffff" * 40,
        f"{FILE}/package-lock.json": json.dumps({"packages": {PERSON: {}}}),
        "requirements.txt": f"{PERSON}==1\njinja2==2.0\n",
        "package.json": json.dumps({"name": PERSON, "version": PERSON}),
        ".mcp.json": json.dumps({"mcpServers": {PERSON: {"command": "npx", "args": ["-y", PERSON], "env": words}}}),
        "CLAUDE.md": PERSON,
        "bom.json": json.dumps(bom),
        "policy.toml": policy,
    }.items():
        (empty / name).parent.mkdir(exist_ok=True)
        (empty / name).write_text(data)
    return empty


#: Formats that tell of packages with known vulnerabilities alone.
PACKAGES = {"vex", "vdr"}
#: What is asked of that project besides the path alone. Every command is asked with the path, and each of its files.
ASKED = (
    *(["check", ".", "-f", name] for name in WRITERS),
    *(["scan", "models", ".", "-f", name] for name in WRITERS),
    *(["scan", "shadow-ai", ".", "-f", name] for name in WRITERS),
    *(["scan", "agents", ".", "-f", name] for name in WRITERS),
    ["check", ".", "--policy", "policy.toml", "--explain"], ["check", ".", "--explain-min"],
    ["check", ".", "--policy", "policy.toml"], ["policy", "show", "policy.toml"], ["policy", "lint", "policy.toml"],
    ["sbom", "generate", "."], ["sbom", "query", "bom.json", "SELECT"], ["sbom", "validate", "bom.json"],
    ["sbom", "diff", "bom.json", "bom.json"], ["sbom", "score", "bom.json"], ["audit", "bom.json"],
)  # fmt: skip


def test_no_answer_about_a_hostile_project_says_one(hostile: Path) -> None:
    for words in ASKED:
        text = run(words)
        assert acting(text, OURS.get(words[-1])) == [], words
        bare = words[0] not in {"check", "scan"} or words[-1] in PACKAGES
        assert "owned" in text or bare, words


def test_a_ci_job_is_given_our_commands_alone(hostile: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(hostile.parent / "summary.md"))
    text = run(["check", "."])
    assert "::error file=" in text
    assert acting(text, ANNOTATION) == []
    assert acting((hostile.parent / "summary.md").read_text()) == []


@pytest.mark.parametrize("name", COMMANDS)
def test_no_command_repeats_what_a_hostile_project_says(
    name: str, hostile: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(net, "fetch", _offline)
    count = len([one for one in COMMANDS[name].params if isinstance(one, click.Argument)])
    for place in (".", f"{FILE}.py", f"{FILE}.pkl", "bom.json", "policy.toml"):
        assert acting(run([*name.split(), *[place] * max(1, count)])) == [], place
