"""Options that the user's file or a `SECPIPE_*` variable may set: a closed list, and never out of what is judged.

A command that only judges takes them, below what stands on its command line. `SECPIPE_CONFIG=off` reads neither.
"""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from secpipe.core.documents import parse_toml
from secpipe.core.errors import ConfigError, InputError
from secpipe.core.text import did_you_mean, printable
from secpipe.system import files, links, places
from secpipe.system.settings_file import settings_file

SCHEMA = "secpipe.config/1"
OFF = "SECPIPE_CONFIG"
_LIMIT = 1 << 16
#: option -> what it says. Nothing that opens a key, changes a mode, confirms, simulates or leaves something out.
OPTIONS = {
    "policy": "the policy file, or builtin:NAME",
    "policy-ref": "what pins it",
    "waivers": "waivers beside the policy",
    "waivers-ref": "what pins them",
    "trust": "the trust root",
    "trust-pin": "what pins it",
    "env": "the environment to judge for",
    "advisories": "advisory data",
    "max-ring-age": "days within which the keyring must be stated to be the newest",
    "verdicts": "the verdict store that [promotion] looks into",
    "audience": "who reads a verdict",
    "color": "colours on stdout",
}
#: Never read, and why: for whoever sets one and wonders.
NEVER = {
    "mode": "whether it enforces stands in the pinned policy or on the command line",
    "warn-until": "whether it enforces stands in the pinned policy or on the command line",
    "exit-zero": "an exit code is asked for where it is used",
    "exclude": "what is left out stands in the pinned policy or on the command line",
    "at": "a time is simulated where it is asked for",
    "yes": "a person confirms, not a variable",
    "passphrase-file": "custody comes from the command line only",
    "key": "custody comes from the command line only",
    "sign": "who signs is said where it is done",
}
#: These take a path: in the file an absolute one, for a relative one would be looked for in whatever is judged.
_PATHS = ("policy", "waivers", "trust", "advisories", "verdicts")
#: Commands that take them: those that judge and change nothing.
_JUDGE = (
    "check", "gate", "verify", "audit", "due", "monitor", "mcp", "guard", "serve",
    "scan models", "scan shadow-ai", "scan agents", "verdict verify", "verdict list", "policy show",
)  # fmt: skip
#: Options whose parameter has another name.
_PARAMETERS = {"env": ("env", "environment")}


@dataclass(frozen=True, slots=True)
class Setting:
    """An option with its value ("": not set) and where that comes from."""

    name: str
    value: str
    origin: str


def variable(name: str) -> str:
    """Return the variable of an option: SECPIPE_POLICY_REF of policy-ref."""
    return f"SECPIPE_{name.replace('-', '_').upper()}"


def is_off() -> bool:
    """Whether neither the file nor variables are read; raises ConfigError for another word than off."""
    asked = os.environ.get(OFF, "")
    if asked not in ("", "off"):
        raise ConfigError(f'{OFF} is "{printable(asked, 40)}"', hint=f"{OFF}=off reads no settings; else leave it out")
    return asked == "off"


def settings() -> tuple[Setting, ...]:
    """Return every option with its value and origin; raises ConfigError for a file or variable that cannot be used."""
    if is_off():
        return tuple(Setting(name, "", "off") for name in OPTIONS)
    written, place = _from_file(), printable(settings_file())
    found = []
    for name in OPTIONS:
        own = os.environ.get(variable(name))
        if own is not None and not own.strip():
            raise ConfigError(f"{variable(name)} is empty", hint="unset it to use the default")
        if own is not None:
            found.append(Setting(name, own, variable(name)))
        else:
            found.append(Setting(name, written.get(name, ""), place if name in written else "default"))
    return tuple(found)


def defaults() -> dict[str, Any]:
    """Return click's `default_map` of the settings that are set; costs two look-ups where there are none."""
    if not os.path.lexists(settings_file()) and not any(variable(name) in os.environ for name in OPTIONS):
        is_off()
        return {}
    links.rely_on(settings_file())
    values: dict[str, Any] = {}
    for one in settings():
        for parameter in _PARAMETERS.get(one.name, (one.name.replace("-", "_"),)):
            values |= {parameter: one.value} if one.value else {}
    made: dict[str, Any] = {}
    for command in _JUDGE if values else ():
        place = made
        for word in command.split():
            place = place.setdefault(word, {})
        place |= values
    return made


def _from_file() -> Mapping[str, str]:
    place = Path(settings_file())
    try:
        with files.open_regular(place, follow=True) as file:
            _refuse_others(place, os.fstat(file.fileno()))
            data = files.read_upto(file, _LIMIT + 1)
    except FileNotFoundError:
        return {}
    except (OSError, InputError) as error:
        if not os.path.lexists(place):
            return {}
        raise ConfigError(f"{printable(str(place))} cannot be read: {error}", hint=f"{OFF}=off does without") from error
    if len(data) > _LIMIT:
        raise ConfigError(f"{printable(str(place))} is larger than {_LIMIT:,} bytes")
    try:
        return _values(parse_toml(data, printable(str(place))))
    except InputError as error:
        raise ConfigError(error.message, hint=error.hint) from error


def _refuse_others(place: Path, info: os.stat_result) -> None:
    """Raise ConfigError for a file that somebody else may write."""
    if sys.platform != "win32":
        if info.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
            raise ConfigError(f"{printable(str(place))} can be written by others", hint="chmod go-w it")
        if info.st_uid not in (os.getuid(), 0):
            raise ConfigError(f"{printable(str(place))} belongs to another user")


def _values(table: Mapping[str, Any]) -> dict[str, str]:
    if table.get("schema") != SCHEMA:
        raise ConfigError(f'the settings do not begin with schema = "{SCHEMA}"')
    found: dict[str, str] = {}
    for name, value in table.items():
        if name == "schema":
            continue
        if name in NEVER:
            raise ConfigError(f"settings: {name} is never read from a file: {NEVER[name]}")
        if name not in OPTIONS:
            raise ConfigError(
                f'settings: no such option "{printable(name, 60)}"',
                hint=did_you_mean(name, OPTIONS) or f"one of {', '.join(OPTIONS)}",
            )
        if isinstance(value, bool) or not isinstance(value, str | int) or not str(value).strip():
            raise ConfigError(f"settings: {name} is no text")
        text = str(value)
        if name in _PATHS and not text.startswith("builtin:") and not Path(text).is_absolute():
            raise ConfigError(
                f"settings: {name} is a relative path, which each project would answer for itself",
                hint="write the whole path",
            )
        found[name] = text
    return found


def places_of() -> tuple[Setting, ...]:
    """Return where state lies, with what says so."""
    found = []
    for name, place in (("home", places.home()), ("cache", places.cache_folder())):
        own = f"SECPIPE_{name.upper()}"
        found.append(Setting(name, str(place), own if os.environ.get(own) else "default"))
    return (*found, Setting("log", os.environ.get("SECPIPE_LOG", ""), "SECPIPE_LOG" if "SECPIPE_LOG" in os.environ else
                            "default"))  # fmt: skip


def unread() -> tuple[tuple[str, str], ...]:
    """Return the `SECPIPE_*` variables that look like an option and are not read, with why."""
    return tuple((variable(name), why) for name, why in NEVER.items() if variable(name) in os.environ)
