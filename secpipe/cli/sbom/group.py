"""`secpipe sbom`: make, validate, compare and query SBOMs and AI-BOMs."""

from __future__ import annotations

import click

from secpipe.cli.lazy import LazyGroup

_TABLE: dict[str, tuple[str, str]] = {
    "generate": ("secpipe.cli.sbom.generate:generate", "Make the SBOM of a folder, proven against its bytes."),
    "validate": ("secpipe.cli.sbom.judge:validate", "Hold SBOMs against their official schemas."),
    "score": ("secpipe.cli.sbom.judge:score", "Score an SBOM against minimum elements (G7, CISA, NTIA, BSI, EU)."),
    "verify": ("secpipe.cli.sbom.judge:verify", "Compare an SBOM with the deployed files."),
    "diff": ("secpipe.cli.sbom.compare:diff", "Say what changed between two SBOMs."),
    "merge": ("secpipe.cli.sbom.compare:merge", "Join SBOMs without losing a field."),
    "query": ("secpipe.cli.sbom.compare:query", "Find components by an expression."),
    "lineage": ("secpipe.cli.sbom.compare:lineage", "Show what each model was made from."),
    "vex": ("secpipe.cli.sbom.convert:vex", "Attach OpenVEX, CSAF or CycloneDX VEX statements."),
    "upload": ("secpipe.cli.sbom.upload:upload", "Send an SBOM to Dependency-Track or GitHub."),
    "convert": ("secpipe.cli.sbom.convert:convert", "Write an SBOM in another format or version."),
}


@click.group(cls=LazyGroup, table=_TABLE)
def sbom() -> None:
    """Make, validate, compare and query SBOMs and AI-BOMs."""
