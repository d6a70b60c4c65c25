"""Pictures of a terminal (SVG), made from the transcripts that the tests play: what is shown is what is printed."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from html import escape
from pathlib import Path

TRANSCRIPTS = Path(__file__).resolve().parents[1] / "tests/e2e/transcripts"
_COLUMNS, _LINE, _CHAR, _EDGE = 100, 18, 7.8, 16
#: The first word of an answer and the colour that it has on a terminal.
_TINT = {"NO": "#ff7b72", "BLOCKED": "#ff7b72", "YES": "#7ee787", "PASS": "#7ee787", "NOT": "#f2cc60"}
_STYLE = (
    "text{font:13px ui-monospace,Menlo,Consolas,monospace;fill:#e6edf3;white-space:pre}"
    ".c{fill:#79c0ff}.d{fill:#9da7b3}.b{font-weight:bold}"
)
_MOVING = (
    "@media(prefers-reduced-motion:no-preference){g.l{animation:s .01s both}@keyframes s{from{opacity:0}to{opacity:1}}}"
)


@dataclass(frozen=True, slots=True)
class Picture:
    """Which commands of which transcript are shown; `lines` bounds each answer, `seconds` between them plays it."""

    transcript: str
    commands: tuple[int, ...]  # counted from 0 among those of secpipe
    title: str
    lines: int = 24
    seconds: float = 0


PICTURES = {
    "demo": Picture("acme-chat.txt", (0, 1, 2, 3, 4), "secpipe: the demo, from blocked to mended", 9, 2.0),
    "publish-no": Picture("may-i-publish.txt", (0,), "secpipe gate says no, and what to do"),
    "publish-yes": Picture("may-i-publish.txt", (1,), "secpipe gate says yes, until when"),
    "publish-not-yet": Picture("may-i-publish.txt", (2,), "secpipe gate says that it cannot know"),
}


def pictures() -> dict[Path, str]:
    """Return every picture by its path below `docs/`."""
    return {Path(f"img/{name}.svg"): drawn(picture) for name, picture in PICTURES.items()}


def answers(transcript: str) -> list[tuple[str, list[str]]]:
    """Return the commands of secpipe in a transcript, each with what it prints; open parts stay as they are written."""
    text = (TRANSCRIPTS / transcript).read_text(encoding="utf-8")
    found: list[tuple[str, list[str]]] = []
    for part in re.split(r"(?m)^(?=[$#@<] )", text):
        command, _, printed = part.partition("\n")
        word = command.removeprefix("$ ").removeprefix("next: ")
        if command.startswith("$ ") and word.startswith("secpipe "):
            lines = [line for line in printed.rstrip().splitlines() if not re.fullmatch(r"\[\d+\]", line)]
            found.append((word, lines))
    return found


def drawn(picture: Picture) -> str:
    """Return one picture; with `seconds` its commands appear one by one, all at once where motion is unwanted."""
    known = answers(picture.transcript)
    parts, row, groups = [], 0, []
    for place, number in enumerate(picture.commands):
        command, printed = known[number]
        lines = [f"$ {command}", *printed[: picture.lines]]
        lines += ["..."] * (len(printed) > picture.lines) + [""]
        delay = f" style='animation-delay:{place * picture.seconds:g}s'" if picture.seconds else ""
        groups.append(f"<g class='l'{delay}>")
        for index, line in enumerate(lines):
            groups.append(_text(line, row, index))
            row += 1
        groups.append("</g>")
    height, width = row * _LINE + 2 * _EDGE, int(_COLUMNS * _CHAR + 2 * _EDGE)
    said = " ".join([f"{known[number][0]}: {' '.join(known[number][1][:1])}" for number in picture.commands])
    size = f"width='{width}' height='{height}' viewBox='0 0 {width} {height}'"
    parts += [
        f"<svg xmlns='http://www.w3.org/2000/svg' {size} role='img' aria-labelledby='t d'>",
        f"<title id='t'>{escape(picture.title)}</title><desc id='d'>{escape(said)}</desc>",
        f"<style>{_STYLE}{_MOVING if picture.seconds else ''}</style>",
        f"<rect width='{width}' height='{height}' rx='8' fill='#0d1117'/>",
        *groups,
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _text(line: str, row: int, index: int) -> str:
    shown = "".join(char for char in line[: _COLUMNS + 20] if unicodedata.category(char)[0] != "C")
    shown = shown if len(shown) <= _COLUMNS else shown[: _COLUMNS - 1] + "…"
    first = line.split(",")[0].split(" ")[0]
    kind = "c" if line.startswith("$ ") else "d" if "why:" in line or line == "..." else ""
    tint = (
        f" style='fill:{_TINT[first]}' class='b'" if index == 1 and first in _TINT else f" class='{kind}'" * bool(kind)
    )
    return f"<text x='{_EDGE}' y='{_EDGE + (row + 1) * _LINE - 4}'{tint}>{escape(shown)}</text>"
