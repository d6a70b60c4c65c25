"""Pictures of a terminal: well-formed, of the transcript's own words, and nothing in them acts."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from docs.pictures import PICTURES, answers, drawn


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_shows_what_the_transcript_says(name: str) -> None:
    picture = PICTURES[name]
    made = ElementTree.fromstring(drawn(picture))  # our own
    shown = ["".join(one.itertext()) for one in made.iter("{http://www.w3.org/2000/svg}text")]
    for number in picture.commands:
        command, printed = answers(picture.transcript)[number]
        assert f"$ {command}"[:60] in "\n".join(shown)
        assert printed[0][:90] in "\n".join(shown)
    tags = {one.tag.rpartition("}")[2] for one in made.iter()}
    assert tags <= {"svg", "title", "desc", "style", "rect", "g", "text"}


def test_the_first_words_of_the_three_answers() -> None:
    said = [printed[0].split()[0] for _, printed in answers("may-i-publish.txt")]
    assert said == ["NO,", "YES,", "NOT"]
