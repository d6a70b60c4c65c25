"""`secpipe policy test`: the cases that stand beside a policy."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from secpipe.cli.options import form_option, write_json, write_result
from secpipe.core.errors import EXIT_DENY, EXIT_PASS

if TYPE_CHECKING:
    from secpipe.gate.policy_cases.case_run import CaseResult


@click.command()
@click.argument("sources", nargs=-1, metavar="[FILE]...")
@form_option
def test(sources: tuple[str, ...], form: str) -> int:
    """Run the cases of policies: FILE is a policy, builtin:NAME, or a file of cases.

    Beside policy.toml stand policy.cases.toml or policy.test.toml; without FILE, all of them in this folder are run.
    Ends with 1 if a policy decides anything else than a case expects.
    """
    from secpipe.gate.policies import policy_file
    from secpipe.gate.policy_cases.case_run import run
    from secpipe.gate.policy_cases.cases import load, locate

    outcomes: list[CaseResult] = []
    for place, policy in locate(sources, Path.cwd()):
        suite = load(place, policy)
        outcomes += run(suite, policy_file.load(suite.policy))
    failed = [outcome for outcome in outcomes if not outcome.passed]
    if form == "json":
        document = {"schema": "secpipe.policy-test/1", "cases": [outcome.to_dict() for outcome in outcomes]}
        write_json(document)
    else:
        write_result("".join(f"{line}\n" for line in _lines(outcomes)), "-")
    return EXIT_DENY if failed else EXIT_PASS


def _lines(outcomes: list[CaseResult]) -> list[str]:
    from secpipe.core.text import plural, printable

    lines = []
    for outcome in outcomes:
        name = f"{Path(outcome.source).name}: {printable(outcome.name)} ({printable(outcome.environment)})"
        lines.append(f"{'PASS' if outcome.passed else 'FAIL'}  {name}")
        lines += [f"        {printable(difference, 300)}" for difference in outcome.differences]
    failed = sum(not outcome.passed for outcome in outcomes)
    return [*lines, "", f"{plural(len(outcomes), 'case')}: {len(outcomes) - failed} passed, {failed} failed"]
