"""Old advisory data, and packages that no feed covers: warned of, undecided, or answered for until a day."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from secpipe.core.artifact import Skip
from secpipe.core.verdict import Decision, Judgement
from secpipe.gate.decide import decide
from secpipe.gate.doing.call import Call
from secpipe.gate.policies import policy_file
from secpipe.gate.policies.policy import Accept, Ledger, Minimum, Policy, Vulnerabilities
from secpipe.gate.verdicts import validity
from secpipe.scan.vulnerabilities import snapshot, uncovered
from secpipe.scan.vulnerabilities.store import Feed
from tests.unit.gate_builders import NOW, clean, ok, situation

RULE = "gate/stale-advisories"
CALL = Call(known=True, policy="p.toml")


def used(day: str, ecosystem: str = "PyPI", embedded: bool = False) -> dict[str, Any]:
    return {"ecosystem": ecosystem, "date": f"{day}T12:00:00Z", "packages": 3, "embedded": embedded}


def judge(policy: Policy, *rows: dict[str, Any], skips: tuple[Skip, ...] = (), unjudged: int = 0) -> Judgement:
    about = {"date": min((row["date"] for row in rows), default="2026-11-20T00:00:00Z"), "used": list(rows)}
    audit = replace(ok("audit", advisories=about, packages=3, unjudged=unjudged), skips=skips)
    return decide(situation(clean(audit=audit), policy, call=CALL))


def policy(*entries: Accept, days: int = 30, until: date | None = None, **rest: Any) -> Policy:
    rules = Vulnerabilities(max_age_days=days, embedded_until=until)
    return replace(Policy(), name="p", owner="sec", vulnerabilities=rules, ledger=Ledger(accept=entries), **rest)


def entry(**rest: Any) -> Accept:
    made = {"checks": ("audit",), "kind": "the advisory data for PyPI is of *",
            "paths": ("advisories/PyPI/2026-10-01",), "most": 1, "bytes": 0,
            "owner": "jane", "reason": "upstream is down", "accepted": date(2026, 11, 20),
            "expires": date(2026, 11, 25)}  # fmt: skip
    return Accept(**(made | rest))


def rules(made: Judgement) -> list[tuple[str, str]]:
    return [(reason.rule, str(reason.effect)) for reason in made.reasons]


@pytest.mark.parametrize(
    ("day", "effects"),
    [
        ("2026-11-21", []),
        ("2026-11-15", []),
        ("2026-11-13", [(RULE, "warn")]),
        ("2026-10-23", [(RULE, "warn")]),
        ("2026-10-22", [(RULE, "warn")]),
        ("2026-10-20", [(RULE, "undecided")]),
    ],
)
def test_data_warns_from_a_week_on_and_decides_nothing_after_a_month(day: str, effects: list[tuple[str, str]]) -> None:
    assert rules(judge(policy(), used(day))) == effects


def test_the_command_that_mends_it_names_the_ecosystem_that_is_too_old() -> None:
    made = judge(policy(), used("2026-11-20"), used("2026-10-01", "npm"))
    assert [reason.do.text for reason in made.reasons if reason.do] == ["secpipe advisories update --ecosystem npm"]
    assert "for npm is of 2026-10-01, 51 days old; the policy allows 30" in made.reasons[0].what


def test_in_warn_mode_old_data_warns() -> None:
    made = judge(policy(mode="warn"), used("2026-10-01"))
    assert (made.decision, made.would_be) == (Decision.WARN, Decision.UNDECIDED)


def test_data_of_the_future_and_below_the_minimum_are_judged_by_each_ecosystem() -> None:
    assert rules(judge(policy(), used("2026-11-20"), used("2026-12-20", "npm"))) == [("gate/clock", "undecided")]
    pinned = policy(minimum=Minimum(advisories=date(2026, 11, 20)))
    assert rules(judge(pinned, used("2026-11-20"), used("2026-11-18", "npm"))) == [(RULE, "undecided")]


def test_a_tree_without_packages_is_judged_by_no_data() -> None:
    assert rules(judge(policy())) == []


@pytest.mark.parametrize(
    ("until", "embedded", "effect"),
    [(date(2026, 11, 21), True, "warn"), (date(2026, 11, 20), True, "undecided"), (None, True, "undecided"),
     (date(2026, 12, 31), False, "undecided")],
)  # fmt: skip
def test_only_what_came_with_secpipe_is_the_named_exception(until: date | None, embedded: bool, effect: str) -> None:
    made = judge(policy(until=until), used("2024-10-10", embedded=embedded))
    assert rules(made) == [(RULE, effect)]
    row = next(check for check in made.checks if check.check == "audit")
    told = "3 of 3 packages judged by data of 2024-10-10"
    assert row.summary == (f"{told}, 1 exception of the policy" if effect == "warn" else told)


def test_no_store_and_no_feed_can_say_that_it_came_with_secpipe() -> None:
    row = snapshot.feed_row(Feed("x", "x", "2024-10-10T00:00:00Z", 1, {"PyPI": "*"}, embedded=True))
    assert not snapshot.feed_of(json.loads(json.dumps({**row, "embedded": True}))).embedded
    assert all(feed.embedded for feed in snapshot.load().feeds)


def test_an_owner_answers_for_old_data_of_one_day_until_another() -> None:
    made = judge(policy(entry()), used("2026-10-01"))
    assert rules(made) == [(RULE, "warn")]
    assert [(one.owner, one.expires, one.paths) for one in made.accepted] == [
        ("jane", "2026-11-25", ("advisories/PyPI/2026-10-01",))
    ]
    what, when = validity.valid_until(made, replace(situation(), policy=policy(entry())), None)
    assert (what, when) > ("", NOW)


@pytest.mark.parametrize(
    "made",
    [
        entry(paths=("advisories/PyPI/2026-10-02",)),  # data of another day
        entry(paths=("advisories/npm/*",)),
        entry(expires=date(2026, 11, 20)),
        entry(accepted=date(2026, 11, 22)),
        entry(kind="the advisory data for npm is of *"),
        entry(checks=("models",)),
    ],
)
def test_nothing_else_answers_for_old_data(made: Accept) -> None:
    assert rules(judge(policy(made), used("2026-10-01"))) == [(RULE, "undecided")]


def test_a_folder_of_the_tree_called_like_the_data_hides_nothing() -> None:
    lost = Skip("advisories/PyPI/2026-10-01", "is damaged: no lock file")
    assert rules(judge(policy(entry()), used("2026-10-01"), skips=(lost,))) == [
        ("gate/incomplete", "undecided"), (RULE, "warn"),
    ]  # fmt: skip


def pods(ecosystem: str, path: str = "ios/Podfile.lock") -> Skip:
    return Skip(path, f"2 packages: {uncovered(ecosystem)} (Alamofire, SDWebImage)")


def test_where_a_feed_is_published_it_is_fetched_and_where_none_is_somebody_answers() -> None:
    fetched = judge(policy(), used("2026-11-20"), skips=(pods("npm", "package-lock.json"),)).reasons[0]
    assert fetched.do is not None
    assert fetched.do.text == "secpipe advisories update --ecosystem npm"
    asked = judge(policy(), used("2026-11-20"), skips=(pods("CocoaPods"),)).reasons[0]
    assert asked.do is not None
    assert asked.do.text == (
        "secpipe accept --policy p.toml --env prod --check audit"
        " --kind '*no advisory feed covers these CocoaPods packages*' --path ios/Podfile.lock --most 1 --bytes 0"
    )


def test_an_acceptance_of_packages_without_a_feed_holds_for_that_list_alone() -> None:
    given = entry(kind=f"*{uncovered('CocoaPods')}*", paths=("ios/Podfile.lock",))
    made = judge(policy(given), used("2026-11-20"), skips=(pods("CocoaPods"),), unjudged=2)
    assert made.decision is Decision.PASS
    row = next(check for check in made.checks if check.check == "audit")
    assert row.summary == "3 of 5 packages judged by data of yesterday, 1 exception of the policy"
    for other in (pods("CocoaPods", "mac/Podfile.lock"), pods("npm")):
        assert judge(policy(given), used("2026-11-20"), skips=(other,)).decision is Decision.UNDECIDED


def test_the_shipped_baseline_asks_for_data_of_this_month(tmp_path: Path) -> None:
    shipped = policy_file.load("builtin:baseline").resolve("prod")
    assert shipped.vulnerabilities.max_age_days == 30
    assert "undecided" in dict(rules(judge(shipped, used("2026-10-01")))).values()
    assert rules(judge(shipped, used("2024-10-10", embedded=True))) == [(RULE, "warn")]
    assert {field.name for field in dataclasses.fields(Vulnerabilities)} >= {"embedded_until"}
