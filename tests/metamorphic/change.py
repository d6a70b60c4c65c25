"""What a transformation is: something an attacker, or chance, does to a project without changing what it does."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from tests.metamorphic.seeds import Files, Seed

Made = dict[str, "bytes | str"]  # a str is a link's target


@dataclass(frozen=True, slots=True)
class Change:
    """`keeps`: both twins keep their verdict. Otherwise the bad twin may end undecided, and so may the honest one.

    `harms`: what it does to the honest twin is no longer honest (bytes before the magic of a model), so that only the
    bad twin has a law. `labels`: a use that no shipped code reaches may be left to the label, and is then told.
    `heavy`: seconds of work, left to `make slow`.
    """

    name: str
    make: Callable[[Seed, Files], Made]
    fits: Callable[[Seed], bool] = lambda seed: True
    keeps: bool = True
    harms: bool = False
    labels: bool = False
    heavy: bool = False


def without(files: Files, path: str) -> Made:
    """Return the files but for one."""
    return {name: data for name, data in files.items() if name != path}


def bent(
    name: str, bend: Callable[[bytes], bytes], fits: Callable[[Seed], bool], *, keeps: bool = True, harms: bool = False
) -> Change:
    """Return a change of the bytes of the part alone."""

    def make(seed: Seed, files: Files) -> Made:
        return {**files, seed.part: bend(files[seed.part])} if seed.part in files else dict(files)

    return Change(name, make, fits, keeps, harms)


def respelled(name: str, before: str, after: str, **more: str) -> Change:
    """Return another spelling of code: `before` becomes `after`, `more` are files beside it (`lib__py` is lib.py)."""
    beside = {f"part/{path.replace('__', '.')}": text.encode() for path, text in more.items()}

    def make(seed: Seed, files: Files) -> Made:
        data = files[seed.part].replace(before.encode(), after.encode())
        return {**files, seed.part: data, **beside}

    def fits(seed: Seed) -> bool:
        return seed.is_code and before.encode() in seed.bad[seed.part]

    return Change(name, make, fits)


def named(seed: Seed, *endings: str) -> bool:
    """Tell whether the part has one of these endings."""
    return seed.part.endswith(endings)


def by_path(files: Mapping[str, bytes], seed: Seed) -> bytes:
    """Return the part's bytes; empty where the twin has none."""
    return files.get(seed.part, b"")
