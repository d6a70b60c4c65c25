"""From a folder of records and SBOMs to what the index of lineage holds: each file read once, or told why not."""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from secpipe.core.artifact import Digest, Skip
from secpipe.core.errors import InputError, SecpipeError
from secpipe.core.limits import DEFAULT
from secpipe.core.text import printable
from secpipe.lineage.index_rows import ASSET, LICENSE, NamedThing, RecordFile, Step, Used, step_of
from secpipe.lineage.record import SUFFIX

if TYPE_CHECKING:
    from datetime import datetime

    from secpipe.core.trust import Trust
    from secpipe.lineage.commit import Opening
    from secpipe.lineage.index import DerivationIndex

#: Files of one folder that are read; the index of a million takes minutes once, and seconds after that.
MOST = 4_000_000
_PAIRS = 100_000  # steps of one SBOM, of components that are known by their names
_BOM, _BOMS = "bom.json", ".cdx.json"
#: What an SBOM calls a kind of thing -> the role that a record calls it by.
_KINDS = {"machine-learning-model": "model", "data": "dataset"}
_PROMPTS, _SEALED = ".prompts.json", ".prompts.age"


def index_place(folder: Path) -> Path:
    """Return where the index of a folder of records is kept: in the user's cache, for the user alone."""
    from secpipe.system import files, places

    name = hashlib.sha256(str(folder.resolve()).encode("utf-8", "surrogateescape")).hexdigest()
    files.make_folder(places.cache_folder() / "lineage", mode=0o700)
    files.remove(places.cache_folder() / "lineage" / f"{name}-2.sqlite")  # of a version that nobody reads any more
    return places.cache_folder() / "lineage" / f"{name}-3.sqlite"


def refresh(index: DerivationIndex, folder: Path, signed: tuple[Trust, datetime] | None = None) -> tuple[Skip, ...]:
    """Bring the index up to the records and SBOMs in `folder`; return what could not be looked into.

    With `signed` (a trust root, a time) only records that both halves sign count, and no SBOM.
    """
    from secpipe.api.lineage import SIGNED
    from secpipe.system import tree

    def wanted(path: str) -> bool:
        return path.endswith(SIGNED) if signed else path.endswith((SUFFIX, SIGNED)) or _is_bom(path)

    skipped: list[Skip] = []
    index.look(tree.placed(folder, wanted, MOST, skipped))
    index.forget()
    index.add(_source(folder, place, stamp, signed) for place, stamp in index.news())
    return tuple(skipped)


def _is_bom(path: str) -> bool:
    return path.endswith(_BOMS) or path.rpartition("/")[2] == _BOM


def _source(folder: Path, place: str, stamp: str, signed: tuple[Trust, datetime] | None) -> RecordFile:
    try:
        if _is_bom(place):
            return RecordFile(place, stamp, tuple(_bom(folder / place)))
        return RecordFile(place, stamp, (_record(folder / place, signed),))
    except SecpipeError as error:
        return RecordFile(place, stamp, (), error.message)
    except (RecursionError, UnicodeError) as error:  # nothing that lies in a folder ends the question
        return RecordFile(place, stamp, (), f"cannot be read: {type(error).__name__}")


def _record(path: Path, signed: tuple[Trust, datetime] | None) -> Step:
    from secpipe.api.lineage import SIGNED, established
    from secpipe.lineage import statement
    from secpipe.lineage.record import Malformed
    from secpipe.sign import bundle
    from secpipe.system import files

    what = printable(path.name, 200)
    data = files.read_bytes(path, 2 * statement.RECORD_BYTES, follow=False)
    if path.name.endswith(SIGNED):
        if signed is not None:
            established(path, data, *signed)
        data = bundle.decode(data, what).payload
    record = statement.parse(data, what)
    if isinstance(record, Malformed):
        raise InputError(record.reason)
    return step_of(record)


def _bom(path: Path) -> Iterator[Step]:
    """Yield what an SBOM says: a component from its parents and under its licences, the release from its components."""
    from secpipe.sbom.bom import label, licenses_of, load
    from secpipe.sbom.extras import walk
    from secpipe.sbom.graph import edges
    from secpipe.system import files

    document = load(files.read_bytes(path, DEFAULT.document_bytes, follow=False), printable(path.name, 200))
    rows = list(walk(document.get("components")))
    known = [(label(item), _component(item)) for item in rows]
    called: dict[str, list[NamedThing]] = {}
    for name, one in known:
        called.setdefault(name, []).append(one)
    for (_, one), item in zip(known, rows, strict=True):
        if names := licenses_of(item):
            yield Step(one, tuple(Used(NamedThing(LICENSE, name), LICENSE) for name in names))
    found = edges(document)
    pairs = sum(len(called.get(edge.source, "1")) * len(called.get(edge.target, "1")) for edge in found)
    if pairs > _PAIRS:
        raise InputError(
            f"the components of {printable(path.name, 200)} cannot be told apart: too many are called alike"
        )
    for edge in found:
        parents = called.get(edge.target, [NamedThing("", edge.target)])
        for child in called.get(edge.source, [NamedThing(ASSET, edge.source)]):
            yield Step(child, tuple(Used(parent, edge.kind) for parent in parents))
    metadata = document.get("metadata")
    root = metadata.get("component") if isinstance(metadata, dict) else None
    if isinstance(root, dict):
        release = NamedThing(ASSET, label(root), _component(root).digests)
        yield Step(release, tuple(Used(one, "contains") for _, one in known))


def _component(item: dict[str, Any]) -> NamedThing:
    from secpipe.sbom.bom import hash_of, label, property_of

    kind = property_of(item, "secpipe:kind") or str(item.get("type") or "")
    digest = hash_of(item)
    whole = len(digest) == 64 and all(char in "0123456789abcdef" for char in digest)
    purl = item.get("purl")
    uri = purl if isinstance(purl, str) else ""
    # The name that the index is asked for carries no version; the label of an SBOM does.
    name = item.get("name")
    return NamedThing(
        _KINDS.get(kind, printable(kind, 64)), printable(name, 200) if isinstance(name, str) else label(item),
        (Digest("sha256", digest),) if whole else (), uri,
    )  # fmt: skip


def commitments(folder: Path, text: str) -> tuple[list[Digest], list[Skip]]:
    """Return the commitments to a prompt of this text that can be opened here, and what could not be looked into.

    Only who has the salts can tell: the private files beside the outputs. An erased prompt is found by nobody.
    """
    from secpipe.lineage import commit
    from secpipe.system import files, tree

    meant: dict[str, None] = {}
    unread: list[Skip] = []
    for place, _ in tree.placed(folder, lambda path: path.endswith((_PROMPTS, _SEALED)), MOST, unread):
        if place.endswith(_SEALED):
            unread.append(Skip(place, "sealed: secpipe lineage reveal opens it"))
            continue
        try:
            data = files.read_bytes(folder / place, commit.FILE_BYTES, follow=False)
            meant |= dict.fromkeys(_opened(commit.decode(data, printable(place, 200)), text))
        except SecpipeError as error:
            unread.append(Skip(place, error.message))
    return [Digest("commitment", one) for one in meant], unread


def _opened(openings: Iterable[Opening], text: str) -> list[str]:
    return [one.commitment for one in openings if _plain(one.text) == _plain(text)]


def _plain(text: str) -> str:
    """Return a prompt as it is compared: an editor's last line end, case and Unicode forms make no other prompt."""
    return " ".join(unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold()).split())
