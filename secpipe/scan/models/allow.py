"""The allow-list: which imports a pickle may make, and for what use (`policies/models/pickle.toml`)."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from enum import Enum
from functools import cache
from typing import Any, Final

from secpipe.core.documents import parse_toml
from secpipe.core.errors import InputError
from secpipe.core.limits import DEFAULT
from secpipe.scan.models.signatures import PLAIN, Signature, parse
from secpipe.system.files import read_bytes
from secpipe.system.places import shipped


class Use(Enum):
    """What a pickle does with an import."""

    REFERENCE = "refers to"
    CONSTRUCT = "constructs"  # __new__ without __init__, as NEWOBJ and copyreg do
    CALL = "calls"


_CLASS: Final = re.compile(r"_*[A-Z]\w*")
_DUNDER: Final = re.compile(r"__\w*__|__\w+")
_DOTTED_CLASS: Final = re.compile(r"_?[A-Z]\w*(?:\._?[A-Z]\w*)+")
_CONSTANT = re.compile(r"[A-Z][A-Z0-9_]*")


@dataclass(frozen=True, slots=True)
class AllowList:
    """What is known of names; everything else is unlisted. All sets hold dotted paths unless said otherwise."""

    aliases: Mapping[str, str]  # old module name -> today's
    references: frozenset[str]  # may be referred to, not called
    constructs: frozenset[str]  # may be referred to and constructed, not called
    roles: Mapping[str, Signature]  # functions and classes that may be called: what they do with their arguments
    classes: frozenset[str]  # may be referred to, constructed and called
    returns: frozenset[str]  # hand back an argument, or what the whole program shares
    bases: frozenset[str]  # classes whose __init__ copyreg may run
    packages: frozenset[str]  # top-level packages whose classes may be constructed
    refused: frozenset[str]  # modules of those, and what is below them, to which that does not apply
    refused_parts: frozenset[str]  # one part of a module's name, likewise
    refused_names: re.Pattern[str]  # functions of those that are not even referred to
    patterns: tuple[tuple[str, re.Pattern[str], Signature], ...]  # module prefix, names, roles of their arguments
    executed: Mapping[str, re.Pattern[str]]  # attribute that a class runs as code -> what its library writes there
    code: frozenset[str]  # make code out of data
    dangerous: frozenset[str]  # names, and modules with all that is in them
    extra: frozenset[str] = field(default=frozenset())  # the user's additions

    def path(self, module: str, name: str) -> str:
        """Return the dotted path of an import under its module's present name."""
        if module in self.aliases:
            module = self.aliases[module]
        elif module.startswith("numpy._core"):
            module = "numpy.core" + module[len("numpy._core") :]
        return f"{module}.{name}"

    def fault(self, module: str, name: str, use: Use) -> str:
        """Return the rule (without its wing) that this import breaks by this use, or ""."""
        path = self.path(module, name)
        if path in self.roles or path in self.extra:
            return ""
        module = path[: -len(name) - 1]
        if path in self.code:
            return "code-object"
        if self.is_dangerous(path):
            return "dangerous-call" if use is Use.CALL else "dangerous-import"
        if self._pattern(module, name) is not None:
            return ""
        if (use is Use.REFERENCE and path in self.references) or (use is not Use.CALL and path in self.constructs):
            return ""
        if _DUNDER.fullmatch(name) or "__" in module or ".." in path or not path.replace(".", "").isidentifier():
            return "attribute-path"
        known = module.partition(".")[0] in self.packages and not self._is_refused(path)
        if "." in name:
            if use is Use.REFERENCE and self._is_member(module, name):
                return ""
            return "" if known and _DOTTED_CLASS.fullmatch(name) and use is not Use.CALL else "attribute-path"
        return self._by_package(known, name, use)

    def _is_member(self, module: str, name: str) -> bool:
        """Tell whether a name is a constant of a listed class: some Pythons pickle an enum's member by its name."""
        owner, _, member = name.rpartition(".")
        path = self.path(module, owner)
        return _CONSTANT.fullmatch(member) is not None and (path in self.roles or path in self.constructs)

    def signature(self, module: str, name: str) -> Signature | None:
        """Return the roles of a listed callable, None where it is not listed; of an addition all is data."""
        path = self.path(module, name)
        if found := self.roles.get(path):
            return found
        if path in self.extra or path in self.constructs:
            return PLAIN
        return self._pattern(path[: -len(name) - 1], name)

    def _pattern(self, module: str, name: str) -> Signature | None:
        for prefix, pattern, signature in self.patterns:
            if _within(module, prefix) and pattern.fullmatch(name):
                return signature
        return None

    def _by_package(self, known: bool, name: str, use: Use) -> str:
        is_class = _CLASS.fullmatch(name) is not None
        if use is Use.CALL:
            return "unlisted-class" if known and is_class else "unlisted-call"
        if not known or self.refused_names.search(name):
            return "unlisted-import"
        return ""  # NEWOBJ takes nothing but a class, whatever its name looks like

    def addition(self, module: str, name: str) -> str:
        """Return the name or pack that a user can add that lists this import, "" where none makes it harmless."""
        path = self.path(module, name)
        return "" if path in self.code or self.is_dangerous(path) else pack_of(module, path) or path

    def is_dangerous(self, path: str) -> bool:
        """Tell whether a dotted path, or a module above it, is known to run code or reach out."""
        parts = path.split(".")
        return any(".".join(parts[:count]) in self.dangerous for count in range(1, len(parts) + 1))

    def _is_refused(self, path: str) -> bool:
        parts = path.split(".")
        if not self.refused_parts.isdisjoint(parts[:-1]):
            return True
        return any(".".join(parts[:count]) in self.refused for count in range(1, len(parts) + 1))


@cache
def shipped_list() -> AllowList:
    """Return the list that ships with secpipe; raises InputError where its file is broken."""
    data = parse_toml(read_bytes(shipped() / "models" / "pickle.toml", DEFAULT.text_bytes), "models/pickle.toml")
    packages = data["packages"]
    return AllowList(
        aliases=data["aliases"],
        references=_paths(data["references"]),
        constructs=_paths(data["constructs"]),
        roles=_signatures(data["classes"]) | _signatures(data["calls"]),
        classes=frozenset(_signatures(data["classes"])),
        returns=_paths(data["returns"]),
        bases=frozenset(data["bases"]["names"]),
        packages=frozenset(packages["names"]),
        refused=frozenset(packages["refused"]),
        refused_parts=frozenset(packages["refused_parts"]),
        refused_names=re.compile(packages["refused_names"]),
        patterns=tuple(
            (entry["module"], re.compile(entry["names"]), parse(entry["roles"])) for entry in data["pattern"]
        ),
        executed={entry["attribute"]: re.compile(entry["written"]) for entry in data["executed"]},
        code=frozenset(data["code"]["names"]),
        dangerous=frozenset(data["dangerous"]["names"]) | _paths(data["dangerous"]["of"]),
    )


@cache
def packs() -> Mapping[str, Mapping[str, Any]]:
    """Return the shipped packs by name; raises InputError where their file is broken."""
    data = parse_toml(read_bytes(shipped() / "models" / "packs.toml", DEFAULT.text_bytes), "models/packs.toml")
    return {f"pack:{name}": pack for name, pack in data["pack"].items()}


def pack_of(module: str, path: str) -> str:
    """Return the pack that lists an import, "" where none does."""
    for name, pack in packs().items():
        listed = _paths(pack.get("constructs", {})) | frozenset(_signatures(pack.get("calls", {})))
        if path in listed or module.partition(".")[0] in pack.get("packages", ()):
            return name
    return ""


def _with_pack(base: AllowList, name: str) -> AllowList:
    if name not in packs():
        raise InputError(f"no pack is named {name.removeprefix('pack:')!a}", hint=", ".join(sorted(packs())))
    pack = packs()[name]
    executed = {attribute: re.compile(written) for attribute, written in pack.get("executed", {}).items()}
    return dataclasses.replace(
        base,
        constructs=base.constructs | _paths(pack.get("constructs", {})),
        roles={**base.roles, **_signatures(pack.get("calls", {}))},
        packages=base.packages | frozenset(pack.get("packages", ())),
        executed={**base.executed, **executed},
    )


def with_extra(base: AllowList, extra: Collection[str]) -> AllowList:
    """Return `base` with the user's dotted paths and packs added; a dangerous name is not made harmless by a list.

    Raises InputError for a pack that does not exist.
    """
    for name in sorted(name for name in extra if name.startswith("pack:")):
        base = _with_pack(base, name)
    allowed = frozenset(path for path in extra if path not in base.code and not base.is_dangerous(path))
    return dataclasses.replace(base, extra=base.extra | allowed)


def _within(module: str, prefix: str) -> bool:
    """Tell whether a pattern applies to a module: a prefix that ends in `.` or `_` covers what is below it."""
    return module == prefix or (prefix[-1] in "._" and module.startswith(prefix))


def _signatures(table: Mapping[str, Mapping[str, list[str]]]) -> dict[str, Signature]:
    """Return the callables of a table by roles; one that stands under two roles is a defect of the list."""
    found: dict[str, Signature] = {}
    for roles, names in table.items():
        for path in _paths(names):
            if path in found:
                raise InputError(f"models/pickle.toml: {path} has two roles")
            found[path] = parse(roles)
    return found


def _paths(table: Mapping[str, list[str]]) -> frozenset[str]:
    return frozenset(f"{module}.{name}" for module, names in table.items() for name in names)
