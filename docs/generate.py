"""Write the pages that are made from data and code: `docs/rules/`. With `--check`, only say what is out of date.

python docs/generate.py
"""

from __future__ import annotations

import sys
from pathlib import Path

DOCS = Path(__file__).resolve().parent
sys.path.insert(0, str(DOCS.parent))

from secpipe.cli.explain import known_rules  # noqa: E402  # the path must be set first
from secpipe.report.rules import Rule, page  # noqa: E402

_WINGS = {
    "audit": "Known vulnerabilities",
    "gate": "The gate's own reasons",
    "models": "Model files",
    "sbom": "AI-BOM",
    "shadow-ai": "Shadow AI",
    "signatures": "Signatures",
}


def pages() -> dict[Path, str]:
    """Return every generated page by its path below `docs/`."""
    rules = known_rules()
    made = {Path("rules") / f"{rule.id}.md": page(rule) for rule in rules.values()}
    return made | {Path("rules/index.md"): _index(list(rules.values()))}


def _index(rules: list[Rule]) -> str:
    lines = ["# Rules", "", "What secpipe can say, by wing. `secpipe explain RULE-ID` prints the same on the terminal."]
    for wing in sorted({rule.wing for rule in rules}):
        lines += ["", f"## {_WINGS.get(wing, wing)}", "", "| Rule | Severity | |", "|---|---|---|"]
        lines += [f"| [{r.id}]({r.id}.md) | {r.severity} | {r.title} |" for r in rules if r.wing == wing]
    return "\n".join(lines) + "\n"


def outdated() -> list[Path]:
    """Return the pages that are missing or differ, and those in a generated folder that nothing generates."""
    made = pages()
    wrong = [path for path, text in made.items() if not _same(DOCS / path, text)]
    folders = {path.parts[0] for path in made}
    there = [file.relative_to(DOCS) for folder in folders for file in (DOCS / folder).rglob("*.md")]
    return sorted([*wrong, *(path for path in there if path not in made)])


def _same(file: Path, text: str) -> bool:
    return file.is_file() and file.read_text(encoding="utf-8") == text


def main() -> int:
    """Write what is out of date, or with `--check` only list it; 1 if something was."""
    wrong = outdated()
    made = pages()
    for path in wrong:
        sys.stdout.write(f"{path}\n")
        if "--check" in sys.argv[1:]:
            continue
        if path in made:
            (DOCS / path).parent.mkdir(parents=True, exist_ok=True)
            (DOCS / path).write_text(made[path], encoding="utf-8")
        else:
            (DOCS / path).unlink()
    return 1 if wrong and "--check" in sys.argv[1:] else 0


if __name__ == "__main__":
    raise SystemExit(main())
