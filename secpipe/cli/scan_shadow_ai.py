"""`secpipe scan shadow-ai`: which AI the code talks to, and which of it nobody approved."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from secpipe.cli.options import at_option, clock_of, emit, output_options
from secpipe.cli.scan_shadow_ai_result import document_of, known_findings, with_skips, write_services

if TYPE_CHECKING:
    from secpipe.core.evidence import Evidence
    from secpipe.core.finding import Finding
    from secpipe.scan.shadow_ai.judge import Allow


@click.command()
@click.argument("paths", nargs=-1, required=True, metavar="PATH...")
@click.option("--policy", metavar="FILE", help="Policy whose [shadow_ai] section says what is approved.")
@click.option("--env", "environment", default="", metavar="NAME", help="Environment the approvals are judged for.")
@click.option("--diff", "base", metavar="COMMIT", help="Report only files that differ from this commit.")
@click.option(
    "--baseline", metavar="FILE", help="JSON result of an earlier run: what stands there is not reported again."
)
@click.option("--inventory", is_flag=True, help="List approved use as well.")
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

    A folder whose files bear the stamps of the last run is not searched again: its result is kept under $SECPIPE_CACHE.
    Whoever can write a file can forge its stamp, so `secpipe check` never uses this; --no-cache, --at, --diff and
    --semgrep do not either.
    """
    from secpipe.core.finding import Severity, sort_key

    allow = _allow(options["policy"])
    warm = not (at or options["no_cache"] or options["base"] or options["use_semgrep"])
    now = clock_of(at).now()
    known = known_findings(options["baseline"])
    evidences, findings = [], []
    for path in paths:
        evidence = _kept(path, options) if warm else _scan(path, options)
        evidences.append(evidence)
        findings += _judge(evidence, allow, options["environment"], now, inventory=options["inventory"])
        _warn_inside(path, options)
    fresh = sorted((finding for finding in findings if finding.id not in known), key=sort_key)
    emit(document_of(evidences, fresh, now, bool(at), len(findings) - len(fresh)), formats, output)
    if options["services"]:
        write_services(evidences, now, options["services"])
    if any(finding.severity > Severity.INFO for finding in fresh):
        return 1
    return 3 if any(evidence.skips or evidence.state != "ok" for evidence in evidences) else 0


def _allow(policy: str | None) -> Allow:
    from secpipe.core.documents import parse_toml
    from secpipe.core.errors import ConfigError, InputError
    from secpipe.scan.shadow_ai.judge import parse_allow
    from secpipe.system.files import read_bytes

    if not policy:
        return parse_allow({})
    try:
        section = parse_toml(read_bytes(policy, 1 << 22), policy).get("shadow_ai", {})
    except InputError as error:
        raise ConfigError(error.message, hint=error.hint) from None
    if not isinstance(section, dict):
        raise ConfigError(f"{policy}: shadow_ai is not a table", hint="[shadow_ai]")
    return parse_allow(section)


def _kept(path: str, options: dict[str, Any]) -> Evidence:
    """Return what the last run found if nothing changed since, else look and keep it."""
    from secpipe.cli import scan_shadow_ai_cache as cache

    question = cache.question_of(path, options["catalogues"])
    evidence = cache.find(question) if question else None
    if evidence is None:
        evidence = _scan(path, options)
        if question:
            cache.keep(question, evidence)
    return evidence


def _scan(path: str, options: dict[str, Any]) -> Evidence:
    from secpipe.core.errors import MissingDependency
    from secpipe.scan.shadow_ai.catalogue import read_catalogue
    from secpipe.scan.shadow_ai.changes import changed
    from secpipe.scan.shadow_ai.scan import scan
    from secpipe.system.aliases import aliased
    from secpipe.system.process import find_program
    from secpipe.system.tree import open_tree

    catalogue = read_catalogue(options["catalogues"])
    walked = open_tree(path)
    tree, root = aliased(walked), walked.root
    program = None
    if options["use_semgrep"]:
        program = find_program("semgrep", outside=root)
        if program is None:
            raise MissingDependency(
                "semgrep is not installed", hint="pip install 'secpipe[semgrep]', or leave --semgrep out"
            )
    only = None
    if options["base"]:
        git = find_program("git", outside=root)
        if git is None:
            raise MissingDependency("git is not installed", hint="--diff needs git")
        only = changed(tree, root, options["base"], git)
    rules = tuple(Path(rule).resolve() for rule in options["rules"])
    evidence = scan(tree, catalogue=catalogue, semgrep=program, rules=rules, only=only)
    return with_skips(evidence, tree.skipped)


def _judge(evidence: Evidence, allow: Allow, env: str, now: Any, *, inventory: bool) -> list[Finding]:
    from secpipe.scan.shadow_ai.judge import approved, judge

    uses = evidence.facts["uses"]
    found = [*evidence.findings, *judge(uses, allow, env=env, now=now)]
    return [*found, *approved(uses, allow, env=env, now=now)] if inventory else found


def _warn_inside(path: str, options: dict[str, Any]) -> None:
    """What loosens a result and stands in the tree it judges belongs to whoever writes the tree."""
    root = Path(path).resolve()
    for name in ("policy", "baseline"):
        file = options[name]
        if file and Path(file).resolve().is_relative_to(root):
            print(
                f"secpipe: warning: the {name} stands in the tree it judges: whoever changes one can change the other",
                file=sys.stderr,
            )
