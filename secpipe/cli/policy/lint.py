"""`secpipe policy lint`: mistakes in a policy before it decides anything."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from secpipe.cli.options import at_option, clock_of, form_option, write_json, write_result
from secpipe.core.errors import EXIT_DENY, EXIT_PASS

if TYPE_CHECKING:
    from secpipe.gate.policies.policy_file import Loaded
    from secpipe.gate.policies.policy_lint import Remark


@click.command()
@click.argument("sources", nargs=-1, required=True, metavar="FILE...")
@click.option("--strict", is_flag=True, help="End with 1 if there is any warning.")
@form_option
@at_option
def lint(sources: tuple[str, ...], strict: bool, form: str, at: str | None) -> int:
    """Check policies for mistakes, in every environment they name.

    What is broken ends with 2. A warning is what surely is a mistake (a waiver that can never apply, an environment
    that waits for itself); a note is what its owner should know.
    """
    from secpipe.gate.policies import policy_file
    from secpipe.gate.policies.policy_lint import lint as examine

    now, known = clock_of(at).now(), _known()
    judged = []
    for source in sources:
        loaded = policy_file.load(source)
        remarks = examine(loaded, now, known)
        judged.append((loaded, sorted(remarks, key=lambda remark: loaded.where.find(remark.path))))
    warnings = sum(remark.level == "warning" for _, remarks in judged for remark in remarks)
    if form == "json":
        document = {"schema": "secpipe.policy-lint/1", "policies": [_document(*one) for one in judged]}
        write_json(document)
    else:
        write_result("".join(f"{line}\n" for one in judged for line in _lines(*one)), "-")
    return EXIT_DENY if strict and warnings else EXIT_PASS


def _known() -> frozenset[str]:
    from secpipe.api.rendering import known_rules

    return frozenset(known_rules())


def _lines(loaded: Loaded, remarks: list[Remark]) -> list[str]:
    from secpipe.core.text import plural

    lines = [f"{_place(loaded, remark)}: {remark.level}: {remark.text}" for remark in remarks]
    warnings = sum(remark.level == "warning" for remark in remarks)
    said = plural(warnings, "warning") if warnings else "ok"
    return [*lines, f"{loaded.where.source}: {said}, sha256:{loaded.digest}"]


def _place(loaded: Loaded, remark: Remark) -> str:
    line, column = loaded.where.find(remark.path)
    return f"{loaded.where.source}:{line}:{column}" if line else loaded.where.source


def _document(loaded: Loaded, remarks: list[Remark]) -> dict[str, Any]:
    found = []
    for remark in remarks:
        line, column = loaded.where.find(remark.path)
        found.append({"level": remark.level, "line": line, "column": column, "text": remark.text})
    return {"source": loaded.where.source, "digest": {"sha256": loaded.digest}, "remarks": found}
