"""`secpipe lineage record`: what an output was made from, as its maker says."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from secpipe.cli.lineage.options import output_argument, seals, signer_of, signing_options, told
from secpipe.cli.options import say
from secpipe.core.errors import EXIT_PASS, ConfigError

if TYPE_CHECKING:
    from secpipe.lineage.commit import Opening
    from secpipe.lineage.record import Input, Parameter


@click.command("record")
@output_argument
@click.option("--from", "models", multiple=True, metavar="MODEL", help="A model it was made from (several: a merge).")
@click.option("--adapter", "adapters", multiple=True, metavar="LORA[:WEIGHT]", help="An adapter, and its strength.")
@click.option("--input", "inputs", multiple=True, metavar="REF[:ROLE]", help="Anything else that went in.")
@click.option("--seed", type=int, metavar="N", help="The seed.")
@click.option(
    "--prompt", "prompts", multiple=True, metavar="FILE", help="A file with a prompt; only its salted digest."
)
@click.option(
    "--negative-prompt", "negatives", multiple=True, metavar="FILE", help="As --prompt, for what is unwanted."
)
@click.option("--param", "settings", multiple=True, metavar="KEY=VALUE", help="Any other setting; a number is kept so.")
@click.option("--tool", default="", metavar="NAME@VERSION", help="The program that made it.")
@click.option("--operation", default="", metavar="WORD", help="generate, convert, quantize, merge, fine-tune, ...")
@signing_options
def record(
    asset: Path,
    models: tuple[str, ...],
    adapters: tuple[str, ...],
    inputs: tuple[str, ...],
    seed: int | None,
    prompts: tuple[str, ...],
    negatives: tuple[str, ...],
    settings: tuple[str, ...],
    tool: str,
    operation: str,
    signs: bool,
    identity: str | None,
    trust: str,
    passphrase_file: str | None,
    seal_with: str | None,
) -> int:
    """Record what OUTPUT was made from, in OUTPUT.derivation.json; each fact is graded as claimed.

    Prompts go into OUTPUT.prompts.json (mode 0600), or with --seal-with into OUTPUT.prompts.age. MODEL, LORA and REF
    are paths, NAME@sha256:HEX, or URIs.
    """
    from secpipe.api.lineage import recorded, tool_of
    from secpipe.lineage import beside
    from secpipe.lineage.record import Derivation
    from secpipe.system.clock import SystemClock

    now = SystemClock().now()
    parameters = _parameters(settings, seed)
    openings = _openings(prompts, negatives)
    found = _inputs(models, adapters, inputs)
    made = Derivation(
        beside.subject(asset), operation or _operation(models, adapters, prompts, seed), found, parameters,
        tuple(one.prompt() for one in openings), tool_of(tool), now,
    )  # fmt: skip
    who = signer_of(signs, identity, trust, passphrase_file, now)
    written = recorded(asset, made, openings, seal=seals(seal_with)[0], who=who, now=now)
    for line in (*told(made), *(f"  written: {path}" for path in written)):
        say(line)
    return EXIT_PASS


def _operation(models: tuple[str, ...], adapters: tuple[str, ...], prompts: tuple[str, ...], seed: int | None) -> str:
    """Return what was done, by what went in."""
    if prompts or seed is not None or not models:
        return "generate"
    return "apply-adapter" if adapters else "merge" if len(models) > 1 else "convert"


def _inputs(models: tuple[str, ...], adapters: tuple[str, ...], others: tuple[str, ...]) -> tuple[Input, ...]:
    from secpipe.cli.hashed import hashed
    from secpipe.lineage import beside
    from secpipe.lineage.record import Role

    rows = [(*beside.adapter(word), Role.MODEL) for word in models]
    rows += [(*beside.adapter(word), Role.ADAPTER) for word in adapters]
    found = [beside.input_of(word, role, weight=weight, opener=hashed) for word, weight, role in rows]
    return (*found, *(beside.input_of(*beside.reference(word), opener=hashed) for word in others))


def _parameters(settings: tuple[str, ...], seed: int | None) -> tuple[Parameter, ...]:
    from secpipe.lineage.record import Parameter

    found = {"seed": Parameter("seed", seed)} if seed is not None else {}
    for word in settings:
        name, equals, text = word.partition("=")
        if not (name and equals) or name in found:
            raise ConfigError(f'--param "{word[:80]}" is no KEY=VALUE, or its key stands twice')
        found[name] = Parameter(name, value_of(text))
    return tuple(found[name] for name in sorted(found))


def value_of(text: str) -> str | int | float | bool:
    """Return a setting as JSON would read it: a number or a flag where it is written as one, else the text."""
    import json
    import math

    try:
        value = json.loads(text, parse_int=lambda digits: int(digits[:20]))
    except (ValueError, RecursionError):
        return text
    plain = isinstance(value, bool | int) or (isinstance(value, float) and math.isfinite(value))
    return value if plain and json.dumps(value) == text else text


def _openings(prompts: tuple[str, ...], negatives: tuple[str, ...]) -> list[Opening]:
    import secrets

    from secpipe.core.documents import text_of
    from secpipe.core.limits import DEFAULT
    from secpipe.lineage import commit
    from secpipe.lineage.record import Role
    from secpipe.system.files import read_bytes

    found = []
    for role, names in ((Role.PROMPT, prompts), (Role.NEGATIVE_PROMPT, negatives)):
        for name in names:
            text = text_of(read_bytes(name, commit.TEXT_BYTES), name, DEFAULT)
            found.append(commit.opening(role, text, secrets.token_bytes(commit.SALT)))
    return found
