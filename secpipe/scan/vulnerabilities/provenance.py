"""PEP 740 attestations of downloaded wheels and sdists, verified offline by the `pypi-attestations` program."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from secpipe.core.artifact import FileEntry, Skip
from secpipe.core.errors import SecpipeError
from secpipe.core.evidence import Evidence
from secpipe.core.finding import Finding, Severity, sort_key
from secpipe.core.inventory import Inventory
from secpipe.core.text import plural, printable
from secpipe.formats.packages import versions
from secpipe.formats.packages.ecosystems import normal_name
from secpipe.scan.vulnerabilities import match
from secpipe.scan.vulnerabilities.attested import ATTESTATIONS, PROVENANCES, Claim, Invalid, read
from secpipe.scan.vulnerabilities.match import Package
from secpipe.system import files, process
from secpipe.system.tree import FolderTree, open_tree

RULE = "audit/provenance-invalid"
PROGRAM = "pypi-attestations"
_MATERIAL_BYTES = 4 << 20  # a provenance file holds a few kilobytes a publisher
#: What the program says when it has looked and refuses; a crash says none of these, and then nothing is known.
_REFUSALS = ("Verification failed", "Invalid provenance", "Invalid attestation", "Provenance signed by")
_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class _Case:
    """A wheel or sdist of a package of the inventory, and the files beside it that attest it."""

    package: Package
    archive: FileEntry
    material: tuple[FileEntry, ...]  # one provenance file, or one to two attestations


def with_provenance(
    evidence: Evidence,
    inventory: Inventory,
    folder: str | os.PathLike[str],
    publishers: Mapping[str, str],
    *,
    tree: str | os.PathLike[str],
) -> Evidence:
    """Return `evidence` with what the attestations in `folder` prove about the PyPI packages of `inventory`.

    `publishers` maps normal package names to the repository URL that may publish them; an attestation is believed only
    for those, since anybody can sign with a repository of his own. A refused attestation is a finding; an unnamed
    publisher, a missing or failing program and a file that nothing pins are skips. Fact `provenance`: `verified`
    ({"file", "package", "version", "publisher"}), and `unattested`, the number of PyPI packages without material.
    """
    try:
        material = open_tree(folder)
    except SecpipeError as error:
        return replace(evidence, skips=(*evidence.skips, Skip("", f"no provenance: {error.message}")))
    packages = [item for item in match.packages(inventory) if item.ecosystem == "PyPI" and item.version]
    cases, skips = _cases(material, packages)
    skips += material.skipped
    found: list[Finding] = []
    verified: list[dict[str, str]] = []
    # A program that is the tree's own, or came along with the material, is no witness.
    program = process.find_program(PROGRAM, outside=tree) and process.find_program(PROGRAM, outside=folder)
    for case in cases:
        try:
            publisher = _judge(case, material, Path(folder), publishers, program)
            verified.append(
                {"file": case.archive.path, "package": case.package.name, "version": case.package.version}
                | {"publisher": publisher}
            )
        except Invalid as error:
            found.append(_finding(case, str(error)))
        except SecpipeError as error:
            skips.append(Skip(case.archive.path, f"provenance: {error.message}{_typed(error)}"))
    attested = {case.package.name for case in cases}
    if not cases:
        skips.append(Skip("", "provenance: nothing in the folder is about a package of this inventory"))
    facts = {"verified": verified, "unattested": len({item.name for item in packages} - attested)}
    return replace(
        evidence,
        findings=tuple(sorted((*evidence.findings, *found), key=sort_key)),
        skips=(*evidence.skips, *skips),
        facts={**evidence.facts, "provenance": facts},
        producer=f"{evidence.producer}; {PROGRAM} on {plural(len(cases), 'file')}",
    )


def _typed(error: SecpipeError) -> str:
    return f": {error.hint}" if error.hint else ""


def _cases(material: FolderTree, packages: Iterable[Package]) -> tuple[list[_Case], list[Skip]]:
    """Return what can be verified, and the attesting files whose archive is not there."""
    wanted = {(package.name, versions.key("PyPI", package.version)): package for package in packages}
    beside: dict[str, list[FileEntry]] = {}
    for entry in material.files:
        for ending in (*PROVENANCES, *ATTESTATIONS):
            if entry.path.endswith(ending):
                beside.setdefault(entry.path.removesuffix(ending), []).append(entry)
    cases, skips = [], []
    for path, entries in sorted(beside.items()):
        package = wanted.get(_named(path.rpartition("/")[2]))
        archive = material.find(path)
        if archive is None:
            skips.append(Skip(entries[0].path, "provenance: the wheel or sdist that it is about is not beside it"))
        elif package is not None:
            whole = [entry for entry in entries if entry.path.endswith(PROVENANCES)]
            parts = tuple(entry for entry in entries if entry not in whole)
            cases += [_Case(package, archive, (entry,)) for entry in whole]
            cases += [_Case(package, archive, parts)] if parts else []
    return cases, skips


def _named(filename: str) -> tuple[str, object]:
    """Return the normal name and version key that a wheel's or sdist's file name states, or ("", None)."""
    from packaging.utils import InvalidSdistFilename, InvalidWheelFilename, parse_sdist_filename, parse_wheel_filename

    try:
        if filename.endswith(".whl"):
            name, version, *_ = parse_wheel_filename(filename)
        else:
            name, version = parse_sdist_filename(filename)
    except (InvalidSdistFilename, InvalidWheelFilename, ValueError):
        return "", None
    return normal_name("PyPI", name), version


def _judge(case: _Case, material: FolderTree, folder: Path, publishers: Mapping[str, str], program: str | None) -> str:
    """Return the publisher that the attestation proves; raises Invalid, or SecpipeError where nothing is known."""
    contents = [material.read(entry, _MATERIAL_BYTES) for entry in case.material]
    claim = read(case.material[0].name, contents)
    if not program:
        raise SecpipeError(f"{PROGRAM} is not installed", hint=f"pip install {PROGRAM}")
    named = publishers.get(case.package.name, "")
    if named and not claim.by(named):
        raise Invalid(f"it names {printable(claim.publisher, 200)} as publisher, not {named}")
    with tempfile.TemporaryDirectory(prefix="secpipe-provenance-") as place:
        # A folder of our own: the program sees the bytes that were read here, and nothing else that lies about.
        target = Path(place) / case.archive.name
        files.make_link(target, os.fsencode((folder / case.archive.path).resolve()))
        for entry, content in zip(case.material, contents, strict=True):
            files.create_exclusive(Path(place) / entry.name, content)
        _verify(program, claim, target, Path(place) / case.material[0].name, len(contents))
    _pinned(case)
    if not named:
        hint = f"--publisher {case.package.name}=URL"
        raise SecpipeError(f"signed by {claim.publisher}, and nobody said who may publish it", hint=hint)
    return claim.publisher


def _verify(program: str, claim: Claim, target: Path, first: Path, parts: int) -> None:
    """Run the program; raises Invalid where it refuses, SecpipeError where it does not answer."""
    command: Sequence[str]
    if claim.identity:
        command = (program, "verify", "attestation", "--offline", "--identity", claim.identity, str(target))
    else:
        command = (program, "verify", "pypi", "--offline", "--repository", claim.publisher)
        command = (*command, "--provenance-file", str(first), str(target))
    result = process.run(command, cwd=target.parent, timeout=_SECONDS)
    lines = result.stderr.decode("utf-8", "replace").splitlines()
    refusal = next((line for line in lines if line.startswith(_REFUSALS)), "")
    if result.code != 0 and refusal:
        raise Invalid(printable(refusal.replace(str(target), target.name), 300))
    if result.code != 0 or sum(line.startswith("OK: ") for line in lines) < parts:
        said = printable(lines[-1], 200) if lines else "it said nothing"
        raise SecpipeError(f"{PROGRAM} ended with exit code {result.code}: {said}")


def _pinned(case: _Case) -> None:
    """Raise SecpipeError where the inventory pins other bytes: then it is not this file that gets installed."""
    component = case.package.component
    fact = component.facts.get("hashes")
    pinned = {str(digest) for digest in component.digests} | set(fact.value.split() if fact else ())
    known = {item for item in pinned if item.startswith("sha256:")}
    if known and f"sha256:{case.archive.sha256}" not in known:
        raise SecpipeError("the lock file pins other bytes than this file's")


def _finding(case: _Case, reason: str) -> Finding:
    package = case.package
    return Finding(
        RULE,
        f"{printable(case.archive.name, 200)} is not what its attestation says: {reason}",
        Severity.HIGH,
        path=package.component.path,
        line=package.component.line,
        subject=printable(f"{package.purl} {case.material[0].name}"),
        fix=f"do not install it; fetch {package.name} {package.version} and its provenance again from the index",
        details={
            "package": package.name,
            "ecosystem": "PyPI",
            "version": package.version,
            "file": printable(case.archive.path),
            "sha256": case.archive.sha256,
        },
    )
