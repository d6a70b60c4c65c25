"""Signed subjects against the files that stand there: every difference is a finding."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from secpipe.core.artifact import FileEntry
from secpipe.core.errors import SecpipeError
from secpipe.core.finding import Finding
from secpipe.core.names import windows_problem
from secpipe.core.protocols import Tree
from secpipe.core.text import printable
from secpipe.sign import manifest as manifests
from secpipe.sign.establish import Demand
from secpipe.sign.line_ends import only_line_ends
from secpipe.sign.refusal import CHANGED, EXTRA, IGNORED, INVALID, MISSING, Refused, finding
from secpipe.sign.sidecars import LOG_PROOF, SIDECARS
from secpipe.sign.statement import Statement


def directory(
    tree: Tree, folder: str, statement: Statement, demand: Demand, *, bound_names: bool = True
) -> tuple[tuple[FileEntry, ...], tuple[Finding, ...]]:
    """Return the files a directory signature covers, and every difference to it. Raises Refused.

    The full manifest is always compared: the OMS root does not bind names, so it alone proves nothing. Signatures by
    other tools have no `dirHash` (`bound_names=False`).
    """
    if bound_names and set(statement.digests) - {"sha256", "dirHash"}:
        raise Refused(INVALID, "a folder is signed by its sha256 and its dirHash alone", "statement-malformed")
    try:
        what = printable(folder) or "model"
        manifest = manifests.parse_predicate(statement.predicate, what, links=not bound_names)
    except SecpipeError as error:
        raise Refused(INVALID, error.message, "manifest-malformed") from error
    known = {*SIDECARS, *demand.ignore}
    if foreign := sorted(set(manifest.ignored) - known):
        raise Refused(
            IGNORED, f"the signature leaves out {printable(foreign[0])}, which could hold anything",
            path=foreign[0], hint=f"sign it without --ignore, or accept it knowingly: --ignore {foreign[0]}",
        )  # fmt: skip
    wanted = {"sha256": manifest.root_digest, "dirHash": manifest.dir_hash}
    if not bound_names:
        wanted = {"sha256": manifest.listed_root}
    if any(statement.digests.get(name) != value for name, value in wanted.items()):
        raise Refused(INVALID, "the signed digests do not match the signed manifest", "manifest-digests")
    ignored = {*manifest.ignored, *SIDECARS, *(path for path in demand.ignore if not _lists(manifest, path))}
    linked = _linked(tree, folder, manifest) if manifest.links else {}
    here = manifests.entries(tree, folder, ignored) | linked
    problems = list(islice(_differences(tree, folder, manifest, here, ignored), demand.limits.findings))
    return tuple(here.values()), tuple(problems)


def _lists(manifest: manifests.Manifest, path: str) -> bool:
    """Whether the signature covers `path` or something below it: that is compared, whoever wants it ignored."""
    return path in manifest.files or any(name.startswith(f"{path}/") for name in manifest.files)


def _linked(tree: Tree, folder: str, manifest: manifests.Manifest) -> dict[str, FileEntry]:
    """Return the links that stand for a signed file and lead, inside the directory, to a file with its content."""
    prefix = f"{folder}/" if folder else ""
    found = {}
    for link in tree.links:
        path = link.path.removeprefix(prefix)
        entry = tree.find(link.place) if link.inside and link.place.startswith(prefix) else None
        if link.path.startswith(prefix) and entry is not None and manifest.files.get(path) == entry.sha256:
            found[path] = entry
    return found


def _differences(
    tree: Tree, folder: str, manifest: manifests.Manifest, here: dict[str, FileEntry], ignored: set[str]
) -> Iterator[Finding]:
    prefix = f"{folder}/" if folder else ""
    if tree.find(prefix + LOG_PROOF) is not None:  # no signature covers it, and nothing here could verify it
        what = f"{prefix}{LOG_PROOF} is a name kept for proofs of a log, and this version reads none"
        yield finding(EXTRA, what, prefix + LOG_PROOF, fix="remove it")
    for path, why in manifests.uncovered(tree, folder, ignored):
        if path in here:
            continue  # a link that the signer followed, to a file with the signed content
        yield finding(EXTRA, f"{prefix}{path} is not covered by the signature: {why}", prefix + path, fix="remove it")
    for path in sorted(here.keys() - manifest.files.keys()):
        yield finding(
            EXTRA, f"{prefix}{path} was not there when this was signed", prefix + path, fix="remove it, or sign again"
        )
    for path in manifests.ordered(manifest.files):
        entry = here.get(path)
        if entry is None:
            yield _missing(prefix + path)
        elif entry.sha256 != manifest.files[path]:
            message, fix = _changed(tree, entry, manifest.files[path])
            yield finding(CHANGED, message, prefix + path, fix=fix)
        elif not _unchanged(tree, entry):
            yield finding(CHANGED, f"{prefix}{path} changed while it was being verified", prefix + path)


def single_file(tree: Tree, entry: FileEntry, statement: Statement, demand: Demand) -> None:
    """Raise Refused unless `entry` is the file that was signed, under the name it was signed by."""
    if set(statement.digests) != {"sha256"}:
        raise Refused(INVALID, "a file is signed by its SHA-256 alone", "statement-malformed")
    if entry.sha256 != statement.digests["sha256"]:
        message, hint = _changed(tree, entry, statement.digests["sha256"])
        raise Refused(CHANGED, printable(message), hint=hint)
    if not demand.name and statement.name != entry.name:
        raise Refused(
            CHANGED, f'{printable(entry.path)} was signed under the name "{printable(statement.name)}"', "wrong-name",
            hint=f"rename it back, or accept the name: --name {printable(statement.name)}",
        )  # fmt: skip
    if not _unchanged(tree, entry):
        raise Refused(CHANGED, f"{printable(entry.path)} changed while it was being verified")


def _changed(tree: Tree, entry: FileEntry, signed: str) -> tuple[str, str]:
    """Return what is to be said of a file with another digest, and what to do."""
    if only_line_ends(tree, entry, signed):
        message = f"{entry.path} is not the file that was signed: its line ends were changed, as git's autocrlf does"
        return message, f'add "{printable(entry.name)} -text" to .gitattributes, and check the file out again'
    return f"{entry.path} is not the file that was signed", "restore the file"


def _missing(path: str) -> Finding:
    why = windows_problem(path)
    fix = f"restore the file; on Windows it cannot stand under this name: {why}" if why else "restore the file"
    return finding(MISSING, f"{path} is signed and is not there", path, fix=fix)


def _unchanged(tree: Tree, entry: FileEntry) -> bool:
    """Whether the file is still the one that was hashed (device, inode, size, time of change)."""
    try:
        with tree.open(entry):
            return True
    except (SecpipeError, OSError):
        return False
