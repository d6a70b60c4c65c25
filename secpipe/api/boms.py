"""`make_sbom`: from a folder to a document that is proven against its bytes."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from os import PathLike, fspath
from pathlib import Path
from typing import Any

from secpipe.core.artifact import Skip
from secpipe.core.errors import EXIT_PASS, EXIT_UNDECIDED, Undecided
from secpipe.core.text import printable

FORMATS = ("cyclonedx-json", "cyclonedx-xml", "spdx-json")


@dataclass(frozen=True, slots=True)
class Sbom:
    """An SBOM as it was made (`data`, CycloneDX JSON), what was not analysed, and what is wrong with it."""

    data: bytes = field(repr=False)
    components: int
    skipped: tuple[Skip, ...] = ()
    problem: str = ""

    @property
    def exit_code(self) -> int:
        """0 for a valid SBOM that lists something, else 3."""
        return EXIT_UNDECIDED if self.problem else EXIT_PASS

    def raise_for_deny(self) -> None:
        """Return if the SBOM is valid and not empty; else raise Undecided."""
        if self.problem:
            raise Undecided(self.problem)

    def to_dict(self) -> dict[str, Any]:
        """Return the CycloneDX document as a value of the caller's own."""
        document: dict[str, Any] = json.loads(self.data)
        return document

    def encoded(self, form: str = "cyclonedx-json") -> bytes:
        """Return the document in one of FORMATS; raises ConfigError for another."""
        if form == "cyclonedx-json":
            return self.data
        from secpipe.sbom.bom import load
        from secpipe.sbom.convert import to_format

        return to_format(load(self.data, "the SBOM"), form)

    def _repr_html_(self) -> str:
        """Return a table of the components for a notebook."""
        from secpipe.report.text import markup

        rows = (
            "".join(f"<td>{markup(printable(str(item.get(key, ''))))}</td>" for key in ("type", "name", "version"))
            for item in self.to_dict().get("components", [])[:1000]
        )
        body = "".join(f"<tr>{row}</tr>" for row in rows)
        said = f"{self.components} components, {len(self.skipped)} paths not analysed"
        return f"<p><b>{said}</b></p><table><tr><th>type<th>name<th>version</tr>{body}</table>"


def make_sbom(
    *paths: str | PathLike[str],
    name: str | None = None,
    spec: str = "1.7",
    author: str = "",
    supplier: str = "",
    files: bool = False,
    services: bool = True,
    exclude: Iterable[str] = (),
    keys: str | PathLike[str] | None = None,
    written_to: Iterable[str | PathLike[str]] = (),
    at: datetime | None = None,
) -> Sbom:
    """Make the SBOM of folders or files, as `secpipe sbom generate` does: libraries, models, data, prompts, services.

    `exclude` is left out and said; `written_to` names where the document will stand: it is no part of what it
    describes. `keys` is a trust folder whose public keys are listed. The same files and `at` give the same bytes.
    Raises InputError for a path that cannot be read, ConfigError.
    """
    from secpipe.api.inventories import Asked, inside, inventory_of
    from secpipe.sbom.bom import dump, load
    from secpipe.sbom.cyclonedx import emit
    from secpipe.sbom.merge import merge
    from secpipe.sbom.validate import validate
    from secpipe.system.clock import SystemClock

    now = at or SystemClock().now()
    given = [fspath(path) for path in paths]
    own = tuple(place for target in written_to for place in inside(fspath(target), given))
    asked = Asked(files, services, tuple(exclude), own, None if keys is None else fspath(keys))
    made, counted = [], 0
    skipped: list[Skip] = []
    for path in given:
        inventory, _ = inventory_of(path, now, asked)
        counted += sum(1 for item in inventory.components if "referenced" not in item.facts)
        skipped += inventory.skipped
        title = name or Path(path).resolve().name or "release"
        made.append(
            emit(inventory, name=title, now=now, spec=spec, author=author, supplier=supplier, services=services)
        )
    several = [load(data, path) for data, path in zip(made, given, strict=True)] if len(made) > 1 else []
    data = dump(merge(several)) if several else made[0]
    problem = ""
    if not counted:
        problem = "nothing was found: the SBOM is empty"
    elif problems := validate(data):
        problem = f"the SBOM is not valid: {problems[0].pointer}: {problems[0].message}"
    return Sbom(data, counted, tuple(skipped), problem)
