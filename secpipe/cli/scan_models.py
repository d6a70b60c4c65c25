"""`secpipe scan models`: find code in model files, without loading them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import click

from secpipe.cli.options import at_option, clock_of, emit, output_options, say
from secpipe.core import findings
from secpipe.core.artifact import Skip
from secpipe.core.errors import EXIT_DENY, EXIT_PASS, EXIT_UNDECIDED
from secpipe.core.evidence import Evidence
from secpipe.core.finding import sort_key
from secpipe.core.text import printable


@click.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path())
@click.option("--allow", metavar="NAME", multiple=True, help="Also allow this dotted name in pickles. Repeatable.")
@click.option("--allow-list", metavar="FILE", help="TOML of [[allow]] entries: name, files, expires, owner, reason.")
@click.option("--explain", is_flag=True, help="Print what each pickle given imports, calls and sets; judge nothing.")
@at_option
@output_options()
def models(
    paths: tuple[str, ...],
    allow: tuple[str, ...],
    allow_list: str | None,
    explain: bool,
    at: str | None,
    formats: tuple[str, ...],
    output: str | None,
) -> int:
    """Find code in model files under PATHS (folders or files), by allow-list, without loading them.

    Every file is recognised by its content. Each comes out malicious, for review, or ok; what could not be looked at
    is listed and is
    never ok. Exit codes: 0 nothing found, 1 something malicious or for review, 3 something was not looked at.
    """
    from secpipe.core.limits import DEFAULT
    from secpipe.scan.models.additions import Addition, read_additions
    from secpipe.scan.models.scan import scan
    from secpipe.system.aliases import aliased
    from secpipe.system.files import read_bytes
    from secpipe.system.tree import open_tree

    if explain:
        return show(paths)
    now = clock_of(at).now()
    extra: list[str | Addition] = [*allow]
    if allow_list:
        extra += read_additions(read_bytes(allow_list, DEFAULT.text_bytes), now)
    evidence = merge([(path, scan(aliased(open_tree(path)), extra_allow=extra)) for path in paths])
    emit(findings.document(shown(evidence), "scan models", now, simulated=at is not None), formats, output)
    if {facts["outcome"] for facts in evidence.facts["files"].values()} & {"malicious", "review"}:
        return EXIT_DENY
    return EXIT_UNDECIDED if evidence.skips else EXIT_PASS


def show(paths: Sequence[str]) -> int:
    """Print what the pickles do when they are opened, line by line."""
    from secpipe.scan.models.allow import shipped_list
    from secpipe.scan.models.explain import explain
    from secpipe.system.files import open_regular

    for path in paths:
        with open_regular(path) as file:
            lines = list(explain(file, shipped_list()))
        say(f"{printable(path)}:")
        say("\n".join(lines))
    return EXIT_PASS


def merge(parts: Sequence[tuple[str, Evidence]]) -> Evidence:
    """Return one evidence for several paths; paths inside then begin with the path given."""
    if len(parts) == 1:
        return parts[0][1]
    every = [replace(found, path=join(path, found.path)) for path, each in parts for found in each.findings]
    return replace(
        parts[0][1],
        findings=tuple(sorted(every, key=sort_key)),
        skips=tuple(Skip(join(path, skip.path), skip.reason) for path, each in parts for skip in each.skips),
        facts={
            "files": {join(path, name): facts for path, each in parts for name, facts in each.facts["files"].items()}
        },
    )


def join(path: str, inner: str) -> str:
    """Return the place of `inner` seen from where the command was given; a single file is its own tree."""
    return path if path.rpartition("/")[2] == inner else f"{path.rstrip('/')}/{inner}".rstrip("/")


def shown(evidence: Evidence) -> Evidence:
    """Return the evidence with every name of a file made safe to print."""
    return replace(
        evidence, facts={"files": {printable(path): facts for path, facts in evidence.facts["files"].items()}}
    )
