"""Packages that Python code imports, where no list of the project names one: without them such a BOM would be empty."""

from __future__ import annotations

import contextlib
import sys

from secpipe.core.documents import parse_toml
from secpipe.core.errors import InputError
from secpipe.core.inventory import Component, ComponentKind, Fact, Grade
from secpipe.core.limits import MIB
from secpipe.core.paths import is_installed
from secpipe.formats.imports import imports_of
from secpipe.sbom.collector import Collector
from secpipe.system import files, places

_MOST = 2000  # programs without any list of packages
_STANDARD = sys.stdlib_module_names | {"__future__", "__main__"}


def read_all(found: Collector) -> None:
    """Add a package without a version for each module that is neither Python's own nor the project's.

    Its name is that of the module where no table knows the distribution's. Nothing is added where any list, lock file
    or installed package names one of PyPI: there an import tells nothing new.
    """
    if any(one.ecosystem == "PyPI" for one in found.of_kind(ComponentKind.LIBRARY)):
        return
    programs = [one for one in found.tree.files if one.suffix in {".py", ".ipynb"} and not is_installed(one.path)]
    if len(programs) > _MOST:
        found.skip(
            "", f"{len(programs):,} programs and no list of packages: what they import was not looked up", soft=True
        )
        return
    own = {part.removesuffix(".py") for one in programs for part in one.path.split("/")}
    names: dict[str, str] = {}
    for entry in programs:
        with contextlib.suppress(InputError):  # the walk's own skips say so
            for module in imports_of(found.tree, entry) - _STANDARD - own:
                names.setdefault(module, entry.path)
    known = _distributions() if names else {}
    for module, path in sorted(names.items()):
        name = known.get(module, module)
        fact = Fact(f"imported as {module}, and named by no list of packages", Grade.DECLARED, path)
        found.add(
            Component(
                f"library:import:{name}", ComponentKind.LIBRARY, name, ecosystem="PyPI", path=path,
                facts={"evidence": fact},
            )
        )  # fmt: skip


def _distributions() -> dict[str, str]:
    """Return module -> distribution where the two differ; of several that have it, the first."""
    place = places.shipped() / "advisories" / "ai.toml"
    table = parse_toml(files.read_bytes(place, MIB), place.name)["imports"]
    return {module: name for name, modules in reversed(table.items()) for module in modules.split()}
