"""PyTorch's own conventions inside pickles: persistent ids for tensor storages, and the legacy file of five pickles."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

from secpipe.formats.pickle.machine import Machine
from secpipe.formats.pickle.values import Global, Value
from secpipe.scan.models.context import Context

#: First value of a legacy file (torch.serialization.MAGIC_NUMBER).
MAGIC: Final = 0x1950A86A20F9469CFC6C
_LEGACY_PICKLES: Final = 5  # magic, protocol, system, object, storage keys
#: Bytes of one element by type of storage (torch/storage.py, `_dtype_to_storage_type_map`).
_WIDTHS: Final = {
    **dict.fromkeys(("Untyped", "Byte", "Char", "Bool", "QUInt8", "QInt8", "QUInt4x2", "QUInt2x4"), 1),
    **dict.fromkeys(("Half", "BFloat16", "Short"), 2),
    **dict.fromkeys(("Float", "Int", "QInt32"), 4),
    **dict.fromkeys(("Double", "Long", "ComplexFloat"), 8),
    "ComplexDouble": 16,
}
#: Pickles of an archive that name storages, which lie in the folder of the same name.
_INDEXES: Final = ("data.pkl", "constants.pkl")
#: What only a name that a pickle spells out can break: numbers do not come to it by chance.
_PROOFS: Final = frozenset(
    f"models/{rule}"
    for rule in (
        "dangerous-call", "dangerous-import", "code-object", "unlisted-call", "unlisted-class", "unlisted-import",
        "attribute-path", "program",
    )
)  # fmt: skip


@dataclass(slots=True)
class Storage:
    """What a persistent id stands for."""

    key: Value


class Judge(Protocol):
    """Who listens to a pickle; `torch`: its persistent ids name tensor storages."""

    torch: bool


def declared(value: Value) -> tuple[str, int] | None:
    """Return the key of a storage and how many bytes it takes, -1 for a type of unknown width.

    None where the persistent id is not `('storage', type, key, place, elements, ...)`.
    """
    if not (
        isinstance(value, tuple)
        and 5 <= len(value) <= 6
        and value[0] == "storage"
        and isinstance(value[1], Global)
        and value[1].module in {"torch", "torch.storage", "torch.cuda"}
        and value[1].name.endswith("Storage")
        and isinstance(value[2], str | int)  # a number in torch.package
        and isinstance(value[3], str)
        and isinstance(value[4], int)
    ):
        return None
    width = _WIDTHS.get(value[1].name.removesuffix("Storage"))
    return str(value[2]), value[4] * width if width else -1


def container(value: Value) -> Global | None:
    """Return the class that a legacy file names, with its source to warn of changes: (`module`, class, file, text)."""
    if isinstance(value, tuple) and len(value) == 4 and value[0] == "module" and isinstance(value[1], Global):
        return value[1]
    return None


def judge_numbers(context: Context, judge: Callable[[Context], object]) -> None:
    """Bytes that an archive declares as a storage: PyTorch reads numbers there and unpickles nothing.

    Numbers may begin like anything, so what merely resembles a pickle is not accused. A name that one imports is proof.
    """
    trial = context.trial()
    judge(trial)
    if any(finding.rule in _PROOFS for finding in trial.sink.findings.values()):
        context.adopt(trial)


def order(name: str) -> int:
    """Return when a member of an archive is judged: numbers come behind the pickles that declare them."""
    return 0 if name.endswith(_INDEXES) else 1 + name.endswith(".storage")


def place(index: str, key: str) -> str:
    """Return the member that holds a storage which the pickle `index` declares."""
    if index.rpartition("/")[2] in _INDEXES:
        return f"{index.removesuffix('.pkl')}/{key}"
    return f"{index.partition('/')[0]}/.data/{key}.storage"  # of torch.package


def is_legacy_magic(value: Value) -> bool:
    """Tell whether a first value opens a legacy PyTorch file."""
    return isinstance(value, int) and value == MAGIC


def scan_legacy(judge: Judge, machine: Machine) -> int:
    """Walk the other pickles of a legacy file; raw storages follow them. Returns how many were walked."""
    judge.torch = True
    for _ in range(_LEGACY_PICKLES - 1):
        machine.run()
    return _LEGACY_PICKLES - 1
