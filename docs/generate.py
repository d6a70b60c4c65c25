"""Write the pages that are made from data and code: `docs/rules/` and `docs/commands/`.

python docs/generate.py            # write what is out of date
python docs/generate.py --check    # only say what is, and end with 1
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import click

DOCS = Path(__file__).resolve().parent
sys.path.insert(0, str(DOCS.parent))

from docs.profiles_table import profiles_page  # noqa: E402  # the path must be set first
from secpipe.cli.explain import known_rules  # noqa: E402
from secpipe.cli.main import COMMANDS, root  # noqa: E402
from secpipe.report.rules import Rule, page  # noqa: E402

_WINGS = {
    "audit": "Known vulnerabilities",
    "gate": "The gate's own reasons",
    "models": "Model files",
    "sbom": "AI-BOM",
    "shadow-ai": "Shadow AI",
    "signatures": "Signatures",
}

_COMPLETION = """\
## Completion

The shell completes commands and options after one line in its start file:

```
eval "$(_SECPIPE_COMPLETE=bash_source secpipe)"       # ~/.bashrc
eval "$(_SECPIPE_COMPLETE=zsh_source secpipe)"        # ~/.zshrc
_SECPIPE_COMPLETE=fish_source secpipe | source        # ~/.config/fish/config.fish
```
"""


def pages() -> dict[Path, str]:
    """Return every generated page by its path below `docs/`."""
    rules = known_rules()
    made = {Path("rules") / f"{rule.id}.md": page(rule) for rule in rules.values()}
    made[Path("rules/index.md")] = _rules_index(list(rules.values()))
    made[Path("profiles.md")] = profiles_page(DOCS)
    made |= {Path(f"commands/{name}.md"): _command_page(name) for name, (where, _) in COMMANDS.items() if _built(where)}
    return made | {Path("commands/index.md"): _commands_index()}


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
