"""`secpipe verdict list` and `show`: what is written; nothing is verified here."""

from __future__ import annotations

from pathlib import Path

import click

from secpipe.cli.options import form_option, write_json, write_result


@click.command("list")
@click.option("--store", required=True, type=click.Path(path_type=Path), metavar="FOLDER", help="The verdict store.")
@click.option("--env", "environment", default="", metavar="NAME", help="Only this environment.")
@click.option("--digest", default="", metavar="dirHash:HEX", help="Only this release.")
@form_option
def list_(store: Path, environment: str, digest: str, form: str) -> int:
    """List what a verdict store holds, oldest first within a release. Nothing is verified here."""
    from secpipe.core.errors import SecpipeError
    from secpipe.core.text import plural, printable
    from secpipe.gate.verdicts import signed
    from secpipe.gate.verdicts.store import entries

    rows = []
    for entry in entries(store, environment=environment, digest=digest.removeprefix("dirHash:")):
        try:
            document = entry.verdict()
            decision, name = str(document.get("decision")), str((document.get("subject") or {}).get("name", ""))
        except (SecpipeError, AttributeError):
            decision, name = "unreadable", ""
        bundles = [(entry.folder / bundle).exists() for bundle in signed.names(signed.VSA)]
        rows.append(
            {
                "at": signed.stamp_of(entry),
                "environment": entry.environment,
                "digest": {"dirHash": entry.digest},
                "name": printable(name, 200),
                "decision": printable(decision, 32),
                "signed": all(bundles),
                "entry": str(entry.folder),
            }
        )
    if form == "json":
        write_json({"schema": "secpipe.verdicts/1", "verdicts": rows})
    else:
        lines = [
            f"{row['at']}  {row['environment']:<10} {row['decision']:<10} "
            f"{'signed' if row['signed'] else 'unsigned':<9}{row['name']}  {printable(str(row['entry']))}"
            for row in rows
        ]
        write_result(
            "\n".join([*lines, f"{plural(len(rows), 'verdict')}, as written; nothing is verified here"]) + "\n", "-"
        )
    return 0


@click.command("show")
@click.argument("place", metavar="ENTRY|BUNDLE", type=click.Path(path_type=Path))
@form_option
def show(place: Path, form: str) -> int:
    """Show what a signed verdict says, and the overrides beside it, as written.

    Nothing is verified here: `secpipe verdict verify` says whether it holds.
    """
    from secpipe.cli.verdict.text import described
    from secpipe.gate.verdicts import signed, vsa
    from secpipe.sign.verdicts import as_written

    folder, what = signed.locate(place)
    _, statement = as_written(read_half(folder, what), "the verdict")
    if form == "json":
        document = {
            "predicateType": statement.predicate_type,
            "name": statement.name,
            "digest": dict(statement.digests),
        }
        write_json(document | {"predicate": dict(statement.predicate)})
    else:
        lines = described(vsa.read(statement.predicate, "the verdict"), statement, folder)
        write_result("\n".join(lines) + "\n", "-")
    return 0


def read_half(folder: Path, what: str) -> bytes:
    """Return the classical bundle, or the post-quantum one where only that is there; raises InputError."""
    from secpipe.core.errors import InputError
    from secpipe.gate.verdicts import signed

    found = signed.bundles(folder, what)
    if not found:
        raise InputError(f"there is no signed verdict in {folder}", hint="secpipe check --sign IDENTITY --store FOLDER")
    return next(iter(found.values()))[1]
