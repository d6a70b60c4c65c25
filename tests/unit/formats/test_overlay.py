"""Layers over each other: what a container sees, what is hidden, and that nothing leaves the image."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secpipe.core.errors import InputError
from secpipe.formats.overlay import Overlay, Placed, inside


def layered(*layers: dict[str, str]) -> Overlay:
    """Put layers over each other: a text is a file's content, `-> X` a link, `dir` a folder, `wh` a whiteout."""
    image = Overlay()
    token = 0
    for number, layer in enumerate(layers, 1):
        image.begin(number)
        for path, what in layer.items():
            if what == "wh":
                assert image.whiteout(path)
            elif what == "dir":
                image.folder(path)
            elif what.startswith("-> "):
                image.put(Placed(path, number, target=what[3:]))
            else:
                token += 1
                image.put(Placed(path, number, token))
    return image


def seen(image: Overlay) -> dict[str, int]:
    """Return path -> layer of what a container sees."""
    return {one.path: one.layer for one in image.files()}


def hidden(image: Overlay) -> list[tuple[int, str]]:
    """Return (layer, path) of what ships and is not seen."""
    return sorted((one.layer, one.path) for one in image.hidden)


def test_a_later_layer_hides_an_earlier_one() -> None:
    image = layered({"a": "1", "d/b": "1"}, {"a": "2"})
    assert (seen(image), hidden(image)) == ({"a": 2, "d/b": 1}, [(1, "a")])


def test_a_whiteout_hides_a_file_and_a_folder() -> None:
    image = layered({"a": "1", "d/b": "1", "d/e/f": "1"}, {".wh.a": "wh", ".wh.d": "wh"})
    assert (seen(image), hidden(image)) == ({}, [(1, "a"), (1, "d/b"), (1, "d/e/f")])


def test_an_opaque_folder_hides_lower_layers_alone_whatever_the_order() -> None:
    image = layered({"d/a": "1", "d/s/b": "1"}, {"d/c": "2", "d/s/n": "2", "d/.wh..wh..opq": "wh"})
    assert (seen(image), hidden(image)) == ({"d/c": 2, "d/s/n": 2}, [(1, "d/a"), (1, "d/s/b")])


def test_what_is_written_through_a_link_lands_where_it_leads() -> None:
    image = layered({"usr/lib/x": "1", "lib": "-> usr/lib"}, {"lib/x": "2", "lib/y": "2"})
    assert seen(image) == {"usr/lib/x": 2, "usr/lib/y": 2, "lib": 1}
    assert hidden(image) == [(1, "usr/lib/x")]


def test_a_folder_replaces_a_link_and_a_file_in_its_place() -> None:
    image = layered({"a": "-> b", "b/x": "1", "f": "1"}, {"a": "dir", "a/y": "2", "f/z": "2"})
    assert seen(image) == {"a/y": 2, "b/x": 1, "f/z": 2}
    assert (1, "f") in hidden(image)


@pytest.mark.parametrize(
    ("target", "leads"),
    [("x", "d/x"), ("../t", "t"), ("/t", "t"), ("/../../t", "t"), ("gone", None), ("l", None), ("/", ""), ("m", "t")],
)
def test_links_are_resolved_inside_the_image(target: str, leads: str | None) -> None:
    image = layered({"d/x": "1", "t": "1", "d/m": "-> ../t", "d/l": f"-> {target}"})
    (link,) = [one for one in image.files() if one.path == "d/l"]
    assert image.leads(link) == leads


def test_a_circle_of_links_takes_no_file() -> None:
    image = layered({"a": "-> b", "b": "-> a"})
    with pytest.raises(InputError):
        image.put(Placed("a/x", 1, 9))


@pytest.mark.parametrize("name", ["../x", "a/../../x", "a/.."])
def test_a_name_that_leaves_the_image_is_refused(name: str) -> None:
    with pytest.raises(InputError):
        inside(name)


@pytest.mark.parametrize(("name", "path"), [("./a//b/", "a/b"), ("/etc/x", "etc/x"), (".", "")])
def test_names_are_paths_of_the_image(name: str, path: str) -> None:
    assert inside(name) == path


_NAMES = st.lists(st.sampled_from(["a", "b", "c", ".wh.a", ".wh.b", ".wh..wh..opq", ".."]), min_size=1, max_size=4)
_WHAT = st.one_of(st.just("file"), st.just("dir"), st.sampled_from(["-> /a", "-> b", "-> ../c", "-> a/b", "-> ."]))


@given(st.lists(st.lists(st.tuples(_NAMES, _WHAT), max_size=8), max_size=4))
def test_no_content_is_lost(layers: list[list[tuple[list[str], str]]]) -> None:
    """Whatever the layers do, each file that came is seen or hidden, once."""
    image, put = Overlay(), set()
    for number, layer in enumerate(layers, 1):
        image.begin(number)
        for parts, what in layer:
            try:
                path = inside("/".join(parts))
                if not path or image.whiteout(path):
                    continue
                if what == "dir":
                    image.folder(path)
                elif what.startswith("->"):
                    image.put(Placed(path, number, target=what[3:]))
                else:
                    image.put(Placed(path, number, len(put) + 1))
                    put.add(len(put) + 1)
            except InputError:
                continue
    found = [one.token for one in (*image.files(), *image.hidden) if one.token >= 0]
    assert sorted(found) == sorted(put)
    assert not any(".." in one.path.split("/") for one in image.files())
