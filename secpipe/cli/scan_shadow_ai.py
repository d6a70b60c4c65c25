"""`secpipe scan shadow-ai`: which AI the code talks to, and which of it nobody approved."""

from __future__ import annotations

from typing import Any

import click

from secpipe.cli.options import at_option, clock_of, emit, output_options


@click.command()
@click.argument("paths", nargs=-1, required=True, metavar="PATH...")
@click.option("--policy", metavar="FILE", help="Policy whose [shadow_ai] section says what is approved.")
@click.option("--env", "environment", default="", metavar="NAME", help="Environment the approvals are judged for.")
@at_option
@output_options()
def shadow_ai(
    paths: tuple[str, ...],
    policy: str | None,
    environment: str,
    at: str | None,
    formats: tuple[str, ...],
    output: str | None,
) -> int:
    """Find AI services nobody approved: every call, by where it really goes."""
    from secpipe import __version__
    from secpipe.core.documents import parse_toml
    from secpipe.core.finding import sort_key
    from secpipe.scan.shadow_ai.judge import judge, parse_allow
    from secpipe.scan.shadow_ai.scan import scan
    from secpipe.system.files import read_bytes
    from secpipe.system.tree import open_tree

    section: dict[str, Any] = {}
    if policy:
        section = parse_toml(read_bytes(policy, 1 << 22), policy).get("shadow_ai", {})
    allow = parse_allow(section)
    clock = clock_of(at)
    code = 0
    for path in paths:
        evidence = scan(open_tree(path))
        found = [*evidence.findings, *judge(evidence.facts["uses"], allow, env=environment, now=clock.now())]
        document = {
            "schema": "secpipe.findings/1",
            "tool": {"name": "secpipe", "version": __version__},
            "command": "scan shadow-ai",
            "at": clock.now().isoformat().replace("+00:00", "Z"),
            "simulated": bool(at),
            "evidence": {
                "check": evidence.check,
                "state": str(evidence.state),
                "reason": evidence.reason,
                "producer": evidence.producer,
                "facts": dict(evidence.facts),
            },
            "findings": [finding.to_dict() for finding in sorted(found, key=sort_key)],
            "skipped": [skip.to_dict() for skip in evidence.skips],
        }
        emit(document, formats, output)
        code = max(code, 1 if found else 3 if evidence.skips else 0)
    return code
