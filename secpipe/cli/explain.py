"""`secpipe explain`: what a rule looks at, why it matters, examples, how to mend it and how to waive it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from secpipe.report.rules import Rule


@click.command(
    epilog="""\b
Examples:
  secpipe explain models/unlisted-call
  secpipe explain --all"""
)
@click.argument("rules", metavar="[RULE-ID]...", nargs=-1)
@click.option("--all", "every", is_flag=True, help="List every rule.")
@click.option(
    "-f",
    "--format",
    "form",
    type=click.Choice(["terminal", "json", "markdown"]),
    default="terminal",
    show_default=True,
    help="How to print it.",
)
def explain(rules: tuple[str, ...], every: bool, form: str) -> int:
    """Explain rules: what, why, a bad and a good example, how to mend and how to waive it."""
    from secpipe.api.rendering import known_rules
    from secpipe.cli.options import write_result
    from secpipe.core.errors import ConfigError
    from secpipe.core.foreign import Sink

    if every == bool(rules):
        raise ConfigError("name the rules to explain, or --all", hint="secpipe explain --all")
    known = known_rules()
    wanted = list(known.values()) if every else [_find(name, known) for name in rules]
    # Our own text shows what keys look like: nothing in it is a secret or foreign.
    write_result(_render(wanted, form, every), sink=Sink.EXACT)
    return 0


def _find(name: str, known: dict[str, Rule]) -> Rule:
    from secpipe.core.errors import ConfigError
    from secpipe.core.text import did_you_mean, printable

    if name in known:
        return known[name]
    short = [identity for identity in known if identity.partition("/")[2] == name]
    hint = f'did you mean "{short[0]}"?' if short else did_you_mean(name, known) or "secpipe explain --all"
    raise ConfigError(f'unknown rule "{printable(name, 80)}"', hint=hint)


def _render(rules: list[Rule], form: str, brief: bool) -> str:
    from secpipe.core.text import plural
    from secpipe.report.json import dump
    from secpipe.report.rules import page, plain
    from secpipe.report.text import pad

    if form == "json":
        from dataclasses import asdict

        return dump({"schema": "secpipe.rules/1", "rules": [asdict(rule) | {"waive": rule.waive} for rule in rules]})
    if form == "markdown":
        return "\n".join(page(rule) for rule in rules)
    if not brief:
        return "\n\n".join(plain(rule) for rule in rules)
    width = max(len(rule.id) for rule in rules)
    lines = [f"{pad(rule.id, width)}  {pad(rule.severity, 8)}  {rule.title}" for rule in rules]
    return "\n".join([*lines, "", f"{plural(len(rules), 'rule')}; secpipe explain RULE-ID says more"]) + "\n"
