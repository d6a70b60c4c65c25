"""`secpipe policy show`, `pin` and `schema`: what a policy demands, what it is known by, what its keys are."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable
from itertools import groupby
from typing import TYPE_CHECKING, Any

import click

from secpipe.cli.options import form_option, write_json, write_result
from secpipe.core.errors import EXIT_PASS
from secpipe.core.foreign import Sink

if TYPE_CHECKING:
    from secpipe.gate.policies.policy_origin import Row

_WIDEST = 46


@click.command()
@click.argument("source", default="builtin:baseline")
@click.option("--env", "environment", default="prod", show_default=True, metavar="NAME", help="For which environment.")
@click.option("--resolved", is_flag=True, help="Also say where each value comes from.")
@form_option
def show(source: str, environment: str, resolved: bool, form: str) -> int:
    """Print what SOURCE (a file or builtin:NAME) demands, resolved for one environment."""
    from secpipe.core.text import printable
    from secpipe.gate.policies import policy_file, policy_identity, policy_origin

    loaded = policy_file.load(source)
    policy = loaded.ask(environment)
    if not resolved:
        values = policy_origin.plain(dataclasses.asdict(policy))
        write_json(values) if form == "json" else write_result(_lines(values))
        return EXIT_PASS
    rows = policy_origin.rows(loaded, environment)
    about = {
        "policy": printable(policy.name),
        "source": printable(source),
        "environment": printable(environment),
        "named": environment in loaded.environments,
        "profiles": [name for name, _ in loaded.profiles],
        "digest": {"sha256": loaded.digest},
        "resolved": {"sha256": policy_identity.resolved(policy)},
    }
    if form == "json":
        document = {"schema": "secpipe.policy-resolved/1", **about, "values": [row.to_dict() for row in rows]}
        write_json(document)
    else:
        write_result("\n".join([*_head(about), *_table(rows)]) + "\n", "-")
    return EXIT_PASS


def _lines(values: dict[str, Any], prefix: str = "") -> str:
    lines = []
    for name, value in values.items():
        if isinstance(value, dict):
            lines.append(_lines(value, f"{prefix}{name}."))
        else:
            lines.append(f"{prefix}{name} = {json.dumps(value)}\n")
    return "".join(lines)


def _head(about: dict[str, Any]) -> list[str]:
    named = "" if about["named"] else ", which the policy does not name: its base holds"
    return [
        f"{about['policy']} for {about['environment']}{named}",
        f"  file       {about['source']}, sha256:{about['digest']['sha256']}",
        f"  profiles   {', '.join(about['profiles']) or 'none'}",
        f"  resolved   sha256:{about['resolved']['sha256']}",
    ]


def _table(rows: Iterable[Row]) -> list[str]:
    """Return the values in three columns: key, value, origin; a value too wide has its origin below."""
    from secpipe.gate.policies.policy_origin import toml

    cells = [(row, toml(row.value)) for row in rows]
    key = max(len(row.key) for row, _ in cells) + 2
    wide = max((len(text) for _, text in cells if len(text) <= _WIDEST), default=0)
    lines = []
    for section, group in groupby(cells, key=lambda cell: cell[0].section):
        lines += ["", f"[{section}]"] if section else [""]
        for row, text in group:
            origin = f"{row.origin} ({row.note})" if row.note else row.origin
            if len(text) > wide:
                lines += [f"  {row.key:<{key}}{text}", f"  {'':<{key}}{'':<{wide}}  {origin}"]
            else:
                lines.append(f"  {row.key:<{key}}{text:<{wide}}  {origin}")
    return lines


@click.command()
@click.argument("source", metavar="FILE")
def pin(source: str) -> int:
    """Print the digest that --policy-ref or --waivers-ref takes: of what FILE says, not of how it is laid out."""
    from secpipe.cli.next_step import after_policy_pin
    from secpipe.gate.policies import waiver_file

    digest = waiver_file.digest_of(source)
    write_result(f"sha256:{digest}\n")
    if step := after_policy_pin(source, digest):
        step.show()
    return EXIT_PASS


@click.command()
def schema() -> int:
    """Print the JSON Schema of policies, for editors (taplo, Even Better TOML)."""
    from secpipe.gate.policies import policy_file, policy_schema

    write_result(policy_schema.text(policy_file.profiles()), sink=Sink.JSON)
    return EXIT_PASS
