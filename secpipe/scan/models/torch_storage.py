"""PyTorch's own conventions inside pickles: persistent ids for tensor storages, and the legacy file of five pickles."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from secpipe.formats.pickle.machine import Machine
from secpipe.formats.pickle.values import Global, Value

if TYPE_CHECKING:
    from secpipe.scan.models.pickles import Judge

#: First value of a legacy file (torch.serialization.MAGIC_NUMBER).
MAGIC: Final = 0x1950A86A20F9469CFC6C
_LEGACY_PICKLES: Final = 5  # magic, protocol, system, object, storage keys


@dataclass(slots=True)
class Storage:
    """What a persistent id stands for."""

    key: Value


def is_storage(value: Value) -> bool:
    """Tell whether a persistent id is `('storage', type, key, place, elements, ...)`."""
    return (
        isinstance(value, tuple)
        and 5 <= len(value) <= 6
        and value[0] == "storage"
        and isinstance(value[1], Global)
        and value[1].module in {"torch", "torch.storage", "torch.cuda"}
        and value[1].name.endswith("Storage")
        and all(isinstance(part, str) for part in value[2:4])
        and isinstance(value[4], int)
    )


def is_legacy_magic(value: Value) -> bool:
    """Tell whether a first value opens a legacy PyTorch file."""
    return isinstance(value, int) and value == MAGIC


def scan_legacy(judge: Judge, machine: Machine) -> int:
    """Walk the other pickles of a legacy file; raw storages follow them. Returns how many were walked."""
    judge.torch = True
    for _ in range(_LEGACY_PICKLES - 1):
        machine.run()
    return _LEGACY_PICKLES - 1
