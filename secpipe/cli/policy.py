"""`secpipe policy`: show what a policy demands, check it for mistakes, print its pin."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import click

from secpipe.cli.options import write_result
from secpipe.cli.policy_replay import replay
from secpipe.core.errors import EXIT_PASS


@click.group()
def policy() -> None:
    """Show, lint and pin policies."""


policy.add_command(replay)


@policy.command()
@click.argument("source", default="builtin:baseline")
@click.option("--env", "environment", default="prod", show_default=True, metavar="NAME")
@click.option("-f", "--format", "form", type=click.Choice(["terminal", "json"]), default="terminal")
def show(source: str, environment: str, form: str) -> int:
    """Print what SOURCE (a file or builtin:NAME) demands, resolved for one environment."""
    from secpipe.gate import policy_file

    values = dataclasses.asdict(policy_file.load(source).resolve(environment))
    if form == "json":
        write_result(json.dumps(values, indent=2, default=str) + "\n", "-")
    else:
        write_result("\n".join(_lines(values)) + "\n", "-")
    return EXIT_PASS


def _lines(values: dict[str, Any], prefix: str = "") -> list[str]:
    lines = []
    for name, value in values.items():
        if isinstance(value, dict):
            lines += _lines(value, f"{prefix}{name}.")
        else:
            lines.append(f"{prefix}{name} = {json.dumps(value, default=str)}")
    return lines


@policy.command()
@click.argument("sources", nargs=-1, required=True, metavar="FILE...")
def lint(sources: tuple[str, ...]) -> int:
    """Check policies for mistakes, in every environment they name."""
    from secpipe.gate import policy_file

    for source in sources:
        loaded = policy_file.load(source)
        for environment in ("", *loaded.environments):
            loaded.resolve(environment)
        click.echo(f"{source}: ok, sha256:{loaded.digest}")
    return EXIT_PASS


@policy.command()
@click.argument("source", metavar="FILE")
def pin(source: str) -> int:
    """Print the digest that --policy-ref takes."""
    from secpipe.gate import policy_file

    click.echo(f"sha256:{policy_file.load(source).digest}")
    return EXIT_PASS
