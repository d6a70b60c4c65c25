"""The ledger: every thing ends in exactly one way, and what nobody settled is not read."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secpipe.core.artifact import Skip
from secpipe.core.bounds import Bound
from secpipe.core.ledger import NOBODY, Account, Ledger, Tally, Thing, thing_of

NAMES = ["a", "b", "c/d", ""]
STEPS = st.lists(st.tuples(st.sampled_from(["judged", "text", "cannot", "not"]), st.sampled_from(NAMES)))


def act(ledger: Ledger, step: str, name: str) -> None:
    acts = {
        "judged": lambda: ledger.judged(Thing.FILE, name, "python"),
        "text": lambda: ledger.judged_as_text(Thing.FILE, name, "no parser for it"),
        "cannot": lambda: ledger.cannot_hold(Thing.FILE, name, "image"),
        "not": lambda: ledger.not_read(Thing.FILE, name, "too deep"),
    }
    acts[step]()


@given(STEPS)
def test_every_thing_ends_once_and_the_worst_word_stays(steps: list[tuple[str, str]]) -> None:
    ledger = Ledger()
    ledger.open(Thing.FILE, *NAMES)
    for step, name in steps:
        act(ledger, step, name)
    account, skips = ledger.close()
    tally = account.of(Thing.FILE)
    assert tally.total == len(NAMES)
    said = {name: {step for step, of in steps if of == name} for name in NAMES}
    unread = {name for name in NAMES if "not" in said[name] or not said[name]}
    assert tally.not_read == len(unread) == len({skip.path for skip in skips})
    as_text = {name for name in NAMES if name not in unread and "text" in said[name] and "judged" not in said[name]}
    assert {skip.path for skip in account.shallow} == as_text
    assert tally.text == len(as_text)
    assert tally.judged.get("python", 0) == sum("judged" in said[name] and name not in unread for name in NAMES)
    assert tally.cannot.get("image", 0) == sum(said[name] == {"cannot"} for name in NAMES)


def test_what_nobody_settled_is_not_read() -> None:
    ledger = Ledger()
    ledger.open(Thing.MEMBER, "a.zip!x")
    assert ledger.is_open(Thing.MEMBER, "a.zip!x")
    account, skips = ledger.close()
    assert account.not_read == 1
    assert skips == (Skip("a.zip!x", NOBODY),)


def test_settling_what_was_never_opened_is_a_defect() -> None:
    with pytest.raises(KeyError):
        Ledger().judged(Thing.FILE, "never", "python")


def test_two_things_of_one_name_are_two() -> None:
    ledger = Ledger()
    ledger.open(Thing.FILE, "x")
    ledger.open(Thing.LINK, "x")
    ledger.judged(Thing.FILE, "x", "text")
    account, _ = ledger.close()
    assert (account.of(Thing.FILE).not_read, account.of(Thing.LINK).not_read) == (0, 1)


def test_accounts_add_up() -> None:
    parts = []
    for reader in ("python", "go"):
        ledger = Ledger()
        ledger.open(Thing.FILE, "x", "y")
        ledger.judged(Thing.FILE, "x", reader)
        parts.append(ledger.close()[0])
    both = parts[0] + parts[1]
    assert both.of(Thing.FILE).total == 4
    assert both.to_dict()["things"]["file"] == {
        "total": 4, "judged": {"go": 1, "python": 1}, "cannot_hold": {}, "not_read": 2, "text_only": 0,
    }  # fmt: skip
    assert (Account() + both) == both


def test_a_bound_tells_once_that_it_cut() -> None:
    told: list[str] = []
    bound = Bound(2, "values", told.append)
    assert list(bound.first("abc")) == ["a", "b"]
    assert not bound.allows()
    assert told == ["more than 2 values"]
    exact: list[str] = []
    assert list(Bound(3, "values", exact.append).first("abc")) == ["a", "b", "c"]
    assert not exact


def test_tallies_add_up_in_every_row() -> None:
    one = Tally(Thing.LINK, {"python": 1, "yaml": 2}, {"image": 1}, not_read=2, text=1)
    other = Tally(Thing.LINK, {"python": 3}, {"image": 4, "font": 1}, not_read=3, text=1)
    assert one + other == Tally(Thing.LINK, {"python": 4, "yaml": 2}, {"image": 5, "font": 1}, not_read=5, text=2)


def test_what_was_judged_as_text_stays_known_in_a_sum_and_says_if_it_ships() -> None:
    mine, theirs = (Account((), (Skip(name, "no parser", soft=soft),)) for name, soft in (("a", False), ("b", True)))
    assert (mine + theirs).to_dict()["text_only"] == [
        {"path": "a", "reason": "no parser", "ships": True},
        {"path": "b", "reason": "no parser", "ships": False},
    ]


def test_things_settled_as_they_are_met_keep_how_they_ended_before() -> None:
    ledger = Ledger()
    ledger.open(Thing.ENTRY, "a", "b")
    ledger.not_read(Thing.ENTRY, "a", "too deep")
    ledger.judged(Thing.ENTRY, "b", "python")
    ledger.all_judged(Thing.ENTRY, ["a", "b", "c"], "lock")
    ledger.none_can_hold(Thing.ENTRY, ["b", "c", "d"], "image")
    account, _ = ledger.close()
    assert account.tallies == (Tally(Thing.ENTRY, {"python": 1, "lock": 1}, {"image": 1}, not_read=1),)


def _shallow(*ships: bool | None) -> tuple[Skip, ...]:
    ledger = Ledger()
    ledger.open(Thing.FILE, "a")
    for one in ships:
        if one is None:
            ledger.judged_as_text(Thing.FILE, "a", "no parser")
        else:
            ledger.judged_as_text(Thing.FILE, "a", "no parser", ships=one)
    return ledger.close()[0].shallow


def test_text_that_ships_once_ships() -> None:
    ships, stays = (Skip("a", "no parser", soft=soft) for soft in (False, True))
    assert _shallow(None) == _shallow(True) == (ships,)
    assert _shallow(False) == _shallow(False, False) == (stays,)
    assert _shallow(False, True) == _shallow(False, None) == _shallow(True, False) == (ships,)


def test_text_says_nothing_more_of_what_a_parser_read_or_nobody_could() -> None:
    for settle in (Ledger.judged, Ledger.not_read):
        for ships in (False, True):
            ledger = Ledger()
            ledger.open(Thing.FILE, "a", "b")
            settle(ledger, Thing.FILE, "a", "python")
            ledger.judged_as_text(Thing.FILE, "a", "no parser", ships=ships)
            ledger.judged_as_text(Thing.FILE, "b", "no parser", ships=False)
            assert [skip.path for skip in ledger.close()[0].shallow] == ["b"]


def test_what_is_not_read_says_whether_it_could_be_read() -> None:
    ledger = Ledger()
    ledger.open(Thing.ENTRY, "a", "b")
    ledger.not_read(Thing.ENTRY, "a", "has no version", soft=True)
    ledger.not_read(Thing.ENTRY, "b", "is broken")
    assert ledger.close()[1] == (Skip("a", "has no version", soft=True), Skip("b", "is broken"))


@pytest.mark.parametrize(
    ("reason", "thing"),
    [("a submodule without its files", Thing.SUBMODULE), ("link to nothing", Thing.LINK), ("a link to it", Thing.FILE)],
)
def test_a_skip_of_the_walk_is_about_a_thing(reason: str, thing: Thing) -> None:
    assert thing_of(Skip("a", reason)) is thing
