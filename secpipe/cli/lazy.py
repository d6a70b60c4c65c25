"""A group of commands that imports each one when it is used, and how an error is told."""

from __future__ import annotations

import importlib
from typing import Any

import click

from secpipe.cli.examples import epilog
from secpipe.cli.old_names import todays
from secpipe.core import errors
from secpipe.core.text import did_you_mean, printable


class LazyGroup(click.Group):
    """A group whose commands are imported when they are used; a mistyped name gets a suggestion."""

    def __init__(
        self, *args: Any, table: dict[str, tuple[str, str]] | None = None, top: bool = False, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.table = table or {}
        self.top = top

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.table)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self.table:
            return None
        module, _, attribute = self.table[cmd_name][0].partition(":")
        command: click.Command = getattr(importlib.import_module(module), attribute)
        name = cmd_name if self.top else f"{self.name} {cmd_name}"
        below = command.commands.items() if isinstance(command, click.Group) else ()
        for full, each in ((name, command), *((f"{name} {word}", inner) for word, inner in below)):
            each.epilog = each.epilog or epilog(full)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in self.table and not args[0].startswith("-") and not ctx.resilient_parsing:
            hint = did_you_mean(args[0], self.table) or f"{ctx.command_path} --help"
            raise errors.ConfigError(f'no such command "{printable(args[0], 60)}"', hint=hint)
        if self.top:
            args, notices = todays(args)
            for notice in notices:
                complain(notice, word="note")
        return super().resolve_command(ctx, args)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[click.shell_completion.CompletionItem]:
        """Complete names from the table: pressing TAB must not import every room."""
        from click.shell_completion import CompletionItem

        names = [CompletionItem(name, help=text) for name, (_, text) in self.table.items()]
        fitting = [item for item in names if str(item.value).startswith(incomplete)]
        return fitting + click.Command.shell_complete(self, ctx, incomplete)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in self.table.items()])


def complain(message: str, hint: str = "", *, word: str = "error") -> None:
    """Write an error (or a note) and its hint lines to stderr, in the house style."""
    from secpipe.system.outputs import tell

    tell(f"secpipe: {word}: {printable(message)}")
    for line in hint.splitlines():
        tell(f"  hint: {printable(line)}")
