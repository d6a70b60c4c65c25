"""Manual pages (man 7 man) of the commands, from the same words as `--help`: docs/man/secpipe*.1."""

from __future__ import annotations

from collections.abc import Iterator

import click

from secpipe.core.version import __version__


def page(command: click.Command, context: click.Context, text: str) -> str:
    """Return the page of one top command with those below it."""
    name = context.command_path.replace(" ", "-")
    lines = [
        f'.TH {escaped(name.upper())} 1 "" "secpipe {escaped(__version__)}" "secpipe"',
        ".SH NAME",
        f"{escaped(name)} \\- {escaped(text.rstrip('.'))}",
    ]
    for place, (inner, below) in enumerate(_all(command, context)):
        head = "SYNOPSIS" if place == 0 else below.command_path.upper()
        lines += [f".SH {quoted(head)}", *_command(inner, below)]
    return "\n".join([*lines, *_END]) + "\n"


_END = (
    ".SH EXIT STATUS",
    "0 pass, 1 policy says no, 2 wrong usage or configuration, 3 could not decide, 130 interrupted.",
    ".SH SEE ALSO",
    ".BR secpipe (1)",
)


def index(commands: dict[str, str]) -> str:
    """Return the page of secpipe itself: every command with one line."""
    lines = [
        f'.TH SECPIPE 1 "" "secpipe {escaped(__version__)}" "secpipe"',
        ".SH NAME",
        "secpipe \\- one verdict on an AI system before it is deployed",
        ".SH SYNOPSIS",
        ".B secpipe",
        ".I COMMAND",
        "[OPTION...]",
        ".SH COMMANDS",
    ]
    for name, text in commands.items():
        lines += [".TP", f".BR {quoted(f'secpipe-{name}')} (1)", escaped(text)]
    environment = (
        ("SECPIPE_HOME", "private keys and what this machine remembers"),
        ("SECPIPE_CACHE", "what can be made again"),
        ("SECPIPE_CONFIG", "off: neither the settings file nor variables set an option"),
        ("NO_COLOR, FORCE_COLOR", "colours on stdout"),
    )
    lines.append(".SH ENVIRONMENT")
    for name, text in environment:
        lines += [".TP", f".B {escaped(name)}", escaped(text)]
    return "\n".join([*lines, *_END[:2]]) + "\n"


def _all(command: click.Command, context: click.Context) -> Iterator[tuple[click.Command, click.Context]]:
    yield command, context
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            if inner is not None and not inner.hidden:
                yield from _all(inner, click.Context(inner, info_name=name, parent=context))


def _command(command: click.Command, context: click.Context) -> Iterator[str]:
    yield f".B {escaped(context.command_path)}"
    yield escaped(" ".join(command.collect_usage_pieces(context)))
    for part in (command.help or "").split("\n\n"):
        words = part.replace("\b", "").strip()
        yield ".PP"
        if "\b" in part:
            yield from (".nf", *(escaped(line) for line in words.splitlines()), ".fi")
        else:
            yield escaped(" ".join(words.split()))
    for parameter in command.get_params(context):
        record = parameter.get_help_record(context)
        if record is not None:
            yield from (".TP", f".B {escaped(record[0])}", escaped(" ".join(record[1].split())) or "\\&")
    if command.epilog:
        text = command.epilog.replace("\b", "").strip().splitlines()
        yield from (".PP", ".nf", *(escaped(line) for line in text), ".fi")


def escaped(text: str) -> str:
    """Return text as roff shows it: nothing in it is a request."""
    made = text.replace("\\", "\\e").replace("-", "\\-")
    return f"\\&{made}" if made.startswith((".", "'")) else made


def quoted(text: str) -> str:
    """Return text as one argument of a request."""
    return '"' + escaped(text).replace('"', '""') + '"'
