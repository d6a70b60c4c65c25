"""What a provenance says, read strictly: a predicate of a wrong shape is refused, never half read."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secpipe.sign.provenance import facts
from secpipe.sign.refusal import Refused


def made(**rest: Any) -> dict[str, Any]:
    definition = {"buildType": "x", **rest}
    return {"buildDefinition": definition, "runDetails": {"builder": {"id": "https://ci.example"}}}


def roles(**rest: Any) -> dict[str, list[str]]:
    return {item["uri"]: item["roles"] for item in facts(made(**rest))["materials"]}


def dependency(uri: str, **rest: Any) -> dict[str, Any]:
    return {"resolvedDependencies": [{"uri": uri, **rest}]}


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (dependency("git+https://x/y"), ["source"]),
        (dependency("https://x/y", digest={"gitCommit": "0" * 40}), ["source"]),
        (dependency("pkg:huggingface/a/b"), ["base-model"]),
        (dependency("pkg:huggingface/datasets/a/b"), ["dataset"]),
        (dependency("pkg:pypi/torch@2"), ["package"]),
        (dependency("pkg:generic/weights"), ["other"]),
        (dependency("https://x/w.bin"), ["other"]),
        (dependency("https://x/w.bin", annotations={"role": "base-model"}), ["base-model"]),
        (dependency("https://x/w.bin", name="dataset"), ["dataset"]),
        # Nobody can call weights a library, nor hide what a URI looks like behind another role.
        (dependency("https://x/w.bin", annotations={"role": "package"}), ["other"]),
        (dependency("pkg:huggingface/a/b", annotations={"role": "package"}), ["base-model"]),
        (dependency("pkg:huggingface/a/b", annotations={"role": "dataset"}), ["dataset", "base-model"]),
        (dependency("git+https://hf/a/b", annotations={"role": "base-model"}), ["base-model", "source"]),
    ],
)
def test_roles(row: dict[str, Any], expected: list[str]) -> None:
    assert list(roles(**row).values()) == [expected]


def test_parameters_name_materials_too_and_an_empty_list_says_there_is_none() -> None:
    parameters = {
        "source": "git+https://x/y",
        "base_models": [],
        "datasets": [{"uri": "s3://b/k", "digest": {"sha256": "0"}}],
        "workflow": {"repository": "https://github.com/o/r", "ref": "refs/heads/main"},
        "seed": None,
    }
    found = facts(made(externalParameters=parameters, internalParameters={"sampler": {"seed": 1}}))
    assert found["declared"] == ["base-model", "dataset", "source"]
    uris = {item["uri"] for item in found["materials"]}
    assert uris == {"git+https://x/y", "s3://b/k", "https://github.com/o/r@refs/heads/main"}
    assert "seed" not in found["inputs"]
    assert {"sampler", "sampler.seed", "base_models"} <= set(found["inputs"])


@pytest.mark.parametrize(
    "rest",
    [
        {"externalParameters": []},
        {"externalParameters": {"source": 7}},
        {"externalParameters": {"datasets": ["x" * 2001]}},
        {"resolvedDependencies": {"uri": "x"}},
        {"resolvedDependencies": ["x"]},
        {"resolvedDependencies": [{"uri": ["x"]}]},
        {"resolvedDependencies": [{"uri": "x", "digest": "sha256:0"}]},
        {"resolvedDependencies": [{"uri": f"https://x/{number}"} for number in range(5_001)]},
        {"externalParameters": {str(number): 1 for number in range(2_001)}},
        {"externalParameters": {"datasets": [f"https://x/{number}" for number in range(5_001)]}},
    ],
)
def test_what_is_no_provenance_is_refused(rest: dict[str, Any]) -> None:
    with pytest.raises(Refused):
        facts(made(**rest))


@pytest.mark.parametrize(
    "details", [{"builder": "x"}, {"builder": {"id": 7}}, [], None, {"builder": {"id": "x" * 3000}}]
)
def test_a_builder_is_a_text(details: Any) -> None:
    with pytest.raises(Refused):
        facts({"buildDefinition": {}, "runDetails": details})


json_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from(["uri", "digest", "name", "annotations", "role", "source", "datasets", "workflow", "repository",
                         "ref", "id", "builder"]), inner, max_size=3),
    max_leaves=12,
)  # fmt: skip


@given(json_values, json_values, json_values, json_values)
def test_any_json_is_read_or_refused(first: Any, second: Any, third: Any, fourth: Any) -> None:
    definition = {"externalParameters": first, "internalParameters": second, "resolvedDependencies": third}
    for predicate in (
        {"buildDefinition": definition, "runDetails": fourth},
        {"buildDefinition": first, "runDetails": third},
    ):
        try:
            found = facts(predicate)
        except Refused:
            continue
        assert set(found) == {"builder", "materials", "declared", "inputs"}
