"""`secpipe check`: judge a project before it is deployed."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from secpipe.cli.check.change import change_options, only_new, refuse
from secpipe.cli.check.image import is_image, written_out
from secpipe.cli.check.store import keep_options, looked_into, plan_of
from secpipe.cli.options import (
    at_option,
    clock_of,
    emit,
    emit_for_ci,
    max_ring_age_option,
    output_options,
    warn_until_option,
    watching,
    write_result,
)  # fmt: skip
from secpipe.core.errors import EXIT_DENY, EXIT_PASS, ConfigError
from secpipe.core.foreign import Sink
from secpipe.report import AUDIENCES

if TYPE_CHECKING:
    from datetime import date

    from secpipe.cli.progress import Watch
    from secpipe.gate.outcome import Outcome
    from secpipe.gate.request import Request


@click.command()
@click.argument("place", metavar="PATH|IMAGE", type=click.Path(), default=".")
@click.option("--policy", default="", metavar="FILE", help="Policy file, or builtin:NAME (default builtin:baseline).")
@click.option(
    "--policy-ref", default="", metavar="PIN", help="sha256:HEX the policy must have, git:REF[:PATH], or signed[:WHO]."
)
@click.option("--waivers", type=click.Path(path_type=Path), metavar="FILE", help="Waivers beside the policy.")
@click.option("--waivers-ref", default="", metavar="PIN", help="sha256:HEX they must have, if nobody signed them.")
@click.option("--trust", type=click.Path(path_type=Path), metavar="FOLDER", help="Trust root (default PATH/keys).")
@click.option("--trust-pin", default="", metavar="PIN", help="sha256:HEX of a root in its chain.")
@max_ring_age_option
@click.option(
    "--env", "environment", default="prod", show_default=True, metavar="NAME", help="Environment to judge for."
)
@click.option("--mode", type=click.Choice(["warn", "enforce"]), help="Warn only, or enforce, whatever the policy says.")
@warn_until_option
@click.option("--advisories", type=click.Path(path_type=Path), metavar="PATH", help="OSV folder, zip or store to use.")
@click.option(
    "--project", metavar="NAME", help="Judge one project that the policy declares; `.`: what belongs to none."
)
@click.option("--exclude", multiple=True, metavar="PATH", help="Relative path that is no part of the release.")
@click.option("--offline/--online", default=True, help="Offline is the default; no check needs the network.")
@click.option("--exit-zero", is_flag=True, help="End with 0 instead of 1 when the policy says no.")
@click.option("--no-cache", is_flag=True, help="Check everything again, even if nothing changed.")
@click.option("--emit-input", metavar="FILE", help="Write all evidence as JSON, for OPA and conftest.")
@change_options
@keep_options
@click.option("--explain", is_flag=True, help="Show for each reason the rule, the policy's key, evidence and files.")
@click.option("--explain-min", is_flag=True, help="Show the smallest set of changes that would turn the verdict.")
@click.option("-q", "--quiet", is_flag=True, help="No progress; nothing on stderr but errors.")
@click.option("-v", "--verbose", is_flag=True, help="Say on stderr what is being done.")
@click.option("--audience", type=click.Choice(list(AUDIENCES)), help="Who reads it, where no --format is given.")
@at_option
@output_options()
def check(
    place: str,
    policy: str,
    policy_ref: str,
    waivers: Path | None,
    waivers_ref: str,
    trust: Path | None,
    trust_pin: str,
    max_ring_age: int,
    environment: str,
    mode: str | None,
    warn_until: date | None,
    advisories: Path | None,
    exclude: tuple[str, ...],
    offline: bool,
    exit_zero: bool,
    no_cache: bool,
    emit_input: str | None,
    explain: bool,
    explain_min: bool,
    quiet: bool,
    verbose: bool,
    at: str | None,
    formats: tuple[str, ...],
    output: str | None,
    verdicts: Path | None,
    name: str,
    project: str | None,
    audience: str | None,
    **keeping: Any,
) -> int:
    """Judge a folder or an image before it is deployed: may this go out?

    The answer is one sentence, then what must change, then every check, including what was not checked and why; on a
    screen what fits it (-v or --audience engineer: all). Policy and trust root should come from outside PATH, pinned by
    digest; without pins the verdict is self-judged.

    IMAGE is oci://host/repository@sha256:... or :TAG (by network), oci-layout:FOLDER, or a tar of an image. What a
    container sees is judged, and what later layers only hide. It may also be hf://ORG/NAME@COMMIT (by network).

    Without --format, a GitHub job also gets annotations and a job summary, a GitLab job gl-code-quality-report.json.
    """
    from secpipe.api.checking import request_of

    if _no_format(formats):
        screen = not (audience or verbose or output or os.environ.get("CI")) and sys.stdout.isatty()
        formats = ("brief",) if screen else (AUDIENCES[audience],) if audience else formats
    asked = keeping | {"emit_input": emit_input, "explain": explain, "explain_min": explain_min}
    asked |= {"formats": formats, "output": output, "silent": quiet or bool(at) or is_image(place)}
    refuse(asked)
    path, image = click.get_current_context().with_resource(written_out(place, offline=offline and given("offline")))
    called, fresh = image.pop("name", ""), no_cache or bool(image)
    request = request_of(
        path,
        policy=policy,
        policy_ref=policy_ref,
        waivers=waivers,
        waivers_ref=waivers_ref,
        trust=trust,
        trust_pin=trust_pin,
        max_ring_age=max_ring_age,
        environment=environment,
        mode=mode or "",
        warn_until=warn_until,
        advisories=advisories,
        exclude=exclude,
        name=name or called,
        verdicts=looked_into(verdicts, keeping["store"]),
        cache=not (fresh or emit_input or verdicts or name or explain or explain_min or any(keeping.values())),
        parts=not fresh and not keeping["store"],  # a proof rests on nothing kept
        bom=keeping["store"] is not None,
        at=clock_of(at).now() if at else None,
        **image,
    )
    with watching(quiet=quiet, verbose=verbose) as watch:
        code = _answer(request, project, asked, watch)
    return EXIT_PASS if exit_zero and code == EXIT_DENY else code


def _no_format(formats: tuple[str, ...]) -> bool:
    return not (given("formats") and formats)


def given(name: str) -> bool:
    """Tell whether an option was given, and does not only have its default."""
    return click.get_current_context().get_parameter_source(name) is not ParameterSource.DEFAULT


def _answer(request: Request, project: str | None, asked: dict[str, Any], watch: Watch | None) -> int:
    """Ask the gate, write the answer where it was asked for, keep it, and return its exit code."""
    from secpipe.api.checking import judged

    progress: Callable[[str], None] = watch or (lambda text: None)

    rules = None
    if project:
        from secpipe.gate.projects import one

        request, rules = one(request, project)
    plan = plan_of(asked, request)
    try:
        found = judged(request, progress, rules, watch)
    except ConfigError as error:
        from secpipe.cli.check.projects import each
        from secpipe.gate.projects import Several

        if not isinstance(error, Several):
            raise
        return each(error.parts, asked, watch)
    document, outcome = found.document, found.outcome
    if outcome is not None:
        document = only_new(asked, request, outcome, progress)
        document = document | _beside(outcome, asked, progress)
    if watch:
        watch.done()
    emit(document, asked["formats"], asked["output"])
    if not given("formats") and not asked["output"]:
        emit_for_ci(document)
        if not asked["silent"] and "plain" not in asked["formats"]:  # which says it beside each thing
            from secpipe.cli.next_step import after_check

            if step := after_check(document, request):
                step.show()
    if outcome is not None:
        plan.carry_out(outcome)
    return int(document["exit_code"])


def _beside(outcome: Outcome, asked: dict[str, Any], progress: Callable[[str], None]) -> dict[str, Any]:
    """Write all evidence where asked, and return what the document says beside the verdict."""
    if asked["emit_input"]:
        from secpipe.gate.record import encode

        write_result(encode(outcome.record), asked["emit_input"], Sink.JSON)
    if not (asked["explain"] or asked["explain_min"]):
        return {}
    from secpipe.cli.check.explain import explained

    return dict(explained(outcome, asked["explain"], asked["explain_min"], progress))
