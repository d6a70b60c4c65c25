"""An empty word is a variable that is not set: no option and no argument of any command takes one."""

from __future__ import annotations

from collections.abc import Iterator

import click
import pytest

from secpipe.cli.main import root
from tests.e2e.transcript import Shell


def options(command: click.Command, words: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], str]]:
    """Yield (words of the command, option) of every option that takes a word."""
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            below = command.get_command(context, name)
            assert below is not None
            yield from options(below, (*words, name))
    for option in command.params:
        if isinstance(option, click.Option) and not option.is_flag and not option.count:
            yield words, max(option.opts, key=len)


EVERY = sorted(set(options(root)))


def test_the_table_is_not_empty() -> None:
    assert (("check",), "--env") in EVERY
    assert len(EVERY) > 150


def test_every_option_that_takes_a_word_refuses_the_empty_one(shell: Shell) -> None:
    for words, option in EVERY:
        for empty in (f"{option} ''", f"{option}=", f"{option}=' '", f"{option} '  '"):
            code, out, err = shell(f"secpipe {' '.join(words)} {empty}")
            assert (code, out) == (2, ""), (words, empty)
            assert f"{option} is given an empty word" in err


@pytest.mark.parametrize(
    "words",
    [
        "''",
        "-- ''",
        ". --env $ABSENT --no-cache",
        ". --env -x",
        ". --env --exit-zero",
        ". --env '.'",
        ". --policy-ref git:$ABSENT",
        ". --policy-ref sha256:$ABSENT",
        ". --policy builtin:$ABSENT",
        ". --policy-ref $ABSENT --no-cache",
        ". --trust-pin $ABSENT --no-cache",
        ". -f json=$ABSENT",
        ". -o ''",
        ". -f ''",
    ],
)
def test_no_empty_variable_passes(shell: Shell, words: str) -> None:
    """A clean project, which would pass if the empty word were left out."""
    (shell.cwd / "requirements.txt").write_text("click==8.1.8\n")
    assert shell("secpipe check .")[0] == 0
    code, out, err = shell(f"secpipe check {words.replace('$ABSENT ', '').replace('$ABSENT', '')}")
    assert code in (2, 3), err
    assert out == ""


def test_an_equals_sign_in_a_path_is_no_empty_word(shell: Shell) -> None:
    folder = shell.cwd / "--x="
    folder.mkdir()
    (folder / "requirements.txt").write_text("click==8.1.8\n")
    assert shell("secpipe check -- --x=")[0] == 0
