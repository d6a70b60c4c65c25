"""Options and small steps that the `keys` and `trust` commands share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from secpipe.core.errors import ConfigError

if TYPE_CHECKING:
    from datetime import datetime

    from secpipe.keystore.trusted import Opened


def dir_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """`--trust FOLDER`: the folder of public trust material."""
    return trust_folder("The folder of public trust material.")(function)


def trust_folder(words: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """`--trust FOLDER`, said in these words, as the argument `folder`."""
    return click.option("--trust", "folder", metavar="FOLDER", default="keys", show_default=True, help=words)


def passphrase_of(reference: str | None, *, question: str = "passphrase", confirm: bool = False) -> Callable[[], bytes]:
    """Return a function that asks for the passphrase at most once: from `--passphrase-file`, else on the terminal."""
    from secpipe.system import secrets

    known: list[bytes] = []

    def ask() -> bytes:
        if not known:
            known.append(secrets.resolve(reference) if reference else secrets.prompt(question, confirm=confirm))
        return known[0]

    return ask


def opened(folder: str, now: datetime | None, pin: str = "") -> Opened:
    """Return the verified trust folder."""
    from secpipe.keystore.trusted import open_folder

    return open_folder(Path(folder), pin=pin, now=now)


def write_text_or_json(document: object, lines: list[str], form: str, output: str) -> None:
    """Write `lines` for a person, or `document` as JSON, to stdout (`-`) or a file."""
    from secpipe.cli.options import write_json, write_result

    if form == "json":
        write_json(document, output)
    else:
        write_result("\n".join(lines) + "\n", output)


def pick(prefix: str, names: list[str], what: str) -> str:
    """Return the one name that starts with `prefix`; raises ConfigError where none or several do."""
    from secpipe.core.text import did_you_mean, printable

    if prefix in names:
        return prefix
    found = [name for name in names if name.startswith(prefix)] if prefix else []
    if len(found) == 1:
        return found[0]
    if found:
        raise ConfigError(f'"{printable(prefix, 80)}" could be any of {len(found)} {what}', hint="give more characters")
    raise ConfigError(f'there is no "{printable(prefix, 80)}" here', hint=did_you_mean(prefix, names))
