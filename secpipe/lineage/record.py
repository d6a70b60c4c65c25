"""The nouns of a derivation record: one output, what it was made from, and how well each fact of that is known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from secpipe.core.artifact import Digest

#: A record of `NAME` stands beside it as `NAME.derivation.json`.
SUFFIX = ".derivation.json"


class Grade(StrEnum):
    """How well a fact is known, from least to most; `contradicted` is known to be wrong."""

    CLAIMED = "claimed"  # somebody or some file says so
    WITNESSED = "witnessed"  # our own context manager saw the step run
    BOUNDED = "bounded"  # the bytes are as near as the declared step allows; that proves nothing else
    RE_DERIVED = "re-derived"  # the bytes were made again and are the same
    CONTRADICTED = "contradicted"  # the bytes say otherwise


class Role(StrEnum):
    """What an input or a prompt is to the output; a record may use other lower-case words as well."""

    MODEL = "model"
    ADAPTER = "adapter"
    REFERENCE = "reference"
    PROMPT = "prompt"
    NEGATIVE_PROMPT = "negative-prompt"


@dataclass(frozen=True, slots=True)
class Subject:
    """What was made: its name, and its digests (`sha256` of a file, `dirHash` of a directory)."""

    name: str
    digests: tuple[Digest, ...]


@dataclass(frozen=True, slots=True)
class Input:
    """What the output was made from.

    `digests` is empty where only a name is known, and may hold a short hash as a generator writes it
    (`sha256-prefix`, `ss-legacy`). `weight` is an adapter's strength or a model's share in a merge.
    """

    name: str
    role: str = Role.REFERENCE
    digests: tuple[Digest, ...] = ()
    weight: float | None = None
    uri: str = ""
    grade: Grade = Grade.CLAIMED

    def digest(self, algorithm: str) -> str:
        """Return the digest of that algorithm in lower-case hex, or ""."""
        return next((one.value for one in self.digests if one.algorithm == algorithm), "")


@dataclass(frozen=True, slots=True)
class Parameter:
    """One setting of the step: `seed`, `steps`, `sampler`, ..."""

    name: str
    value: str | int | float | bool
    grade: Grade = Grade.CLAIMED


@dataclass(frozen=True, slots=True)
class Prompt:
    """A prompt that is not told: `commitment` is the salted SHA-256 of its text, in hex (`secpipe.lineage.commit`)."""

    role: str
    commitment: str
    grade: Grade = Grade.CLAIMED


@dataclass(frozen=True, slots=True)
class Tool:
    """The program that made the output."""

    name: str
    version: str = ""
    grade: Grade = Grade.CLAIMED

    def __str__(self) -> str:
        return f"{self.name}@{self.version}" if self.version else self.name


@dataclass(frozen=True, slots=True)
class Derivation:
    """One step: `output` was made from `inputs` by `operation` (`generate`, `convert`, `merge`, ...).

    `source` says where the facts come from when they were read from a file (`comfyui`, `a1111`, ...).
    """

    output: Subject
    operation: str
    inputs: tuple[Input, ...] = ()
    parameters: tuple[Parameter, ...] = ()
    prompts: tuple[Prompt, ...] = ()
    tool: Tool | None = None
    made: datetime | None = None
    source: str = ""

    @property
    def grades(self) -> Mapping[str, Grade]:
        """The grade of each fact by its place: `inputs[0]`, `parameters.seed`, `prompts[0]`, `tool`."""
        found = {f"inputs[{index}]": one.grade for index, one in enumerate(self.inputs)}
        found |= {f"parameters.{one.name}": one.grade for one in self.parameters}
        found |= {f"prompts[{index}]": one.grade for index, one in enumerate(self.prompts)}
        return found | ({"tool": self.tool.grade} if self.tool else {})


@dataclass(frozen=True, slots=True)
class Malformed:
    """Why a document is no derivation record: one sentence."""

    reason: str
