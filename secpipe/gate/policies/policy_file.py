"""Reading a policy: TOML to a resolved `Policy`, with file, line, column and did-you-mean for every mistake."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from typing import Any

from secpipe.core.documents import parse_toml
from secpipe.core.errors import ConfigError, InputError
from secpipe.core.limits import DEFAULT
from secpipe.core.text import did_you_mean, printable
from secpipe.formats.coding import as_utf8
from secpipe.gate.policies import policy as nouns
from secpipe.gate.policies import policy_identity
from secpipe.gate.policies.overlay import Incompatible, Loosens, less, overlay, says, tightest
from secpipe.gate.policies.policy_places import Path, Places
from secpipe.gate.policies.policy_reader import build, read, table, words
from secpipe.gate.request import BUILTIN
from secpipe.system import files, places

#: What a file of waivers beside the policy says it is.
WAIVERS = "secpipe.waivers/1"
#: What `--env` is where nobody says it.
DEFAULT_ENVIRONMENT = "prod"
_ALIKE = 0.65  # of 1; stage and staging are, dev and prod are not
#: Keys of the document itself, which no environment has.
OUTER = ("schema", "profile", "overridable", "env")


@dataclass(frozen=True, slots=True)
class Loaded:
    """A policy document as read: its values by section, and what it is known by.

    `digest` is the hex SHA-256 of the document's canonical form (docs/adr/0014), `source` what the user named it by.
    `values` are `base`, its profiles put together, with its `own` values over them; `data` are the bytes as read.
    """

    source: str
    digest: str
    values: Mapping[str, Any]
    environments: Mapping[str, Mapping[str, Any]]
    overridable: tuple[str, ...]
    builtin: bool = False
    profiles: tuple[tuple[str, Mapping[str, Any]], ...] = ()
    base: Mapping[str, Any] = field(default_factory=dict)
    own: Mapping[str, Any] = field(default_factory=dict)
    where: Places = field(default_factory=lambda: Places(b"", ""), repr=False, compare=False)
    data: bytes = field(default=b"", repr=False)

    def resolve(self, environment: str) -> nouns.Policy:
        """Return the policy for `environment`; one that the document does not name gets the base.

        Raises ConfigError, also for a name that is nearly one that the document names: what an environment asks beyond
        the base would silently not be asked.
        """
        if environment not in self.environments and (near := _nearly(environment, self.environments)):
            raise self.where.error(
                ("env", near),
                f'there is no [env.{printable(environment, 60)}], but [env.{near}]: is "{near}" meant?',
                hint=f"--env {near}, or write [env.{printable(environment, 60)}], even an empty one",
            )
        top = self.environments.get(environment, {})
        try:
            values = overlay(self.values, top, self.overridable, self.source)
        except Loosens as error:
            place: Path = ("env", environment, *error.key.split("."))
            raise self.where.error(place, f'an overlay loosens "{error.key}"', hint=error.hint) from None
        policy: nouns.Policy = build(nouns.Policy, values)
        return policy

    def ask(self, environment: str) -> nouns.Policy:
        """Return the policy for an environment that somebody asks for by name.

        Where the document names environments, another name is an error: what it asks beyond the base would silently
        not be asked. A stage that another one is promoted after is named by that; only the one that holds where nobody
        names any need not be named at all. Raises ConfigError.
        """
        policy = self.resolve(environment)
        named = dict.fromkeys(self.environments)
        for name in (*self.environments, DEFAULT_ENVIRONMENT) if named else ():
            named |= dict.fromkeys(self.resolve(name).promotion.after)
        if named and environment not in (*named, DEFAULT_ENVIRONMENT):
            known = ", ".join(printable(name, 60) for name in named)
            raise self.where.error(
                ("env",), f'the policy names no environment "{printable(environment, 60)}"',
                hint=f"it names {known}; write [env.{printable(environment, 60)}] into it, even an empty one",
            )  # fmt: skip
        return policy


def _nearly(name: str, known: Iterable[str]) -> str:
    """Return the known environment that somebody may have meant: `Prod`, `production` or `prdo` for `prod`; or ""."""
    low = name.lower()
    for one in known:
        other = one.lower()
        alike = low.startswith(other) or other.startswith(low)
        if low and other and (alike or SequenceMatcher(None, low, other).ratio() >= _ALIKE):
            return one
    return ""


def load(reference: str) -> Loaded:
    """Return the policy in a file, or a shipped one named `builtin:NAME`; raises ConfigError."""
    if reference.startswith(BUILTIN):
        return _builtin(reference.removeprefix(BUILTIN))
    try:
        data = files.read_bytes(reference, DEFAULT.text_bytes)
    except InputError as error:
        raise ConfigError(error.message, hint="--policy FILE, or --policy builtin:baseline") from None
    return parse(data, reference)


def parse(data: bytes, source: str, *, builtin: bool = False) -> Loaded:
    """Return the policy in `data`; `source` is what errors call it. Raises ConfigError."""
    text = as_utf8(data)  # editors and shells of Windows write UTF-16, or a mark
    where = Places(text, printable(source))
    try:
        raw = parse_toml(text, where.source)
    except InputError as error:
        raise ConfigError(error.message) from None
    if raw.get("schema") != nouns.SCHEMA:
        other = raw.get("schema") == WAIVERS
        hint = "this is a file of waivers: secpipe check --waivers FILE" if other else ""
        raise where.error(("schema",), f'schema must be "{nouns.SCHEMA}"', hint=hint)
    values = read(nouns.Policy, {k: v for k, v in raw.items() if k not in OUTER}, (), where, OUTER)
    for word in ("name", "owner", "expires"):
        if not builtin and not values.get(word):
            raise where.error(
                (), f'"{word}" is missing', hint=f'{word} = "..."' if word != "expires" else "expires = 2027-06-30"
            )
    bases = []
    for name in words(raw.get("profile", []), ("profile",), where):
        if name not in profiles():
            raise where.error(("profile",), f'unknown profile "{printable(name, 60)}"', hint=_nearest(name))
        bases.append((f"{BUILTIN}{name}", _builtin(name).values))
    base = _together(bases, values, where)
    return Loaded(
        source=source,
        digest=policy_identity.identity(raw),
        values=overlay(base, values, ("*",), where.source),
        environments=_environments(raw.get("env", {}), where),
        overridable=words(raw.get("overridable", []), ("overridable",), where),
        builtin=builtin,
        profiles=tuple(bases),
        base=base,
        own=values,
        where=where,
        data=data,
    )


def _together(
    bases: Sequence[tuple[str, Mapping[str, Any]]], own: Mapping[str, Any], where: Places
) -> Mapping[str, Any]:
    """Return profiles put together, each value as tight as the tightest of them.

    Where they leave no value, the policy's own word decides; raises ConfigError where it has none.
    """
    whole: Mapping[str, Any] = bases[0][1] if bases else {}
    for index, (name, values) in enumerate(bases[1:], 1):
        rest = values
        while True:
            try:
                whole = tightest(whole, rest)
                break
            except Incompatible as error:
                if not says(own, error.key):
                    others = " and ".join(other for other, _ in bases[:index])
                    what = f"{others} and {name} cannot be put together: they leave no value of"
                    hint = f'drop one of them, or say in the policy itself what "{error.key}" is'
                    raise where.error(("profile",), f'{what} "{error.key}" that suits both', hint=hint) from None
                whole, rest = less(whole, error.key), less(rest, error.key)
    return whole


def profiles() -> tuple[str, ...]:
    """Return the names of the shipped policies."""
    return tuple(sorted(path.stem for path in places.shipped().glob("*.toml") if "." not in path.stem))


def _builtin(name: str) -> Loaded:
    if name not in profiles():
        raise ConfigError(f'unknown profile "{printable(name, 60)}"', hint=_nearest(name))
    data = files.read_bytes(places.shipped() / f"{name}.toml", DEFAULT.text_bytes)
    return parse(data, f"{BUILTIN}{name}", builtin=True)


def _nearest(name: str) -> str:
    return did_you_mean(name, profiles()) or f"known: {', '.join(profiles())}"


def _environments(raw: Any, where: Places) -> dict[str, dict[str, Any]]:
    environments = table(raw, ("env",), where)
    return {
        name: read(nouns.Policy, table(values, ("env", name), where), ("env", name), where)
        for name, values in environments.items()
    }
