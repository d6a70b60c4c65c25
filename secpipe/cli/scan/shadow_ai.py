"""`secpipe scan shadow-ai`: which AI the code talks to, and which of it nobody approved."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from secpipe.cli.lazy import complain
from secpipe.cli.options import at_option, clock_of, emit, output_options, write_json

if TYPE_CHECKING:
    from datetime import datetime

    from secpipe.core.evidence import Evidence


@click.command()
@click.argument("paths", nargs=-1, required=True, metavar="PATH...")
@click.option("--policy", metavar="FILE", help="Policy whose [shadow_ai] section says what is approved.")
@click.option("--env", "environment", default="", metavar="NAME", help="Environment the approvals are judged for.")
@click.option("--diff", "base", metavar="COMMIT", help="Report only files that differ from this commit.")
@click.option(
    "--baseline", metavar="FILE", help="JSON result of an earlier run: what stands there is not reported again."
)
@click.option("--inventory", is_flag=True, help="List approved use as well.")
@click.option(
    "--by-provider", is_flag=True, help="A page for reviewers: a block for each provider (also -f csv, markdown, html)."
)
@click.option("--catalogue", "catalogues", multiple=True, metavar="FILE", help="More providers (repeatable).")
@click.option("--semgrep", "use_semgrep", is_flag=True, help="Let Semgrep look at candidate files, too.")
@click.option("--rules", multiple=True, metavar="FILE", help="Semgrep rules of your own (repeatable; with --semgrep).")
@click.option("--services", metavar="FILE", help="Write the services found as CycloneDX JSON.")
@click.option(
    "--no-cache",
    is_flag=True,
    help="Search anew, though every file bears the stamps (size, times, inode) of the last run.",
)
@at_option
@output_options()
def shadow_ai(
    paths: tuple[str, ...], at: str | None, formats: tuple[str, ...], output: str | None, **options: Any
) -> int:
    """Find AI services nobody approved: every call, by where it really goes.

    Without --policy nothing is approved. Exit codes: 0 nothing found, 1 found, 3 a file could not be read.

    A folder whose files bear the stamps of the last run is not searched again, nor is a single file that does: the
    result is kept under $SECPIPE_CACHE.
    Whoever can write a file can forge its stamp, so `secpipe check` never uses this; --no-cache, --at, --diff and
    --semgrep do not either.

    --by-provider makes a page for reviewers: for each provider where it is, by which means it is called, from which
    files and by which chain of places, who owns them (CODEOWNERS), models that end, and the command that approves it.
    What is seen nearby (files, columns, prompts) is a hint and no proof.
    """
    from secpipe.api.shadow_ai import approvals, judged_uses

    allow = approvals(options["policy"])
    warm = not (at or options["no_cache"] or options["base"] or options["use_semgrep"])
    now = clock_of(at).now()
    found = [(path, _kept(path, options) if warm else _scan(path, options)) for path in paths]
    answer = judged_uses(
        found, allow, env=options["environment"], baseline=options["baseline"], inventory=options["inventory"],
        at=now if at else None,
    )  # fmt: skip
    for path in paths:
        _warn_inside(path, options)
    if options["by_provider"]:
        from secpipe.api.shadow_ai_review import by_provider
        from secpipe.report import REVIEW_WRITERS

        page = by_provider(found, allow, env=options["environment"], now=now)
        emit({**page, "simulated": at is not None}, formats, output, REVIEW_WRITERS)
    else:
        emit(answer.to_dict(), formats, output)
    if options["services"]:
        _write_services(found, now, options["services"])
    return answer.exit_code


def _kept(path: str, options: dict[str, Any]) -> Evidence:
    """Return what the last run found if nothing changed since, else look and keep it."""
    from secpipe.cli.scan import shadow_ai_cache as cache

    question = cache.question_of(path, options["catalogues"])
    evidence = cache.find(question) if question else None
    if evidence is None:
        memory = cache.memory_of(question) if question else None
        evidence = _scan(path, {**options, "memory": memory})
        if question and memory:
            cache.keep(question, evidence, memory.kept)
    return evidence


def _scan(path: str, options: dict[str, Any]) -> Evidence:
    from secpipe.api.shadow_ai import look

    return look(
        path, catalogues=options["catalogues"], semgrep=options["use_semgrep"], rules=options["rules"],
        diff=options["base"], memory=options.get("memory"),
    )  # fmt: skip


def _write_services(found: Sequence[tuple[str, Evidence]], now: datetime, file: str) -> None:
    """Write the services of all paths as CycloneDX JSON."""
    from secpipe.core.version import __version__
    from secpipe.scan.shadow_ai.services import services

    uses = [use for _, evidence in found for use in evidence.facts["uses"]]
    write_json(services(uses, now, version=__version__), file)


def _warn_inside(path: str, options: dict[str, Any]) -> None:
    """What loosens a result and stands in the tree it judges belongs to whoever writes the tree."""
    root = Path(path).resolve()
    for name in ("policy", "baseline"):
        file = options[name]
        if file and Path(file).resolve().is_relative_to(root):
            complain(
                f"the {name} stands in the tree it judges: whoever changes one can change the other", word="warning"
            )
