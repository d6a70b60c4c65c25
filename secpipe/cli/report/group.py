"""`secpipe report FILE`, and `secpipe report verify PAGE`: a first word that names no command is a file."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from secpipe.cli.lazy import LazyGroup

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

_TABLE = {
    "show": ("secpipe.cli.report.show:show", "Render a saved verdict or scan result; the word may be left out."),
    "verify": ("secpipe.cli.report.verify:verify", "Hold an HTML report to the document inside it."),
}


class _Files(LazyGroup):
    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        named = args and (args[0] in self.table or args[0] in ctx.help_option_names)
        return super().parse_args(ctx, args if named or ctx.resilient_parsing else ["show", *args])

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Complete the options of `show`, too: its name may be left out."""
        show = self.get_command(ctx, "show") if incomplete.startswith("-") else None
        return show.shell_complete(ctx, incomplete) if show else super().shell_complete(ctx, incomplete)


@click.command(
    cls=_Files,
    table=_TABLE,
    epilog="""\b
Examples:
  secpipe report verdict.json
  secpipe report verdict.json -f sarif -o secpipe.sarif
  secpipe report verdict.json -f html=verdict.html -f markdown=summary.md
  secpipe report verify verdict.html""",
)
def report() -> None:
    """Render a saved verdict (`check -f json`) or scan result in another format: secpipe report FILE [-f FORMAT].

    A file that is called like a command is written ./show.
    """
