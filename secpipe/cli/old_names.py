"""Old spellings of options: they work until 1.0, say so on stderr, and stand in no help."""

from __future__ import annotations

from collections.abc import Sequence

#: command or group -> old option -> today's.
OLD_NAMES: dict[str, dict[str, str]] = {
    "keys": {"--dir": "--trust", "--environment": "--env"},
    "trust": {"--dir": "--trust"},
    "verify": {"--environment": "--env"},
}


def todays(words: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return the words of a command line with today's options, and a notice for each old one that was used."""
    table = OLD_NAMES.get(words[0], {}) if words else {}
    made: list[str] = []
    notices: list[str] = []
    for nth, word in enumerate(words):
        if word == "--":
            return [*made, *words[nth:]], notices
        name, equals, value = word.partition("=")
        if name in table:
            notices.append(f"{name} is called {table[name]} now; the old name goes away with 1.0")
            word = f"{table[name]}{equals}{value}"
        made.append(word)
    return made, notices
