"""The work of reading one file grows as the file does: counted in function calls, never in time."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import FrameType

import pytest

from secpipe.scan.shadow_ai import expressions, fold, naming, python, readers, scope, source, values
from secpipe.scan.shadow_ai.catalogue import read_catalogue, shipped_catalogue
from secpipe.scan.shadow_ai.places import ai_path

CATALOGUE = read_catalogue()
SIZE = 40


def circle(size: int) -> str:
    """Names that stand for each other, all of them ways of one."""
    return "".join(f"x{i} = x{(i + 1) % size} or x{(i + 7) % size} or x{(i + 3) % size}\n" for i in range(size))


def reassigned(size: int) -> str:
    """One name that is what it was and something else, as `config` or `data` is in a long module."""
    rows = (
        f"def f{i}(data):\n    data = clean(data)\n    data = data or other\n    other = data\n" for i in range(size)
    )
    return "".join(rows) + "requests.post(data, json=other)\n"


def ladder(size: int) -> str:
    """Each name is two ways of the one before."""
    rows = "".join(f"y{i} = [y{i - 1}, y{i - 1}][n]\nz{i} = y{i - 1} + y{i - 1}\n" for i in range(1, size))
    return f"y0 = 'https://api.openai.com/v1'\n{rows}OpenAI(base_url=y{size - 1})\n"


def bodies(size: int) -> str:
    """Posted bodies made of names made of names."""
    rows = "".join(
        f"b{i} = dict(b{(i + 1) % size}, **wrap(b{(i + 2) % size}, b{(i + 3) % size}))\n" for i in range(size)
    )
    return rows + "".join(f"requests.post(url, json=b{i})\n" for i in range(size))


def attributes(size: int) -> str:
    """Methods that hand the same attributes on, as the classes of a large client do."""
    return "class Client:\n" + "".join(
        f"    def call{i}(self, model=None):\n        self.model = model or self.model\n"
        f"        self.url = self.base_url or self.url\n        self.base_url = f'{{self.url}}/{i}'\n"
        f"        return self.call{(i + 1) % size}(model=self.model)\n"
        for i in range(size)
    )


def classes(size: int) -> str:
    """Clients that another module hands on, beside many classes."""
    return "from .lib import OpenAI\n" + "".join(
        f"class C{i}:\n    client = OpenAI(base_url='https://api.openai.com/v{i}')\n" for i in range(size)
    )


@pytest.fixture(autouse=True)
def few_values(monkeypatch: pytest.MonkeyPatch) -> None:
    """Up to the bound of values, a name that has n of them costs n at each place: that bound is not what is counted."""
    for module in (fold, values, expressions, naming):
        monkeypatch.setattr(module, "MAX_VALUES", 8)
    monkeypatch.setattr(scope, "_MAX_PER_NAME", 9)


def calls(work: Callable[[], object]) -> int:
    """Return how many functions a piece of work calls, built-in ones included."""
    count = 0

    def tick(_: FrameType, event: str, __: object) -> None:
        nonlocal count
        count += event in {"call", "c_call"}

    sys.setprofile(tick)
    try:
        work()
    finally:
        sys.setprofile(None)
    return count


@pytest.mark.parametrize("shape", [circle, reassigned, ladder, bodies, attributes, classes])
def test_the_work_of_a_python_file_grows_as_the_file(shape: Callable[[int], str]) -> None:
    small, large = shape(SIZE), shape(2 * SIZE)
    python.read("import openai\n", CATALOGUE)  # what is made once is made
    once, twice = calls(lambda: python.read(small, CATALOGUE)), calls(lambda: python.read(large, CATALOGUE))
    assert twice <= 2.6 * once, f"{once:,} calls, then {twice:,}"
    assert twice <= 4_000 * SIZE


def test_the_work_of_a_source_file_grows_as_the_file() -> None:
    def text(size: int) -> str:
        rows = "".join(
            f"let x{i} = x{(i + 1) % size} || x{(i + 7) % size} || x{(i + 3) % size};\n" for i in range(size)
        )
        return (
            'import OpenAI from "openai";\n'
            + rows
            + "".join(f"new OpenAI({{ baseURL: x{i} }});\n" for i in range(size))
        )

    source.read(text(4), "javascript", CATALOGUE)
    once, twice = (calls(lambda n=n: source.read(text(n * SIZE), "javascript", CATALOGUE)) for n in (1, 2))
    assert twice <= 2.6 * once, f"{once:,} calls, then {twice:,}"


def minified(size: int) -> str:
    """A bundle without names: a few letters stand for everything, and each for most of the others."""
    letters = "abcdefghijklmnopqrstuvwx"
    rows = (
        f"function f{i}({letters[i % 24]},{letters[(i * 5 + 1) % 24]}){{"
        f"let {letters[(i * 7 + 2) % 24]}={letters[(i * 11 + 3) % 24]}({letters[(i * 13 + 5) % 24]},"
        f"{letters[(i * 17 + 7) % 24]})||{letters[(i * 19 + 11) % 24]},"
        f"{letters[(i * 3 + 1) % 24]}=`${{{letters[i % 24]}}}/"
        f"${{{letters[(i + 9) % 24]}}}`;return {letters[(i * 7 + 4) % 24]}[{letters[(i + 3) % 24]}]"
        f"={letters[(i * 5 + 6) % 24]}.concat({letters[(i * 23 + 8) % 24]})}}\n"
        for i in range(size)
    )
    return "".join(rows)


def test_the_work_of_a_bundle_without_names_grows_as_the_file() -> None:
    source.read(minified(4), "javascript", CATALOGUE)
    once, twice = (calls(lambda n=n: source.read(minified(n * SIZE), "javascript", CATALOGUE)) for n in (2, 4))
    assert twice <= 2.6 * once, f"{once:,} calls, then {twice:,}"
    assert twice <= 20_000 * SIZE


@pytest.mark.parametrize("text", ["//a " * 60, "// a\n" * 60, "/*a*/ " * 60, "'use strict'; " * 60])
def test_the_beginning_of_a_script_is_told_in_one_way(text: str) -> None:
    """A comment that could end in two places doubles the ways with each one more: sixty never end."""
    assert not readers._SCRIPT.match(text)


def test_a_text_of_very_many_addresses_is_folded_once() -> None:
    class Counted(str):
        __slots__ = ()
        folded = 0

        def lower(self) -> str:
            Counted.folded += 1
            return super().lower()

    text = Counted("https://h.example/v1/messages " * 100)
    for _ in range(100):
        assert not ai_path("/v1/messages", shipped_catalogue(), text)
    assert Counted.folded <= 2
