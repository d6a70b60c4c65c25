"""`secpipe due`: every dated thing is told with its owner, what is past ends with 1, and law is only told."""

from __future__ import annotations

import dataclasses
import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest
from click.testing import CliRunner

from secpipe.cli.main import root
from secpipe.core.errors import InputError
from secpipe.gate.after.due import Due, of_law, of_policy, of_verdicts, within
from secpipe.gate.policies.policy import Policy
from secpipe.system import places

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
SHOP = Path(__file__).resolve().parents[2] / "examples/policies/shop.toml"


def dated(kind: type, value: Any) -> Any:
    """The dataclass with every date in it set, one item in every list of tables."""
    filled = {}
    for name, hint in get_type_hints(kind).items():
        options = [one for one in (*get_args(hint), hint) if isinstance(one, type)]
        inner = next((one for one in options if dataclasses.is_dataclass(one)), None)
        if date in options:
            filled[name] = value
        elif inner is not None:
            made = dated(inner, value)
            filled[name] = (made,) if get_args(hint) and tuple not in options else made
    return dataclasses.replace(kind(), **filled)


def count(value: Any) -> int:
    """How many dates that end something stand in it, counted without the product's help."""
    if isinstance(value, tuple):
        return sum(map(count, value))
    if not dataclasses.is_dataclass(value):
        return 0
    found = 0
    for field in dataclasses.fields(value):
        inner = getattr(value, field.name)
        found += 1 if isinstance(inner, date) and field.name != "accepted" else count(inner)
    return found


def test_no_date_of_a_policy_is_forgotten() -> None:
    policy = dated(Policy, date(2027, 1, 1))
    told = list(of_policy(policy))
    assert len(told) == count(policy) >= 8
    assert {one.at for one in told} == {datetime(2027, 1, 1, 23, 59, 59, tzinfo=UTC)}


def test_what_is_past_stays_until_it_is_mended_but_not_law() -> None:
    found = [
        Due(NOW + timedelta(days=days), of, str(days)) for of in ("policy", "law") for days in (-400, -1, 1, 44, 46)
    ]
    assert [(one.of, one.what) for one in within(found, NOW, 45)] == [
        ("policy", "-400"), ("policy", "-1"), ("law", "1"), ("policy", "1"), ("law", "44"), ("policy", "44"),
    ]  # fmt: skip


def test_the_newest_verdict_of_a_release_counts() -> None:
    def verdict(at: str, until: str, code: int = 0, environment: str = "prod") -> dict[str, Any]:
        return {"subject": {"name": "a"}, "environment": environment, "at": at, "valid_until": until, "exit_code": code}

    told = list(of_verdicts([
        verdict("2026-11-02T00:00:00Z", "2026-12-02T00:00:00Z"),
        verdict("2026-11-01T00:00:00Z", "2027-01-01T00:00:00Z"),
        verdict("2026-11-03T00:00:00Z", "2028-01-01T00:00:00Z", code=1),
    ]))  # fmt: skip
    assert [one.at.date() for one in told] == [date(2026, 12, 2)]


def test_law_has_a_source_and_a_day_on_which_it_was_read() -> None:
    folder = places.shipped() / "law"
    names = sorted(folder.glob("*.toml"))
    assert [one.stem for one in names] == ["eu-ai-act", "eu-cra"]
    for place in names:
        text = place.read_text()
        assert 'source = "https://' in text
        assert "reviewed = 2026-" in text
        assert list(of_law(place.read_bytes(), place.stem))
    for broken in (
        b"",
        b'schema = "x"',
        b'schema = "secpipe.law/1"\nname="a"\n[[date]]\nat = "soon"\narticle="1"\nwhat="x"',
    ):
        with pytest.raises(InputError):
            list(of_law(broken, "x"))


@pytest.mark.parametrize(("at", "code", "said"), [("2026-11-30", 0, "in 121 d"), ("2027-12-01", 1, "PAST")])
def test_the_command(at: str, code: int, said: str, tmp_path: Path) -> None:
    words = ["due", str(tmp_path), "--policy", str(SHOP), "--within", "1y", "--at", at]
    done = CliRunner().invoke(root, words, standalone_mode=False)
    assert (done.return_value, said in done.output) == (code, True), done.output
    as_json = CliRunner().invoke(root, [*words, "-f", "json"], standalone_mode=False)
    document = json.loads(as_json.output)
    assert document["schema"] == "secpipe.due/1"
    assert {row["of"] for row in document["due"]} >= {"policy"}


@pytest.mark.parametrize("span", ["", "0d", "x", "-3d", "3h", "9999999d"])
def test_an_odd_span_is_wrong_usage(span: str, tmp_path: Path) -> None:
    done = CliRunner().invoke(root, ["due", str(tmp_path), "--within", span], standalone_mode=False)
    assert getattr(done.exception, "exit_code", None) == 2
