"""What a request asks about: images and storage in Kubernetes objects, each by its digest or why it has none. Pure.

Sources: Kubernetes core/v1 PodSpec (containers, initContainers, ephemeralContainers, image volumes), apps/v1, batch/v1;
KServe v1beta1 InferenceService. Whatever is not understood is an error, and so no yes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from secpipe.core.errors import InputError
from secpipe.core.text import printable
from secpipe.serve.shelf import FOLDER, IMAGE, Key

_PART = r"[a-z0-9]+(?:(?:\.|_{1,2}|-+)[a-z0-9]+)*"  # distribution/reference: a component of a path
_IMAGE = re.compile(
    rf"(?P<name>(?:[A-Za-z0-9][A-Za-z0-9.-]*(?::\d{{1,5}})?/)?{_PART}(?:/{_PART})*)(?::(?P<tag>\w[\w.-]{{0,127}}))?"
    r"(?:@(?P<algorithm>[a-z0-9+._-]{1,32}):(?P<hex>[0-9a-fA-F]{32,128}))?",
    re.ASCII,
)
_HEX = re.compile(r"[0-9a-f]{64}")
_LONGEST, _MOST = 1024, 1000
_CONTAINERS = ("containers", "initContainers", "ephemeralContainers")
_APPS = ("Deployment", "ReplicaSet", "StatefulSet", "DaemonSet")
#: (API group, kind) -> where the PodSpec stands.
_PODS: dict[tuple[str, str], tuple[str, ...]] = {
    ("", "Pod"): ("spec",),
    ("", "ReplicationController"): ("spec", "template", "spec"),
    ("", "PodTemplate"): ("template", "spec"),
    **{
        ("apps", kind): ("spec", "template", "spec")
        for kind in ("Deployment", "ReplicaSet", "StatefulSet", "DaemonSet")
    },
    ("batch", "Job"): ("spec", "template", "spec"),
    ("batch", "CronJob"): ("spec", "jobTemplate", "spec", "template", "spec"),
}
_SERVICE = ("serving.kserve.io", "InferenceService")


@dataclass(frozen=True, slots=True)
class Subject:
    """One thing that is to run: as it was written, and its digest; without one, why, and what to do.

    `image` is its name without tag and digest, for a command; "" where it is none. `guarded` is storage that the
    cluster's own initializer verifies when it is fetched.
    """

    text: str
    key: Key | None = None
    why: str = ""
    image: str = ""
    tag: str = ""
    guarded: bool = False


def digest(text: object) -> Subject:
    """Return a subject named by `sha256:HEX` (a manifest) or `dirHash:HEX` (a release)."""
    shown = _shown(text)
    if not isinstance(text, str):
        return Subject(shown, why="a digest is a string: sha256:HEX or dirHash:HEX")
    algorithm, _, value = text.partition(":")
    if algorithm not in (IMAGE, FOLDER) or not _HEX.fullmatch(value):
        return Subject(shown, why="a verdict names an image by sha256:HEX, a release by dirHash:HEX (64 hex digits)")
    return Subject(shown, (algorithm, value))


def image(text: object) -> Subject:
    """Return an image as a container runtime names it; a tag can be moved, so it names nothing that was judged."""
    shown = _shown(text)
    if not isinstance(text, str) or not text or len(text) > _LONGEST:
        return Subject(shown, why="this is no name of an image")
    found = _IMAGE.fullmatch(text)
    if found is None:
        return Subject(shown, why="this is no name of an image in plain letters (ASCII)")
    name, tag, algorithm, value = found["name"], found["tag"] or "", found["algorithm"], found["hex"]
    if algorithm is None:
        return Subject(
            shown, why="an image is named by a tag, which can be moved: name it by digest", image=name, tag=tag
        )
    if algorithm != IMAGE or not _HEX.fullmatch(value):
        return Subject(shown, why="verdicts name images by sha256, in small letters, and by nothing else", image=name)
    return Subject(shown, (IMAGE, value), image=name)


def of_object(group: str, kind: str, value: object, *, guarded: bool) -> list[Subject]:
    """Return every image and storage that an object would start, at least one.

    `guarded`: storage that bears no digest is verified where it is fetched. Raises InputError for a kind that is not
    known here, and for an object that cannot be understood.
    """
    top = _table(value, "the object")
    if (group, kind) == _SERVICE:
        found = list(_of_service(_table(top.get("spec"), "spec"), guarded))
    elif (group, kind) in _PODS:
        place = top
        for step in _PODS[group, kind]:
            place = _table(place.get(step), step)
        found = list(_of_pod(place))
    else:
        raise InputError(
            f"it is not known here what a {printable(kind, 60)} of {printable(group, 60) or 'core'} starts"
        )
    if not found:
        raise InputError(f"the {printable(kind, 60)} names nothing that is started")
    if len(found) > _MOST:
        raise InputError(f"the {printable(kind, 60)} names more than {_MOST:,} images")
    return list(dict.fromkeys(found))


def _of_pod(spec: Mapping[str, Any]) -> Iterator[Subject]:
    for name in _CONTAINERS:
        yield from (image(row.get("image")) for row in _rows(spec, name))
    yield from _volumes(spec)


def _volumes(spec: Mapping[str, Any]) -> Iterator[Subject]:
    for row in _rows(spec, "volumes"):
        if "image" in row:
            yield image(_table(row["image"], "an image volume").get("reference"))


def _of_service(value: Mapping[str, Any], guarded: bool) -> Iterator[Subject]:
    """Yield what the components of an InferenceService load, wherever it stands; runtimes appear as pods later."""
    yield from _volumes(value)
    for name, inner in value.items():
        if name in _CONTAINERS:
            for row in _rows(value, name):
                yield from _of_service(row, guarded)
        elif name == "storageUri":
            yield _storage(inner, guarded)
        elif name == "storageUris":
            yield from (_storage(row.get("uri"), guarded) for row in _rows(value, name))
        elif name == "storage" and inner is not None:
            yield _storage(f"storage {_shown(inner)}", guarded)
        elif name == "image" and inner is not None:
            yield image(inner)
        elif isinstance(inner, Mapping) and name not in ("volumes", "metadata"):
            yield from _of_service(inner, guarded)


def _storage(text: object, guarded: bool) -> Subject:
    if isinstance(text, str) and text.startswith("oci://"):
        return image(text.removeprefix("oci://"))
    if guarded:
        return Subject(_shown(text), guarded=True)
    return Subject(_shown(text), why="this storage bears no digest, so nothing says what is fetched from it")


def _rows(value: Mapping[str, Any], name: str) -> Iterator[Mapping[str, Any]]:
    rows = value.get(name)
    if rows is None:
        return
    if not isinstance(rows, list):
        raise InputError(f"{printable(name, 60)} is no list")
    for row in rows:
        yield _table(row, name)


def _table(value: object, what: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise InputError(f"{printable(what, 60)} is missing or no object")
    return value


def _shown(text: object) -> str:
    return printable(text if isinstance(text, str) else type(text).__name__, 300)
