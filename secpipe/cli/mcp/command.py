"""`secpipe mcp`: start the server; policy and trust are named here, by a person, and by no assistant."""

from __future__ import annotations

from pathlib import Path

import click


@click.command(short_help="Let an assistant ask the gate: four read-only tools over MCP (stdio).")
@click.argument("roots", metavar="FOLDER...", nargs=-1, required=True, type=click.Path(path_type=Path, file_okay=False))
@click.option("--policy", default="", metavar="FILE", help="Policy file, or builtin:NAME (default builtin:baseline).")
@click.option("--policy-ref", default="", metavar="PIN", help="sha256:HEX the policy must have.")
@click.option("--trust", type=click.Path(path_type=Path), metavar="FOLDER", help="Trust root (default FOLDER/keys).")
@click.option("--trust-pin", default="", metavar="PIN", help="sha256:HEX of a root in its chain.")
@click.option(
    "--env", "environment", default="prod", show_default=True, metavar="NAME", help="Environment to judge for."
)
def mcp(
    roots: tuple[Path, ...], policy: str, policy_ref: str, trust: Path | None, trust_pin: str, environment: str
) -> int:
    """Serve check, explain, sbom and verify to an assistant over standard input and output.

    Paths outside the FOLDERs are refused, links that lead out of them too. Nothing is written, run or fetched, and no
    tool takes a policy, a trust root or a mode. What comes from the project is quoted as data in every answer.
    """
    from secpipe.cli.mcp.server import serve
    from secpipe.cli.mcp.tools import Served

    serve(Served(tuple(root.resolve(strict=True) for root in roots), policy, policy_ref, trust, trust_pin, environment))
    return 0
