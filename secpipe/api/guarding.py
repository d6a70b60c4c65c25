"""`guard`: nothing is loaded but what a signed verdict let out; the same question for Python and for the command."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from os import PathLike, fspath
from pathlib import Path
from typing import TYPE_CHECKING

from secpipe.core.artifact import FileEntry
from secpipe.core.errors import EXIT_DENY, EXIT_PASS, ConfigError, Denied, InputError, TrustError, Undecided
from secpipe.core.text import printable
from secpipe.system import sealed
from secpipe.system.tree import FolderTree, open_tree, stamps

if TYPE_CHECKING:
    from collections.abc import Callable

    from secpipe.gate.deploying import Named, VerdictSource

StrPath = str | PathLike[str]


@dataclass(frozen=True, slots=True)
class Guarded:
    """A release that may be loaded: from `path`, and only there.

    `digest` is its dirHash in hex, `name` what the verdict calls it, `valid_until` when the verdict ends, `sentence`
    the answer in one line. `made_executable` are files that may be run now and could not be when it was judged.
    """

    path: Path
    digest: str
    name: str
    environment: str
    valid_until: datetime
    sentence: str
    made_executable: tuple[str, ...] = ()
    _files: Mapping[str, FileEntry] = field(repr=False, default_factory=dict)

    @property
    def files(self) -> tuple[str, ...]:
        """The relative paths of the files that were judged."""
        return tuple(sorted(self._files))

    def read(self, file: str) -> bytes:
        """Return the content of one of `files`: exactly the bytes that were judged, whatever happened on disk since.

        Raises TrustError where they are no longer there, InputError for a file that was not judged.
        """
        entry = self._files.get(file)
        if entry is None:
            raise InputError(f"{printable(file, 200)} is none of the files that were judged")
        return sealed.read_sealed(self.path, entry)


def guard(
    path: StrPath,
    *,
    trust: StrPath = "keys",
    trust_pin: str = "",
    policy: StrPath = "",
    policy_ref: str = "",
    env: str = "prod",
    store: StrPath | None = None,
    verdict: StrPath | None = None,
    max_age: float | None = None,
    name: str = "",
    exclude: Iterable[str] = (),
    copy: StrPath | None = None,
    log: StrPath | None = None,
) -> Guarded:
    """Return the model folder at `path` if a signed verdict lets exactly these files out to `env`, else raise.

    The verdict comes from a `store`, or is one (`verdict`: an entry, or a bundle of it). It must hold now: signatures
    by keys that the trust root still accepts, environment, end, revocation, `policy` and its pin. Every file is hashed.
    With `copy`, a new folder, the files are copied there, held against their digests once more, and nobody can write
    to them; `path` of the answer is that copy. Without it, whoever may write to the folder can still change it later:
    `read` notices. Raises Denied, TrustError (no), Undecided or another SecpipeError (it could not be decided),
    ConfigError for what does not go together. Load nothing in any of these cases.
    """
    from secpipe.gate.deploying import Named, VerdictSource
    from secpipe.system.clock import SystemClock

    if (store is None) == (verdict is None):
        raise ConfigError("by which verdict?", hint="either store=... or verdict=...")
    named = Named(fspath(policy), policy_ref, Path(trust), trust_pin)
    source = VerdictSource(_path(store), _path(verdict))
    asked = Wish(env, None if max_age is None else timedelta(days=max_age), name, tuple(exclude))
    return guarded(path, named, source, asked, SystemClock().now(), copy=_path(copy), log=_path(log))


@dataclass(frozen=True, slots=True)
class Wish:
    """What whoever loads asks for, beside the rules."""

    environment: str = "prod"
    max_age: timedelta | None = None
    name: str = ""
    exclude: tuple[str, ...] = ()


def guarded(
    path: StrPath,
    named: Named,
    source: VerdictSource,
    asked: Wish,
    now: datetime,
    *,
    copy: Path | None = None,
    log: Path | None = None,
    opener: Callable[[str], FolderTree] = open_tree,
) -> Guarded:
    """Return what may be loaded, as `guard` does; `opener` walks and hashes."""
    from secpipe.gate.deploying import about_tree, answered, pinned
    from secpipe.gate.verdicts.acceptance import Wanted

    place = sealed.unlinked(path)
    if copy is not None:
        sealed.copy_place(place, copy)
    rules = pinned(named, asked.environment, now)
    before = stamps(place)
    tree = opener(fspath(place)).without((*asked.exclude, *(rules.policy.exclude if named.names_policy else ())))
    about = about_tree(tree, asked.environment)
    wanted = Wanted(about, rules.policy, rules.wanted, asked.max_age, asked.name)
    answer = answered(source, wanted, rules, now, log)
    if answer.exit_code != EXIT_PASS or answer.verdict is None:
        judge = f"secpipe check {printable(fspath(path))} --env {printable(asked.environment)}"
        kind = Denied if answer.exit_code == EXIT_DENY else Undecided
        raise kind(answer.sentence, hint=f"{judge} --store FOLDER --sign verdict")
    if copy is None and tree.left_out:
        gone = printable(tree.left_out[0].path)
        raise Undecided(f"{gone} lies in the folder, and no verdict is about it", hint="load a copy: --copy FOLDER")
    if copy is not None:
        place = sealed.sealed_copy(tree, copy)
    elif stamps(place) != before:
        raise TrustError("the folder changed while it was verified", hint="find out who writes there; --copy FOLDER")
    told = answer.verdict.summary
    return Guarded(
        place, about.digest, answer.verdict.name, asked.environment, told.valid_until, answer.sentence,
        about.made_executable(told), {entry.path: entry for entry in tree.files},
    )  # fmt: skip


def _path(value: StrPath | None) -> Path | None:
    return None if value is None else Path(value)
