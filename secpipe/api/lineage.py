"""`deriving`: a step that makes an asset, watched while it runs and recorded when it is done."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from os import PathLike, fspath
from pathlib import Path
from typing import TYPE_CHECKING

from secpipe.core.artifact import Digest
from secpipe.core.errors import ConfigError, InputError, SecpipeError, TrustError
from secpipe.core.text import printable
from secpipe.lineage import beside, commit
from secpipe.lineage.commit import Opening
from secpipe.lineage.record import Derivation, Grade, Input, Parameter, Role, Subject, Tool

if TYPE_CHECKING:
    from secpipe.api.signing import Unlocked
    from secpipe.core.trust import Trust

StrPath = str | PathLike[str]
PURPOSE = "derivation"
#: Behind the name of an output: the two halves of its signed record.
SIGNED, SIGNED_PQ = ".derivation.att.json", ".derivation.pqc.att.json"


@dataclass(frozen=True, slots=True)
class Step:
    """What `deriving` gives: name here what goes into the output, while it is made."""

    _inputs: list[tuple[StrPath, Input]] = field(default_factory=list)
    _parameters: dict[str, Parameter] = field(default_factory=dict)
    _prompts: list[Opening] = field(default_factory=list)

    def model(self, path: StrPath, *, weight: float | None = None) -> None:
        """Name a model that the output is made with or from; `weight` is its share of a merge."""
        self.input(path, Role.MODEL, weight=weight)

    def adapter(self, path: StrPath, *, weight: float | None = None) -> None:
        """Name an adapter (a LoRA) and its strength."""
        self.input(path, Role.ADAPTER, weight=weight)

    def input(self, path: StrPath, role: str = Role.REFERENCE, *, weight: float | None = None) -> None:
        """Name any other input: a file or folder (digested now), `NAME@sha256:HEX` or a URI."""
        found = beside.input_of(fspath(path), role, weight=weight)
        grade = Grade.CLAIMED if found.uri or not Path(path).exists() else Grade.WITNESSED
        here = Path(path).absolute() if grade is Grade.WITNESSED else path  # whatever folder the step works in
        made = replace(found, grade=grade)
        _check(inputs=(made,))
        self._inputs.append((here, made))

    def parameter(self, name: str, value: str | int | float | bool) -> None:
        """Set a setting of the step, such as `seed`."""
        made = Parameter(name, value, Grade.WITNESSED)
        _check(parameters=(made,))
        self._parameters[name] = made

    def prompt(self, text: str, *, negative: bool = False) -> None:
        """Commit to a prompt; the record does not tell it."""
        role = Role.NEGATIVE_PROMPT if negative else Role.PROMPT
        self._prompts.append(commit.opening(role, text, secrets.token_bytes(commit.SALT)))


@contextlib.contextmanager
def deriving(
    output: StrPath,
    *,
    tool: str = "",
    operation: str = "generate",
    identity: str | None = None,
    trust: StrPath = "keys",
    passphrase_file: StrPath | None = None,
) -> Iterator[Step]:
    """Record how `output` is made by what runs inside `with`; its facts are graded `witnessed`.

    Files named as inputs are digested when they are named, and again at the end: one that changed is an error. A step
    that raises leaves no record; what no record can hold is refused when it is named. Writes `OUTPUT.derivation.json`
    and, for prompts, `OUTPUT.prompts.json` (mode 0600); with `passphrase_file` the record is signed as well, as an
    attestation of purpose `derivation`. `tool` is NAME@VERSION. Raises ConfigError, InputError, TrustError.
    """
    from secpipe.system.clock import SystemClock

    clock, step, place = SystemClock(), Step(), Path(fspath(output)).absolute()
    who, program = None, tool_of(tool, Grade.WITNESSED)
    _check(operation, tool=program)
    if passphrase_file is not None:  # first: what ran for hours is not lost to a wrong passphrase
        who = signer(identity, fspath(trust), fspath(passphrase_file), clock.now())
    yield step
    for path, before in step._inputs:
        if before.grade is Grade.WITNESSED:
            now = beside.input_of(fspath(path), before.role)
            if now.digests != before.digests:
                raise InputError(f"{printable(fspath(path))} changed while {printable(place.name)} was made from it")
    moment = clock.now()
    record = Derivation(
        beside.subject(place), operation, tuple(one for _, one in step._inputs), _sorted(step._parameters),
        tuple(one.prompt(Grade.WITNESSED) for one in step._prompts), program, moment, "secpipe",
    )  # fmt: skip
    recorded(place, record, step._prompts, who=who, now=moment)


def _check(
    operation: str = "generate",
    inputs: tuple[Input, ...] = (),
    parameters: tuple[Parameter, ...] = (),
    tool: Tool | None = None,
) -> None:
    """Raise InputError for what no record can hold."""
    from secpipe.lineage.statement import encode

    anything = Subject("it", (Digest("sha256", "0" * 64),))
    encode(Derivation(anything, operation, inputs, parameters, (), tool))


def recorded(
    output: Path,
    record: Derivation,
    openings: list[Opening],
    *,
    seal: Callable[[bytes], bytes] | None = None,
    who: Unlocked | None = None,
    now: datetime,
) -> list[Path]:
    """Write a record beside its output, and sign it where `who` is given; return the paths."""
    from secpipe.core.documents import canonical
    from secpipe.lineage.statement import predicate
    from secpipe.sign.attest import attest
    from secpipe.system.tree import open_tree

    written = beside.write(output, record, openings, seal)
    if who is not None:
        written += attest(
            output, open_tree(output), canonical(predicate(record)), who.signers, who.version, purpose=PURPOSE, now=now
        )
    return written


def claimed(path: Path, output: Path) -> tuple[Derivation | None, list[Opening], str]:
    """Return what a generator wrote into a file as a record of `output`, what opens its prompts, and what is missing.

    None where the file says nothing that is known here. Raises InputError where a file cannot be read.
    """
    from secpipe.lineage.importers.file import read
    from secpipe.system.tree import single

    tree = single(path)
    with tree.open(tree.files[0]) as file:
        found, problem = read(file, tree.files[0].size)
    if found is None:
        return None, [], problem
    openings = [commit.opening(role, text, secrets.token_bytes(commit.SALT)) for role, text in found.prompts]
    record = Derivation(
        beside.subject(output), found.operation, found.inputs, found.parameters,
        tuple(one.prompt() for one in openings), found.tool, None, found.source,
    )  # fmt: skip
    return record, openings, problem


def vouched(output: Path, trust: str, now: datetime) -> tuple[Derivation | None, str]:
    """Return the record of an output that both halves sign, as somebody who may; or None, and why there is none."""
    from secpipe.api.signatures import trust_of
    from secpipe.lineage import statement
    from secpipe.lineage.record import Malformed
    from secpipe.sign import bundle
    from secpipe.system import files

    path = beside.place(output, SIGNED)
    if not path.is_file():
        return None, "no signed record is beside it"
    try:
        data = files.read_bytes(path, 2 * statement.RECORD_BYTES, follow=False)
        established(path, data, trust_of(trust, "", now), now)
        found = statement.parse(bundle.decode(data, path.name).payload)
    except SecpipeError as error:
        return None, error.message
    return (None, found.reason) if isinstance(found, Malformed) else (found, "")


def established(path: Path, classical: bytes, trust: Trust, now: datetime) -> None:
    """Raise TrustError unless both halves sign the record at `path` (`classical` is what it holds), as somebody who
    may."""
    from secpipe.core.trust import HalfClass
    from secpipe.lineage.statement import RECORD_BYTES
    from secpipe.sign.establish import Demand, establish
    from secpipe.system import files

    other = path.with_name(path.name.removesuffix(SIGNED) + SIGNED_PQ)
    if not other.is_file():
        raise TrustError(f"{printable(other.name, 200)} is missing: half a signature is none")
    halves = {
        HalfClass.CLASSICAL: ("the classical bundle", classical),
        HalfClass.PQ: ("the post-quantum bundle", files.read_bytes(other, 2 * RECORD_BYTES, follow=False)),
    }
    establish(halves, trust, Demand(purpose=PURPOSE), now)


def signer(identity: str | None, trust: str, passphrase_file: str | None, now: datetime) -> Unlocked:
    """Return who signs derivation records, unlocked."""
    from secpipe.api.signing import unlocked

    return unlocked(identity, {PURPOSE}, trust=trust, passphrase_file=passphrase_file, now=now)


def tool_of(word: str, grade: Grade = Grade.CLAIMED) -> Tool | None:
    """Return the tool of `NAME@VERSION`, None for an empty word; raises ConfigError."""
    if not word:
        return None
    name, _, version = word.rpartition("@")
    if not (name and version):
        raise ConfigError(f'"{printable(word, 100)}" is no NAME@VERSION')
    return Tool(name, version, grade)


def _sorted(parameters: dict[str, Parameter]) -> tuple[Parameter, ...]:
    return tuple(parameters[name] for name in sorted(parameters))
