"""An address in pieces too small to hold a term of the catalogue: the filter lets it through, a reader tells it."""

from __future__ import annotations

from pathlib import Path

import pytest

from secpipe.scan.shadow_ai.scan import scan
from secpipe.system.tree import open_tree

THEIRS = "https://api.deepseek.com/v1/chat/completions"
OURS = "https://status.corp.example/v1/healthy/today"


def _python(address: str, before: str = "") -> str:
    return f"import requests\n{before}requests.post({address}, json={{}})\n"


def _forms(url: str) -> dict[str, str]:
    def cut(sign: str, size: int = 1) -> str:
        return sign.join(repr(url[at : at + size]) for at in range(0, len(url), size))

    names = [f"a{number}" for number in range(len(url))]
    return {
        "added.py": _python(cut("+")),
        "over lines.py": _python(f"({cut(chr(10) + '+ ')})"),
        "commented.py": _python(f"({cut(' # and' + chr(10) + ' + ', 5)})"),
        "side by side.py": _python(cut(" ")),
        "of formats.py": _python(cut(" f")),
        "joined.py": _python(f"''.join([{cut(', ')}])"),
        "in fives.py": _python(cut(" + ", 5)),
        "grown.py": _python("u", "u = ''\n" + "".join(f"u += {letter!r}\n" for letter in url)),
        "named.py": _python(" + ".join(names), "".join(f"{n} = {one!r}\n" for n, one in zip(names, url, strict=True))),
        "numbered.py": _python(" + ".join(f"chr({ord(letter)})" for letter in url)),
        "bytes.py": _python(f"bytes([{', '.join(str(ord(letter)) for letter in url)}]).decode()"),
        "parted.py": _python(f"{'~'.join(url)!r}.replace('~', '')"),
        "percent.py": _python(f"'{'%s' * len(url)}' % ({cut(', ')})"),
        "added.js": f"fetch({cut('+')}, {{method: 'POST', body: '{{}}'}})\n",
        "template.js": "fetch(`" + "".join(f"${{'{letter}'}}" for letter in url) + "`, {method: 'POST'})\n",
        "added.ts": f"import axios from 'axios'\naxios.post({cut(' + ', 4)}, {{}})\n",
    }


@pytest.mark.parametrize("name", _forms(THEIRS))
def test_an_address_in_pieces_is_found(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(_forms(THEIRS)[name])
    assert "deepseek" in {use["provider"] for use in scan(open_tree(tmp_path)).facts["uses"]}


@pytest.mark.parametrize("name", _forms(OURS))
def test_another_address_in_pieces_is_nobodys(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(_forms(OURS)[name])
    found = scan(open_tree(tmp_path))
    assert (found.facts["uses"], found.skips) == ([], ())


def test_a_long_sum_is_followed_to_its_end(tmp_path: Path) -> None:
    """Each step of a sum is one expression, however many there are: honest queries are written over many lines."""
    lines = " + ".join(f"'part {number} '" for number in range(900))
    (tmp_path / "a.py").write_text(f"import requests\nx = {lines}\nrequests.get('https://api.openai.com/v1/' + x)\n")
    found = scan(open_tree(tmp_path))
    assert found.facts["uses"]
    assert not found.skips
