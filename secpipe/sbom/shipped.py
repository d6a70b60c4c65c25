"""SBOM files that a release ships: found by their content, held against the tree they came with.

Only what an SBOM says of the release's own files and packages is compared (`drift`). Whether files that are no
components changed is not asked: signatures and attestations come after the SBOM, and the SBOM cannot contain itself.
"""

from __future__ import annotations

import re
from typing import Any

from secpipe.core import shape
from secpipe.core.artifact import FileEntry
from secpipe.core.documents import parse_json
from secpipe.core.errors import SecpipeError
from secpipe.core.inventory import ComponentKind, Inventory
from secpipe.core.limits import DEFAULT, Limits
from secpipe.core.paths import is_installed
from secpipe.core.protocols import Tree
from secpipe.core.text import plural, printable
from secpipe.formats.boms.shapes import as_cyclonedx
from secpipe.formats.coding import as_utf8
from secpipe.sbom import validate
from secpipe.sbom.bom import Document
from secpipe.sbom.drift import drift
from secpipe.sbom.query import select
from secpipe.system.aliases import aliased

#: Names under which tools write an SBOM. A name decides only what is opened; the content decides what it is.
_NAME = re.compile(r"(?i)(.*[._-])?(s?bom|cyclonedx|cdx|spdx)([._-].*)?\.json|.*\.(cdx|spdx|spdx3|bom)\.json")
_BESIDE = (".sig", ".sig.tlog-proof", ".att.json")
_MOST = 20  # SBOM files looked at in one release


def shipped(tree: Tree, inventory: Inventory, limits: Limits = DEFAULT) -> list[dict[str, Any]]:
    """Return what is known of every SBOM file of a release: {path, spec, version, made, agrees, problem}.

    `spec` is `CycloneDX` or `SPDX`, `made` its own timestamp as it stands there ("" without one), `agrees` None where
    it names nothing that could be compared or is too large, `problem` why it does not agree or cannot be read. At most
    20 are looked at.
    """
    found: list[dict[str, Any]] = []
    for entry in aliased(tree).files:
        if not _NAME.fullmatch(entry.name) or is_installed(entry.path):
            continue
        if len(found) == _MOST:
            break
        row = _row(tree, entry, inventory, limits)
        found += [row] if row else []
    return found


def _row(tree: Tree, entry: FileEntry, inventory: Inventory, limits: Limits) -> dict[str, Any] | None:
    row: dict[str, Any] = {
        "path": entry.path, "spec": "", "version": "", "made": "", "agrees": None, "problem": "",
    }  # fmt: skip
    if entry.size > limits.document_bytes:  # not read is no lie: the gate does not decide
        return row | {"problem": f"it is larger than {limits.document_bytes:,} bytes"}
    try:
        document = parse_json(as_utf8(tree.read(entry, limits.document_bytes)), "the SBOM", limits)
        about = _about(document)
        if about is None:
            return None  # JSON under such a name that is no SBOM
        row |= dict(zip(("spec", "version", "made"), about, strict=True))
        if row["spec"] == "CycloneDX" and (problems := validate.check(document)):
            row |= {"agrees": False, "problem": f"not valid: {problems[0].pointer}: {problems[0].message}"}
            return row
        problem = _difference(as_cyclonedx(document) or {}, tree, inventory, entry.path)
        row |= {"agrees": None if problem is None else not problem, "problem": problem or ""}
    except SecpipeError as error:
        row |= {"agrees": False, "problem": printable(error.message, 300)}
    except (ValueError, TypeError, KeyError, AttributeError, IndexError, RecursionError) as error:
        row |= {"agrees": False, "problem": f"cannot be read ({type(error).__name__})"}
    return row


def _about(document: Any) -> tuple[str, str, str] | None:
    """Return (spec, version, timestamp) of an SBOM document, or None."""
    if not isinstance(document, dict):
        return None
    if document.get("bomFormat") == "CycloneDX":
        made = next(iter(select(document, "metadata.timestamp")), "")
        return "CycloneDX", printable(str(document.get("specVersion", "")), 40), printable(str(made), 40)
    version = document.get("spdxVersion")
    if isinstance(version, str) and version.startswith("SPDX-"):
        made = next(iter(select(document, "creationInfo.created")), "")
        return "SPDX", printable(version.removeprefix("SPDX-"), 40), printable(str(made), 40)
    infos = [item for item in shape.tables(document.get("@graph")) if item.get("type") == "CreationInfo"]
    if infos and "spdx.org" in str(document.get("@context")):
        return (
            "SPDX",
            printable(str(infos[0].get("specVersion", "")), 40),
            printable(str(infos[0].get("created", "")), 40),
        )
    return None


def _difference(document: Document, tree: Tree, inventory: Inventory, own: str) -> str | None:
    """Return the first difference between an SBOM and the tree, "" where they agree, None where nothing compares."""
    result = drift(document, tree, inventory)
    real = [one for one in result.findings if one.rule != "sbom/tree-changed" and not _is_beside(one.path, own)]
    if real:
        more = f" (and {plural(len(real) - 1, 'more difference')})" if len(real) > 1 else ""
        return f"{real[0].message}{more}"
    packages = {item.purl for item in inventory.of_kind(ComponentKind.LIBRARY) if item.purl}
    if packages and not result.libraries:
        return f"it names none of the {plural(len(packages), 'package')} of the release"
    return "" if result.compared or result.libraries else None


def _is_beside(path: str, own: str) -> bool:
    """Whether a file is the SBOM itself, or a signature: they come after it, and the signature check judges them."""
    return path == own or path.endswith(_BESIDE)
