"""Old spellings of options work, say what they are called now, and are shown nowhere."""

from __future__ import annotations

import click
import pytest

from secpipe.cli.main import root, run
from secpipe.cli.old_names import OLD_NAMES, todays
from tests.house.test_every_command_has_an_example import COMMANDS


def test_an_old_name_is_todays_with_a_notice() -> None:
    made, notices = todays(["verify", "m", "--environment=prod", "--env", "x"])
    assert made == ["verify", "m", "--env=prod", "--env", "x"]
    assert notices == ["--environment is called --env now; the old name goes away with 1.0"]


def test_what_stands_behind_two_hyphens_is_no_option() -> None:
    assert todays(["verify", "--", "--environment"]) == (["verify", "--", "--environment"], [])
    assert todays([]) == ([], [])
    assert todays(["check", "--environment"]) == (["check", "--environment"], []), "it never was one there"


def test_the_notice_goes_to_stderr_and_the_command_is_carried_out(
    tmp_path: object, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["trust", "show", "--dir", f"{tmp_path}/none"]) == 2
    capsys.readouterr()
    assert run(["keys", "list", "--dir", f"{tmp_path}/none"]) == 3
    shown = capsys.readouterr()
    assert shown.err.startswith("secpipe: note: --dir is called --trust now")
    assert shown.out == ""


@pytest.mark.parametrize("group", OLD_NAMES)
def test_no_help_shows_an_old_name_and_every_new_one_exists(group: str) -> None:
    mine = {name: command for name, command in COMMANDS.items() if name.split()[0] == group}
    options = {
        name for command in mine.values() for item in command.params if isinstance(item, click.Option)
        for name in item.opts
    }  # fmt: skip
    assert set(OLD_NAMES[group].values()) <= options
    assert not set(OLD_NAMES[group]) & options
    assert root.get_command(click.Context(root), group)
