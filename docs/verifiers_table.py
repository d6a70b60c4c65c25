"""The page of refusal codes, and the table of verifiers that agree; called by `generate.py`."""

from __future__ import annotations

import json
from pathlib import Path

from secpipe.core.refusals import ALONE, TABLE, result_of

_HEAD = """\
# Refusals

What a verifier answers beside *verified*: one code of this closed table, in the order in which the rules are tried
([what a verifier does](verifier.md)). `refused`: something does not hold. `undecided`: nobody can tell. Both mean: do
not load, do not deploy. Codes are never renamed; a new one comes with a new version of the
[vectors](../../vectors/README.md). `secpipe verify -f json` says it as `refusal` of an artifact, `verdict verify -f
json` as `code`.

The page is made from `secpipe/core/refusals.py`.
"""
_TITLES = {
    "trust": "Trust bundle",
    "signature": "Signature",
    "artifact": "File or folder",
    "verdict": "Verdict",
    "log": "Log proof",
}


def refusals_page() -> str:
    """Return `spec/refusals.md`."""
    lines = [_HEAD]
    for part, rows in TABLE.items():
        lines += [f"## {_TITLES[part]}", "", "| code | result | |", "|---|---|---|"]
        lines += [f"| `{code}` | {result_of(code)} | {words}{_alone(code)} |" for code, words in rows.items()]
        lines.append("")
    return "\n".join(lines)


def _alone(code: str) -> str:
    """Say who answers with a code that no verifier of one artifact does."""
    return f" *Said by {ALONE[code]}.*" if code in ALONE else ""


def verifiers_page(docs: Path) -> str:
    """Return `verifiers.md` with the table of who agrees, between its marks."""
    found = json.loads((docs.parent / "vectors/agreement.json").read_text(encoding="utf-8"))
    names, cases = list(found["verifiers"]), found["cases"]
    lines = [f"| cases of {found['date']} | {' | '.join(names)} |", "|---" * (len(names) + 1) + "|"]
    for group, count in cases.items():
        agree = [found["verifiers"][name]["agree"][group] for name in names]
        lines.append(f"| {group} | {' | '.join(f'{each} of {count}' for each in agree)} |")
    whole = [sum(found["verifiers"][name]["agree"].values()) for name in names]
    lines.append(f"| **all** | {' | '.join(f'**{each} of {sum(cases.values())}**' for each in whole)} |")
    lines.append(f"| with | {' | '.join(found['verifiers'][name]['with'] for name in names)} |")
    before, _, rest = (docs / "verifiers.md").read_text(encoding="utf-8").partition("<!-- agreement:begin -->\n")
    after = rest.partition("<!-- agreement:end -->")[2]
    return before + "<!-- agreement:begin -->\n" + "\n".join(lines) + "\n<!-- agreement:end -->" + after
