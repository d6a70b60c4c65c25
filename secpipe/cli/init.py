"""`secpipe init`: the first day; writes a starter policy and a CI step, and never over anything."""

from __future__ import annotations

from pathlib import Path

import click

from secpipe.cli.options import clock_of, say
from secpipe.core.errors import EXIT_PASS, ConfigError
from secpipe.core.text import plural


@click.command()
@click.argument("path", type=click.Path(exists=True, path_type=Path), default=".")
@click.option("--owner", default="security@example.com", show_default=True, help="Who answers for the policy.")
@click.option(
    "--secpipe-from", "address", metavar="URL@COMMIT", help="Which secpipe CI runs (default: what this one came from)."
)
@click.option("--dry-run", is_flag=True, help="Only say what would be written.")
def init(path: Path, owner: str, address: str | None, dry_run: bool) -> int:
    """Write a starter policy and a CI step for the project in PATH; existing files are kept.

    The policy asks what secpipe asks anyway: a project that passed before passes after. Warn mode is nothing that a
    project can give itself; see --warn-until of secpipe check and secpipe hook install.
    """
    from secpipe.cli.next_step import after_init
    from secpipe.gate import starter, starter_ci
    from secpipe.gate.policies import policy_file
    from secpipe.gate.request import TREE_POLICY
    from secpipe.system import files, installed
    from secpipe.system.tree import walk

    if path.is_file():
        raise ConfigError(f"{path} is a file; init prepares a folder", hint=f"secpipe init {path.parent}")
    source = installed.source() if address is None else installed.parse(address)
    folders = starter.environments(path)
    found = starter.detect(walk(path, exclude=folders), folders)
    say(f"found {plural(len(found.models), 'model file')}, {plural(len(found.locks), 'lock file')}")
    name = path.resolve().name or "project"
    today, branch = clock_of(None).now().date(), starter_ci.branch_of(path)
    made = starter.starter_files(found, name=name, owner=owner, today=today, source=source, branch=branch)
    kept = [path / place for place in made if (path / place).exists()]
    for place in () if dry_run else made:
        files.make_folder((path / place).parent)  # all of them, before the first file is written
    for place, text in made.items():
        target = path / place
        if target in kept:
            say(f"kept  {place}")
            continue
        if not dry_run:
            files.write_atomic(target, text.encode())
        say(f"{'would write' if dry_run else 'wrote'} {place}")
    if not source.commit:
        say("the CI step refuses to run until it says which secpipe: init --secpipe-from URL@COMMIT, or write it in")
    if found.bare:
        say("no dependencies and no models: the policy asks for no bill of materials until there are some")
    loosened = bool(found.environments or found.bare) and path / TREE_POLICY not in kept
    after_init(path, policy_file.parse(made[TREE_POLICY].encode(), TREE_POLICY).digest if loosened else "").show()
    return EXIT_PASS
