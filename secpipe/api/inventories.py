"""What an inventory of a folder is to hold, and how it is made: libraries, models, services, keys."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from secpipe.core.inventory import Inventory
    from secpipe.core.protocols import Tree


@dataclass(frozen=True, slots=True)
class Asked:
    """What an inventory is to hold beside what the files are.

    `exclude` is left out and said; `own` are our documents inside the folder: they are no part of what they describe.
    `keys` is the folder of a trust root whose public keys are listed, with the signatures that name them.
    """

    all_files: bool = False
    services: bool = True
    exclude: tuple[str, ...] = ()
    own: tuple[str, ...] = ()
    keys: str | None = None


def inventory_of(path: str, now: datetime, asked: Asked) -> tuple[Inventory, Tree]:
    """Return the inventory of a folder or file, and the tree it was made from."""
    from secpipe.sbom.agents import with_agents
    from secpipe.sbom.collect import collect
    from secpipe.sbom.services import with_files, with_services
    from secpipe.system.tree import open_tree

    left_out = (*asked.exclude, *asked.own)
    tree = open_tree(path, exclude=left_out) if left_out else open_tree(path)
    inventory = collect(tree)
    said = [skip for skip in (*inventory.skipped, *tree.left_out) if skip.path not in asked.own]
    known = [skip for skip in said if skip in inventory.skipped or skip.path in asked.exclude]
    inventory = dataclasses.replace(inventory, skipped=tuple(known))
    if asked.all_files:
        inventory = with_files(inventory, tree)
    if asked.services:
        from secpipe.scan.agents.scan import scan as agents
        from secpipe.scan.shadow_ai.scan import scan

        facts = scan(tree).facts
        inventory = with_services(inventory, facts.get("uses", []), facts.get("references", []))
        inventory = with_agents(inventory, list(agents(tree).facts.get("items", [])))
    if asked.keys:
        inventory = _with_keys(inventory, tree, asked.keys, now)
    return inventory, tree


def inside(place: str, paths: Collection[str]) -> tuple[str, ...]:
    """Return a document's path relative to each folder that it lies in."""
    if place == "-":
        return ()
    target = Path(place).resolve()
    bases = [Path(path).resolve() for path in paths]
    return tuple(
        target.relative_to(base).as_posix() for base in bases if target.is_relative_to(base) and target != base
    )


def _with_keys(inventory: Inventory, tree: Tree, folder: str, now: datetime) -> Inventory:
    from secpipe.keystore.trusted import open_trust
    from secpipe.sbom.cbom import with_keys
    from secpipe.sbom.signatures import with_signatures

    return with_signatures(with_keys(inventory, open_trust(Path(folder), now=now), now), tree)
