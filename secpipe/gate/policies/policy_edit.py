"""Adding one entry to a policy file: layout and comments stay, and what was said before stays said."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from secpipe.core.documents import parse_toml
from secpipe.core.errors import ConfigError, InputError
from secpipe.core.limits import DEFAULT
from secpipe.core.text import printable
from secpipe.formats.coding import as_utf8
from secpipe.gate.policies import policy_file
from secpipe.gate.policies.policy_file import Loaded
from secpipe.gate.request import BUILTIN
from secpipe.system import files


def opened(source: str) -> Loaded:
    """Return the policy in the file `source`; raises ConfigError for a shipped one, which has no owner to ask."""
    if source.startswith(BUILTIN):
        name = source.removeprefix(BUILTIN)
        raise ConfigError(
            f"{printable(source)} is shipped: an exception belongs into a policy of your own",
            hint=f'secpipe init writes one; profile = "{printable(name)}" takes over what the shipped one says',
        )
    return policy_file.load(source)


def added(loaded: Loaded, keys: Sequence[str], entries: Sequence[Mapping[str, Any]]) -> bytes:
    """Return the text of the policy with `entries` added to the array of tables at `keys`.

    The result is parsed again and must say what the old text said and the entries, nothing else. Raises ConfigError
    where it does not, or where the entries make no valid policy.
    """
    text = as_utf8(loaded.data)
    before = parse_toml(text, loaded.source)
    data = _written(text.decode("utf-8"), keys, entries).encode()
    try:
        after = parse_toml(data, loaded.source)
    except InputError as error:
        raise ConfigError(f"the entry cannot be added: {error.message}", hint="add it with an editor") from None
    wanted = before
    for key in keys[:-1]:
        wanted = wanted.setdefault(key, {})
    wanted[keys[-1]] = [*wanted.get(keys[-1], []), *map(dict, entries)]
    if after != before:
        raise ConfigError(f"the entry cannot be added to {loaded.source} safely", hint="add it with an editor")
    policy_file.parse(data, loaded.source).resolve("prod")
    return data


def save(loaded: Loaded, data: bytes) -> str:
    """Write the new text and return the policy's new digest. Raises ConfigError if the file changed meanwhile."""
    path = Path(loaded.source)
    if path.is_symlink():
        raise ConfigError(f"{printable(loaded.source)} is a link", hint=f"--policy {printable(os.readlink(path))}")
    if files.read_bytes(path, DEFAULT.text_bytes) != loaded.data:
        raise ConfigError(f"{printable(loaded.source)} changed while you answered", hint="look at it and start anew")
    files.write_atomic(path, data, mode=stat.S_IMODE(path.stat().st_mode))
    return policy_file.parse(data, loaded.source).digest


def _written(text: str, keys: Sequence[str], entries: Sequence[Mapping[str, Any]]) -> str:
    """Return the text with the entries at its end, as `[[...]]`; inside, where it holds an inline array or table."""
    import tomlkit
    from tomlkit.exceptions import TOMLKitError
    from tomlkit.items import Array, InlineTable

    try:
        document = tomlkit.parse(text)
        table: Any = document
        for key in keys[:-1]:
            table = table.get(key, {})
        rows = table.get(keys[-1])
        if isinstance(table, InlineTable) and rows is None:
            rows = table[keys[-1]] = tomlkit.array()
        if not isinstance(rows, Array):
            return _ended(text) + _tables(keys, entries).replace("\n", _line_end(text))
        for entry in entries:
            row = tomlkit.inline_table()
            row.update(entry)
            rows.append(row)
        return tomlkit.dumps(document)
    except (TOMLKitError, ValueError, TypeError, AttributeError) as error:
        what = f"the entry cannot be added ({type(error).__name__})"
        raise ConfigError(what, hint="add it with an editor") from None


def _tables(keys: Sequence[str], entries: Sequence[Mapping[str, Any]]) -> str:
    import tomlkit

    value: Any = tomlkit.aot()
    for entry in entries:
        row = tomlkit.table()
        row.update(entry)
        value.append(row)
    for key in reversed(keys[1:]):
        value = tomlkit.table(is_super_table=True).append(key, value)
    return tomlkit.dumps(tomlkit.document().append(keys[0], value))


def _ended(text: str) -> str:
    end = _line_end(text)
    return f"{text}{'' if text.endswith(end) else end}{end}"


def _line_end(text: str) -> str:
    return "\r\n" if "\r\n" in text else "\n"
