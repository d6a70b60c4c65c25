"""`-h` of every command ends with an example that its own options would take."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

import click
import pytest

from secpipe.cli.examples import EXAMPLES
from secpipe.cli.main import root


def commands(group: click.Group = root, name: str = "") -> Iterator[tuple[str, click.Command]]:
    """Yield every command that does something, by its full name."""
    context = click.Context(group)
    for word in group.list_commands(context):
        command = group.get_command(context, word)
        assert command is not None
        full = f"{name} {word}".strip()
        if isinstance(command, click.Group):
            yield from commands(command, full)
        else:
            yield full, command


COMMANDS = dict(commands())


@pytest.mark.parametrize("name", COMMANDS)
def test_the_help_ends_with_an_example_that_parses(name: str) -> None:
    command = COMMANDS[name]
    shown = command.get_help(click.Context(command, info_name=name, help_option_names=["-h", "--help"]))
    _, found, examples = shown.partition("Example")
    assert found, f"secpipe {name} -h has no example"
    lines = [line.strip() for line in examples.splitlines() if line.strip().startswith("secpipe ")]
    assert lines
    for line in lines:
        words = shlex.split(line)[1 + len(name.split()) :]
        assert line.startswith(f"secpipe {name}")
        context = click.Context(command, info_name=name, resilient_parsing=True, help_option_names=["-h", "--help"])
        _, left, _ = command.make_parser(context).parse_args(list(words))
        assert left == [], f"{line}: what is {left}?"
        given = {word.partition("=")[0] for word in words if word.startswith("--")}
        needed = {item.opts[0] for item in command.params if isinstance(item, click.Option) and item.required}
        assert needed <= given, f"{line} lacks {needed - given}"


def test_no_example_is_of_a_command_that_is_gone() -> None:
    assert set(EXAMPLES) <= set(COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_the_help_says_what_each_option_is_for(name: str) -> None:
    options = [one for one in COMMANDS[name].params if isinstance(one, click.Option) and not one.hidden]
    assert [one.opts[-1] for one in options if not one.help] == []


@pytest.mark.parametrize("name", sorted({name.rpartition(" ")[0] for name in COMMANDS} - {""}))
def test_a_list_of_commands_shows_whole_sentences(name: str) -> None:
    group: click.Command = root
    for word in name.split():
        assert isinstance(group, click.Group)
        group = group.get_command(click.Context(group), word) or group
    shown = group.get_help(click.Context(group, info_name=name, max_content_width=100))
    assert "..." not in shown.partition("Commands:")[2]
