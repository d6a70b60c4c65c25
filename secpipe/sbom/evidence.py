"""The check `sbom`: an inventory written as CycloneDX, validated, and judged against the profiles."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import datetime
from typing import Any

from secpipe.core.evidence import Evidence, State
from secpipe.core.finding import Finding, Severity
from secpipe.core.inventory import Component, ComponentKind, Inventory
from secpipe.core.ledger import Thing
from secpipe.core.text import plural, printable
from secpipe.core.version import __version__
from secpipe.sbom import EMPTY, licenses, lineage
from secpipe.sbom.cyclonedx import emit
from secpipe.sbom.profiles import percents
from secpipe.sbom.validate import check as check_document

SPEC = "1.7"
_UNLICENSED = frozenset({ComponentKind.FILE, ComponentKind.PROMPT, ComponentKind.SERVICE})


def listed(inventory: Inventory) -> list[Component]:
    """Return the components of the release itself; without one there is nothing that a bill of materials could list."""
    return [item for item in inventory.components if "referenced" not in item.facts]


def evidence(inventory: Inventory, *, name: str, now: datetime) -> tuple[Evidence, bytes]:
    """Return what is known about the release `name`, and its BOM.

    Facts: `components` (count), `by_kind`, `valid`, `spec`, `profiles` (profile -> percent of what its files can
    prove), `licenses` (expression -> names of components). An invalid BOM is *failed*; of an empty one
    nothing is known: *skipped*.
    """
    import json

    data = emit(inventory, name=name, now=now, spec=SPEC)
    document = json.loads(data)
    problems = check_document(document)
    counted = listed(inventory)
    facts: dict[str, Any] = {
        "components": len(counted),
        "by_kind": dict(sorted(Counter(item.kind.value for item in counted).items())),
        "valid": not problems,
        "spec": SPEC,
        "profiles": percents(document),
        "licenses": by_license(inventory),
    }
    state, reason = State.OK, ""
    if is_bare(inventory):
        state, reason = State.SKIPPED, EMPTY
    elif problems:
        where = f"{problems[0].pointer}: {problems[0].message}"
        state, reason = (
            State.FAILED,
            f"the bill of materials is not valid ({plural(len(problems), 'problem')}, {where})",
        )
    return (
        Evidence(
            "sbom",
            state,
            reason,
            findings=findings(inventory),
            skips=inventory.skipped,
            facts=facts,
            account=inventory.account,
            producer=f"secpipe {__version__}",
        ),
        data,
    )


def is_bare(inventory: Inventory) -> bool:
    """Whether nothing is there to list: no component and no page. A site that fetches nothing has an empty list."""
    pages = inventory.account is not None and "pages" in inventory.account.of(Thing.FILE).judged
    return not listed(inventory) and not pages


def by_license(inventory: Inventory) -> dict[str, list[str]]:
    """Return licence -> names of the components under it; components that name none stand under ""."""
    table: dict[str, set[str]] = defaultdict(set)
    for item in inventory.components:
        if item.kind in _UNLICENSED or "referenced" in item.facts:
            continue
        for word in item.licenses or ("",):
            table[str(licenses.normalize(word)) if word else ""].add(printable(item.name, 200))
    return {key: sorted(names) for key, names in sorted(table.items())}


def findings(inventory: Inventory) -> tuple[Finding, ...]:
    """Return what the inventory itself gives away: cycles of lineage, terms a derivative drops, LFS pointers."""
    return (*lineage.findings(inventory), *_inherited(inventory), *_pointers(inventory), *_installed(inventory))


def _inherited(inventory: Inventory) -> tuple[Finding, ...]:
    by_ref = {item.ref: item for item in inventory.components}
    found = []
    for item in inventory.of_kind(ComponentKind.MODEL):
        own = {term for word in item.licenses if (known := licenses.terms(word)) for term in known.terms}
        for ref in [ref for generation in lineage.ancestors(inventory, item.ref) for ref in generation]:
            base = by_ref[ref]
            for word in base.licenses or _guess(base.name):
                known = licenses.terms(word)
                dropped = sorted(known.inherited - own) if known and item.licenses else []
                if dropped:
                    message = (
                        f"{printable(item.name, 100)} is under {', '.join(item.licenses)}, but its ancestor"
                        f" {printable(base.name, 100)} ({printable(word, 60)}) asks for {', '.join(dropped)}"
                    )
                    found.append(
                        Finding(
                            "sbom/license-not-inherited", message, Severity.MEDIUM, path=item.path,
                            subject=f"{item.ref} {base.name} {word}",
                            fix="state the licence that the base model asks for",
                        )
                    )  # fmt: skip
    return tuple(found)


def _guess(name: str) -> tuple[str, ...]:
    """The family of a base model that is only named tells its licence, where every release of it has the same."""
    tail = name.rpartition("/")[2].lower().replace("meta-", "")
    for start, word in (("llama-2", "llama2"), ("llama-3.", "llama3.1"), ("llama-3-", "llama3"), ("gemma-", "gemma")):
        if tail.startswith(start):
            return (word,)
    return ()


def _pointers(inventory: Inventory) -> tuple[Finding, ...]:
    return tuple(
        Finding(
            "sbom/lfs-pointer",
            f"{printable(item.path)} is a Git LFS pointer, not the model",
            Severity.HIGH,
            path=item.path,
            subject=item.facts["lfs-digest"].value,
            fix="git lfs pull",
        )
        for item in inventory.components
        if "lfs-digest" in item.facts
    )


def _installed(inventory: Inventory) -> tuple[Finding, ...]:
    """Drift of an installed environment: from its RECORDs, and from what the lock file beside it says."""
    found = []
    locked: dict[str, set[str]] = defaultdict(set)
    for item in inventory.of_kind(ComponentKind.LIBRARY):
        if item.ecosystem == "PyPI" and item.version and "installed" not in item.facts and "embedded" not in item.facts:
            locked[item.name].add(item.version)
    for item in inventory.components:
        name = printable(item.name, 100)
        for fact, word in (("record-changed", "changed"), ("record-missing", "missing")):
            for path in item.facts[fact].value.split("\n") if fact in item.facts else ():
                message = f"{printable(path)} of {name} {printable(item.version, 40)} is {word} since it was installed"
                found.append(_drifted(path, f"{item.ref} {path}", message, Severity.HIGH))
        if "unowned" in item.facts:
            message = f"{printable(item.path)} was brought by no installed distribution"
            severity = Severity.HIGH if item.path.endswith(".pth") else Severity.MEDIUM
            found.append(_drifted(item.path, item.path, message, severity))
        if "installed" in item.facts and (versions := locked.get(item.name)) and item.version not in versions:
            message = f"{name} {printable(item.version, 40)} is installed, the lock says {', '.join(sorted(versions))}"
            found.append(_drifted(item.path, item.ref, message, Severity.MEDIUM))
    return tuple(found)


def _drifted(path: str, subject: str, message: str, severity: Severity) -> Finding:
    return Finding(
        "sbom/environment-drift", message, severity, path=path, subject=subject, fix="install again from the lock file"
    )
