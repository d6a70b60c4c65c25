"""What a callable does with each argument: the roles that `policies/models/pickle.toml` declares."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import Final

from secpipe.core.errors import InputError

_KINDS: Final = frozenset({
    "data", "used", "called", "kept", "class", "args", "instance", "base", "imported", "attribute", "encoded",
    "unpickled",
})  # fmt: skip
#: With these, whoever is handed the callable itself can reach anything.
_KEEN: Final = frozenset({"imported", "attribute", "unpickled"})
_ROLE: Final = re.compile(r"([a-z]+)(\([^()]*\))?(\*?)")


@dataclass(frozen=True, slots=True)
class Role:
    """What one argument is. `detail` stands in brackets, None without them; `rest`: all that follow are the same."""

    kind: str
    detail: str | None = None
    rest: bool = False


@dataclass(frozen=True, slots=True)
class Signature:
    """The roles of a callable's arguments, in one or several forms by their number."""

    forms: tuple[tuple[Role, ...], ...]

    @property
    def is_plain(self) -> bool:
        """Whether every argument is data, and nothing but its own methods runs."""
        return all(role.kind in {"data", "used"} for form in self.forms for role in form)

    @property
    def is_keen(self) -> bool:
        """Whether it imports, takes attributes, unpickles, or calls with arguments."""
        return any(
            role.kind in _KEEN or (role.kind == "called" and role.detail != "") for form in self.forms for role in form
        )

    def of(self, count: int) -> tuple[Role, ...]:
        """Return the role of each of `count` arguments, none for those that the callable does not take."""
        form = next((form for form in self.forms if len(form) == count), self.forms[-1])
        return form[:count] + (form[-1],) * (count - len(form)) * form[-1].rest


@cache
def parse(text: str) -> Signature:
    """Return the signature that a text of the allow-list means; raises InputError for a word that is no role."""
    return Signature(tuple(tuple(_role(word) for word in form.split(" ")) for form in text.split(" | ")))


def _role(word: str) -> Role:
    found = _ROLE.fullmatch(word)
    if found is None or found[1] not in _KINDS:
        raise InputError(f"models/pickle.toml: {word!a} is no role of an argument")
    return Role(found[1], found[2][1:-1] if found[2] else None, bool(found[3]))


#: Of a callable that only puts its arguments together.
PLAIN: Final = parse("data*")
