"""Write what is made from data and code: rules, commands, tables in other pages, the schema of policies.

python docs/generate.py            # write what is out of date
python docs/generate.py --check    # only say what is, and end with 1
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import click

DOCS = Path(__file__).resolve().parent
sys.path.insert(0, str(DOCS.parent))

from docs import man  # noqa: E402  # the path must be set first
from docs.pictures import pictures  # noqa: E402
from docs.profiles_table import profiles_page  # noqa: E402
from docs.threats_table import threats_page  # noqa: E402
from docs.verifiers_table import refusals_page, verifiers_page  # noqa: E402
from secpipe.api.rendering import known_rules  # noqa: E402
from secpipe.cli.main import COMMANDS, root  # noqa: E402
from secpipe.gate.conditions.fields import FIELDS  # noqa: E402
from secpipe.gate.policies import policy_file, policy_schema  # noqa: E402
from secpipe.report.rules import Rule, page  # noqa: E402

_CONDITIONS = "policy-conditions.md"
_OUTCOMES = "spec/outcomes.md"

_WINGS = {
    "audit": "Known vulnerabilities",
    "gate": "The gate's own reasons",
    "models": "Model files",
    "sbom": "AI-BOM",
    "agents": "Agents",
    "shadow-ai": "Shadow AI",
    "signatures": "Signatures",
}

_OUTCOMES_HEAD = """\
# What the gate makes of each state of each check

One check of an otherwise clean release is as the row says; the cells are the decision and the exit code. It is the
same in dev, staging and prod where their policy is the same: an environment decides by what its policy demands.

- **failed** denies, also where the check is not required: it was carried out, and the release does not hold.
- **skipped**, **stale**, **absent** and **ok with skips** (something was not looked at) leave a required check
  undecided. Only complete `ok` evidence passes.
- `files`, `shadow-ai` and `agents` are always required. `trust` is required where something must be signed.
  Attestations that no
  policy asks for warn when they do not hold.
- In `warn` mode everything that would block warns, and the exit code is 0.

The table is made from `tests/data/outcomes.csv`, to which the tests hold the decision.

"""
_COMPLETION = """\
## Completion

The shell completes commands and options after one line in its start file:

```
eval "$(_SECPIPE_COMPLETE=bash_source secpipe)"       # ~/.bashrc
eval "$(_SECPIPE_COMPLETE=zsh_source secpipe)"        # ~/.zshrc
_SECPIPE_COMPLETE=fish_source secpipe | source        # ~/.config/fish/config.fish
```

## Manual pages

An installation brings them in `share/man`: `man secpipe-check`. From a clone: `man -l docs/man/secpipe-check.1`.
"""


def pages() -> dict[Path, str]:
    """Return every generated page by its path below `docs/`."""
    rules = known_rules()
    made = {Path("rules") / f"{rule.id}.md": page(rule) for rule in rules.values()}
    made[Path("rules/index.md")] = _rules_index(list(rules.values()))
    made[Path("profiles.md")] = profiles_page(DOCS)
    made[Path("spec/threats-keys.md")] = threats_page(DOCS)
    made |= {Path("spec/refusals.md"): refusals_page(), Path("verifiers.md"): verifiers_page(DOCS)}
    made |= {Path(f"commands/{name}.md"): _command_page(name) for name, (where, _) in COMMANDS.items() if _built(where)}
    made |= _manual() | pictures()
    made[Path(_OUTCOMES)] = _outcomes()
    made[Path(_CONDITIONS)] = _with_fields((DOCS / _CONDITIONS).read_text(encoding="utf-8"))
    return made | {Path("commands/index.md"): _commands_index()}


def _manual() -> dict[Path, str]:
    """Return the manual pages."""
    above, known = _context(root, "secpipe", None), {name: text for name, (_, text) in COMMANDS.items()}
    made = {Path("man/secpipe.1"): man.index(known)}
    for name, text in known.items():
        command = root.get_command(above, name)
        if command is not None:
            made[Path(f"man/secpipe-{name}.1")] = man.page(command, _context(command, name, above), text)
    return made


def _outcomes() -> str:
    """Return the table that tests/unit/test_gate_outcomes.py holds the decision to, for people."""
    with (DOCS.parent / "tests/data/outcomes.csv").open(newline="", encoding="utf-8") as file:
        header, *rows = csv.reader(file)
    modes: dict[tuple[str, ...], dict[str, list[str]]] = {}
    for check, state, demand, mode, *outcomes in rows:
        modes.setdefault((check, state, demand), {})[mode] = outcomes
    lines = ["| check | evidence | the policy | enforce | warn |", "|---|---|---|---|---|"]
    for (check, state, demand), by_mode in modes.items():
        asks = "requires it" if demand == "required" else "does not require it"
        cells = [_same_everywhere(by_mode[mode], header[4:]) for mode in ("enforce", "warn")]
        lines.append(f"| {check} | {state} | {asks} | {' | '.join(cells)} |")
    return _OUTCOMES_HEAD + "\n".join(lines) + "\n"


def _same_everywhere(outcomes: list[str], environments: list[str]) -> str:
    """`deny 1`, or each environment's own where they differ."""
    if len(set(outcomes)) == 1:
        return f"**{outcomes[0]}**" if outcomes[0].startswith(("deny", "undecided")) else outcomes[0]
    return ", ".join(f"{name}: {outcome}" for name, outcome in zip(environments, outcomes, strict=True))


def _with_fields(text: str) -> str:
    """Return the page on conditions with the table of every item's fields, between its marks."""
    before, _, rest = text.partition("<!-- fields:begin -->")
    _, _, after = rest.partition("<!-- fields:end -->")
    lines = []
    for on, fields in FIELDS.items():
        lines += ["", f"### `{on}`", "", "| field | type | |", "|---|---|---|"]
        lines += [f"| `{on}.{name}` | {field.kind} | {field.doc} |" for name, field in fields.items()]
    return "\n".join([f"{before}<!-- fields:begin -->", *lines[1:], "", f"<!-- fields:end -->{after}"])


def _rules_index(rules: list[Rule]) -> str:
    lines = ["# Rules", "", "What secpipe can say, by wing. `secpipe explain RULE-ID` prints the same on the terminal."]
    for wing in sorted({rule.wing for rule in rules}):
        lines += ["", f"## {_WINGS.get(wing, wing)}", "", "| Rule | Severity | |", "|---|---|---|"]
        lines += [f"| [{r.id}]({r.id}.md) | {r.severity} | {r.title} |" for r in rules if r.wing == wing]
    return "\n".join(lines) + "\n"


def _commands_index() -> str:
    lines = ["# Commands", "", "What `--help` prints, one page a command.", "", "| Command | |", "|---|---|"]
    lines += [f"| [secpipe {name}]({name}.md) | {text} |" for name, (where, text) in COMMANDS.items() if _built(where)]
    codes = "Exit codes: 0 pass, 1 policy says no, 2 wrong usage or configuration, 3 could not decide, 130 interrupted."
    return "\n".join([*lines, "", codes, "", _COMPLETION])


def _built(where: str) -> bool:
    """Whether the command's module exists; `tests/house` holds that every command has a page."""
    return find_spec(where.partition(":")[0]) is not None


def _command_page(name: str) -> str:
    context = _context(root, "secpipe", None)
    command = root.get_command(context, name)
    if command is None:
        raise SystemExit(f"no command {name}")
    parts = [f"# secpipe {name}", COMMANDS[name][1]]
    for place, (path, text) in enumerate(_helps(command, name, context)):
        parts += [] if place == 0 else [f"## {path}"]
        parts.append(f"```\n{text}\n```")
    return "\n\n".join(parts) + "\n"


def _helps(command: click.Command, name: str, parent: click.Context) -> Iterator[tuple[str, str]]:
    context = _context(command, name, parent)
    yield context.command_path, command.get_help(context)
    if isinstance(command, click.Group):
        for inner in command.list_commands(context):
            below = command.get_command(context, inner)
            if below is not None and not below.hidden:
                yield from _helps(below, inner, context)


def _context(command: click.Command, name: str, parent: click.Context | None) -> click.Context:
    # A fixed width: the pages must not depend on the terminal they are made in.
    settings = dict(command.context_settings) | {"terminal_width": 100, "max_content_width": 100}
    return click.Context(command, info_name=name, parent=parent, **settings)


def schemas() -> dict[Path, str]:
    """Return every generated schema by its path below `docs/`."""
    return {Path("../policies/schema/policy.schema.json"): policy_schema.text(policy_file.profiles())}


def outdated() -> list[Path]:
    """Return what is missing or differs, and pages in a generated folder that nothing generates."""
    made = pages()
    wrong = [path for path, text in made.items() if not _same(DOCS / path, text)]
    folders = (("rules", "*.md"), ("commands", "*.md"), ("man", "*.1"), ("img", "*.svg"))
    there = [file.relative_to(DOCS) for folder, ending in folders for file in (DOCS / folder).rglob(ending)]
    wrong += [path for path, text in schemas().items() if not _same(DOCS / path, text)]
    return sorted([*wrong, *(path for path in there if path not in made)])


def _same(file: Path, text: str) -> bool:
    return file.is_file() and file.read_text(encoding="utf-8") == text


def main() -> int:
    """Write what is out of date, or with `--check` only list it; 1 if something was."""
    wrong = outdated()
    made = pages() | schemas()
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
