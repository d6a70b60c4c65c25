"""Secrets by reference: `file:`, `env:`, `exec:`, a prompt. Their values never reach argv, logs or errors."""

from __future__ import annotations

import getpass
import os
import shlex
import sys

from secpipe.core.errors import ConfigError, InputError
from secpipe.system import files, process
from secpipe.system.files import check_private as check_private

_LIMIT = 64 * 1024


def resolve(reference: str) -> bytes:
    """Return the secret that `reference` names, without one trailing newline.

    `file:PATH` (or a bare path), `env:NAME`, `exec:COMMAND ARG...` (split as a shell splits words, run without one).
    References come from the command line or the user's own configuration, never from a tree under test.
    Raises ConfigError for an unknown reference, InputError where the secret is absent, empty or too widely readable.
    """
    kind, separator, rest = reference.partition(":")
    if separator and kind == "env":
        value = _variable(rest)
        if value is None:
            raise InputError(f"environment variable {rest} is not set")
    elif separator and kind == "exec":
        words = shlex.split(rest)
        if not words:
            raise ConfigError("exec: names no command", hint="exec:/usr/bin/pass show secpipe")
        result = process.run(words, limit=_LIMIT, timeout=60)
        if result.code != 0:
            raise InputError(f"the command behind exec: ended with exit code {result.code}")
        value = result.stdout
    else:
        path = rest if separator and kind == "file" else reference
        files.check_private(path)
        value = files.read_bytes(path, _LIMIT)
    value = value.removesuffix(b"\n").removesuffix(b"\r")
    if not value:
        raise InputError("the secret is empty")
    return value


def _variable(name: str) -> bytes | None:
    if sys.platform != "win32":
        return os.environb.get(os.fsencode(name))
    else:
        value = os.environ.get(name)
        return None if value is None else value.encode()


def prompt(question: str, *, confirm: bool = False) -> bytes:
    """Ask on the terminal without echo; raise ConfigError where there is none."""
    if not sys.stdin.isatty():
        raise ConfigError(
            "a passphrase is needed and there is no terminal", hint="--passphrase-file FILE | env:NAME | exec:COMMAND"
        )
    first = getpass.getpass(f"{question}: ", stream=sys.stderr)
    if confirm and getpass.getpass(f"{question} again: ", stream=sys.stderr) != first:
        raise InputError("the two passphrases differ")
    if not first:
        raise InputError("the passphrase is empty")
    return first.encode()
