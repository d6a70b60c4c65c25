"""`secpipe init`: the first day; writes a starter policy in warn mode and a CI step, and never over anything."""

from __future__ import annotations

from pathlib import Path

import click

from secpipe.cli.options import clock_of, say
from secpipe.core.errors import EXIT_PASS
from secpipe.core.text import plural, printable


@click.command()
@click.argument("path", type=click.Path(exists=True, file_okay=False, path_type=Path), default=".")
@click.option("--owner", default="security@example.com", show_default=True, help="Who answers for the policy.")
@click.option("--dry-run", is_flag=True, help="Only say what would be written.")
def init(path: Path, owner: str, dry_run: bool) -> int:
    """Write a starter policy (warn mode) and a CI step for the project in PATH; existing files are kept."""
    from secpipe.gate import starter
    from secpipe.system import files
    from secpipe.system.tree import walk

    folders = starter.environments(path)
    found = starter.detect(walk(path, exclude=folders), folders)
    say(f"found {plural(len(found.models), 'model file')}, {plural(len(found.locks), 'lock file')}")
    name = path.resolve().name or "project"
    made = starter.starter_files(
        found, name=printable(name).replace('"', "'"), owner=owner, today=clock_of(None).now().date()
    )
    for place, text in made.items():
        target = path / place
        if target.exists():
            say(f"kept  {place}")
            continue
        if not dry_run:
            files.make_folder(target.parent)
            files.write_atomic(target, text.encode())
        say(f"{'would write' if dry_run else 'wrote'} {place}")
    say("\nnext:")
    say("  secpipe check . --mode warn          # what stands against a release today")
    say("  secpipe keys init                    # keys to sign the models with")
    say("  secpipe hook install                 # the same question at every git push")
    return EXIT_PASS
