"""Names that other systems read differently."""

from __future__ import annotations

import pytest

from secpipe.core.names import one_elsewhere, windows_problem


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("config.json", "Config.json"),
        ("Weights/a.bin", "weights/b.bin"),
        ("caf\u00e9.txt", "cafe\u0301.txt"),
        ("STRASSE.txt", "stra\u00dfe.txt"),
        ("\u00c9t\u00e9/a", "e\u0301te\u0301/A"),
    ],
)
def test_two_names_that_are_one_elsewhere(first: str, second: str) -> None:
    assert one_elsewhere(["x", first, "y/z", second]) is not None


def test_honest_names_are_many() -> None:
    names = ["a", "a.txt", "a/b", "a/c", "ab/c", "Model/one", "Model/two", "caf\u00e9/1", "caf\u00e9/2"]
    assert one_elsewhere(names) is None


@pytest.mark.parametrize(
    ("path", "word"),
    [
        ("CON", "CON is a device"),
        ("a/nul.txt", "NUL is a device"),
        ("aux.tar.gz", "AUX"),
        ("com1/weights.bin", "COM1"),
        ("LPT\u00b2", "LPT\u00b2"),
        ("nul .txt", "NUL"),
        ("conout$", "CONOUT$"),
        ("model.bin.", "dot or space"),
        ("a /b", "dot or space"),
        ("model.bin:hidden", "stream"),
        ('a"b', "not allowed"),
        ("a?", "not allowed"),
    ],
)
def test_what_cannot_stand_on_windows(path: str, word: str) -> None:
    assert word in windows_problem(path)


@pytest.mark.parametrize(
    "path", ["console.log", "common.py", "com.txt", "auxiliary/nulls.bin", ".hidden", "a.b/c d.e", "lpt10"]
)
def test_what_can(path: str) -> None:
    assert windows_problem(path) == ""
