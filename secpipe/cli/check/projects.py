"""`secpipe check` of a repository whose policy declares projects: one verdict each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from secpipe.cli.options import emit
from secpipe.core.errors import EXIT_DENY, EXIT_PASS, EXIT_UNDECIDED, ConfigError
from secpipe.core.text import plural
from secpipe.core.verdict import PROJECTS

if TYPE_CHECKING:
    from secpipe.cli.progress import Watch
    from secpipe.gate.projects import Part

#: What one verdict alone can be asked for; the value is the option.
_ONE = {
    "store": "--store", "sign": "--sign", "emit_input": "--emit-input", "explain": "--explain",
    "explain_min": "--explain-min", "diff": "--diff", "baseline": "--baseline",
}  # fmt: skip
_FORMS = ("terminal", "json")


def each(parts: Sequence[Part], options: Mapping[str, Any], watch: Watch | None) -> int:
    """Judge every project, write all verdicts as one document, and return the worst exit code.

    Raises ConfigError for what only one verdict can be asked for.
    """
    from secpipe.gate.pipeline import check

    asked = [flag for name, flag in _ONE.items() if options.get(name)]
    asked += [f"-f {form}" for form in (item.partition("=")[0] for item in options["formats"]) if form not in _FORMS]
    if asked:
        names = ", ".join(str(part.request.project) for part in parts)
        raise ConfigError(f"{asked[0]} is for one project", hint=f"--project NAME, one of: {names}")
    told = watch or (lambda text: None)
    documents = [check(part.request, told, rules=part.rules, watch=watch).document for part in parts]
    if watch:
        watch.done()
    if not documents[-1]["subject"]["files"]:
        documents.pop()  # nothing belongs to no project
    worst = max((int(one["exit_code"]) for one in documents), key=(EXIT_PASS, EXIT_UNDECIDED, EXIT_DENY).index)
    emit(
        {
            "schema": PROJECTS,
            "at": documents[0]["at"],
            "environment": documents[0]["environment"],
            "exit_code": worst,
            "sentence": _sentence(documents),
            "verdicts": documents,
        },
        options["formats"],
        options["output"],
    )
    return worst


def _sentence(documents: Sequence[Mapping[str, Any]]) -> str:
    place, total = documents[0]["environment"], plural(len(documents), "project")
    said = []
    for word, decision in (("blocked", "deny"), ("not decided", "undecided")):
        names = [str(one["subject"]["name"]) for one in documents if one["decision"] == decision]
        if names:
            said.append(f"{len(names)} {word} ({', '.join(names)})")
    if not said:
        return f"PASS for {place}: {total} judged, each may go out."
    return f"NOT ALL MAY GO OUT for {place}: of {total} {' and '.join(said)}."
