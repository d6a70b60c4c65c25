"""Signed verdicts that are attached to an image in a registry: as Sigstore bundles that refer to it (OCI 1.1)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from secpipe.core.errors import InputError
from secpipe.core.shape import mapping
from secpipe.core.text import printable
from secpipe.core.trust import HalfClass, Trust
from secpipe.gate.verdicts.index import VerdictIndex
from secpipe.gate.verdicts.signed import VSA, About, Broken, Held, attempt, bundles, names, says, stamp_of
from secpipe.gate.verdicts.vsa import EXTENSION
from secpipe.sign import oci
from secpipe.sign.predicates import by_purpose
from secpipe.sign.verdicts import as_written
from secpipe.system import files

_MOST = 1_000  # verdicts attached to one image


def push(folder: Path, what: str, image: str, now: datetime) -> tuple[str, ...]:
    """Attach the signed verdict in `folder` to `image` and return the digests of its referrers. Uses the network.

    Raises InputError for a verdict about something else: nobody would find that out who only lists referrers.
    """
    found = bundles(folder, what)
    if not found:
        raise InputError("there is no signed verdict", hint="secpipe check --sign IDENTITY --store FOLDER oci://...")
    digest = image.rpartition("@sha256:")[2]
    for name, data in found.values():
        statement = as_written(data, name)[1]
        if statement.digests.get("sha256") != digest or statement.kind != VSA:
            raise InputError(f"{name} is no verdict about {printable(image, 200)}", hint="secpipe check oci://...")
    kind = by_purpose(VSA, "verdict")
    return oci.attach(image, [data for _, data in found.values()], kind.uri, now)


def attached(image: str, environment: str, trust: Trust, now: datetime) -> Iterator[Held | Broken]:
    """Yield every verdict attached to `image` that bears signatures of this trust. Uses the network.

    Anybody who can push may attach anything: what does not verify is yielded as broken, and hides nothing.
    """
    about = About("", None, environment, image=image.rpartition("@sha256:")[2])
    with TemporaryDirectory(prefix="secpipe-verdicts-") as scratch:
        for number, pair in enumerate(pairs(image, trust)):
            if _is_for(pair, environment):
                folder = Path(scratch) / str(number)
                write(folder, pair)
                yield one(folder, VSA, about, trust, now)


def kept(where: Path, about: About, trust: Trust, now: datetime) -> Iterator[Held | Broken]:
    """Yield every signed verdict in a store that says it is about the image `about` is of; the index says which."""
    with VerdictIndex(where) as index:
        index.refresh()
        found = index.of_image(about.image, about.environment)
    for entry in found:
        if any((entry.folder / name).exists() for name in names(VSA)):
            yield attempt(entry.folder, stamp_of(entry), replace(about, digest=entry.digest), trust, now)


def one(folder: Path, what: str, about: About, trust: Trust, now: datetime) -> Held | Broken:
    """Return the verdict on an image in `folder`, or why it does not hold: it must name the image by its manifest."""
    return attempt(folder, "", replace(about, digest=says(folder, what).get("dirHash", "")), trust, now, what)


def pairs(image: str, trust: Trust) -> Iterator[dict[HalfClass, tuple[str, bytes]]]:
    """Yield the bundles of each verdict attached to an image, unverified. Uses the network."""
    count = 0
    for pair in oci.attached(image, trust):
        if all(_is_verdict(name, data) for name, data in pair.values()):
            count += 1
            if count > _MOST:
                raise InputError(f"more than {_MOST:,} verdicts are attached to the image")
            yield pair


def write(folder: Path, pair: dict[HalfClass, tuple[str, bytes]]) -> None:
    """Write the bundles of one verdict as `secpipe verdict verify --bundle` takes them."""
    files.make_folder(folder)
    for half, name in zip(HalfClass, names(VSA), strict=True):
        if half in pair:
            files.write_atomic(folder / name, pair[half][1])


def _is_for(pair: Mapping[HalfClass, tuple[str, bytes]], environment: str) -> bool:
    """Tell whether a verdict says that it is for an environment, unverified: those for others are none of ours."""
    predicates = [as_written(data, name)[1].predicate for name, data in pair.values()]
    return all(mapping(one.get(EXTENSION)).get("environment") in (environment, None) for one in predicates)


def _is_verdict(name: str, data: bytes) -> bool:
    try:
        return as_written(data, name)[1].kind == VSA
    except InputError:
        return False
