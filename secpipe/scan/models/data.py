"""The lists of `policies/models/formats.toml`, read once."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from secpipe.core.documents import parse_toml
from secpipe.core.limits import DEFAULT
from secpipe.system.files import read_bytes
from secpipe.system.places import shipped

#: What TensorFlow adds to the name of an operation that does the same: `ExperimentalSqlDataset`, `ReadFileV2`.
_VERSION: Final = re.compile(r"^Experimental|V\d{1,2}$")


@dataclass(frozen=True, slots=True)
class Lists:
    """One attribute a list; names as in the file, joined by `_`."""

    tables: Mapping[str, Mapping[str, frozenset[str]]]

    def of(self, table: str, name: str) -> frozenset[str]:
        """Return the list `name` of `[table]`."""
        return self.tables[table][name]

    def is_operation(self, name: str, table: str) -> bool:
        """Tell whether an operation stands in a list of `[tensorflow]`, in whatever version or as an experiment."""
        listed = self.of("tensorflow", table)
        if name in listed or name in self.of("tensorflow", "inside"):
            return name in listed
        if table == "review" and name.startswith(tuple(self.of("tensorflow", "review_libraries"))):
            return True
        return _VERSION.sub("", name) in {_VERSION.sub("", one) for one in listed}

    @property
    def imported(self) -> Mapping[str, tuple[frozenset[str], frozenset[str]]]:
        """Key -> the keys that stand beside it, and the packages that may be named."""
        return {
            key: (self.of("imported", f"{key}_beside"), self.of("imported", key))
            for key in self.tables["imported"]
            if not key.endswith("_beside")
        }

    @property
    def template_functions(self) -> frozenset[str]:
        """Functions that chat runtimes offer a template."""
        return self.of("template", "functions")

    @property
    def template_methods(self) -> frozenset[str]:
        """Methods of strings, lists and dicts."""
        return self.of("template", "methods")

    @property
    def template_filters(self) -> frozenset[str]:
        """Filters of jinja2 and of chat runtimes."""
        return self.of("template", "filters")

    @property
    def template_dangerous(self) -> frozenset[str]:
        """Names no conversation needs."""
        return self.of("template", "dangerous")

    @property
    def template_globals(self) -> frozenset[str]:
        """Objects of web frameworks and of the template engine itself."""
        return self.of("template", "globals")


@cache
def formats_data() -> Lists:
    """Return the shipped lists; raises InputError where their file is broken."""
    data: dict[str, Any] = parse_toml(
        read_bytes(shipped() / "models" / "formats.toml", DEFAULT.text_bytes), "models/formats.toml"
    )
    return Lists(
        {
            table: {name: frozenset(values) for name, values in lists.items()}
            for table, lists in data.items()
            if isinstance(lists, dict)
        }
    )
