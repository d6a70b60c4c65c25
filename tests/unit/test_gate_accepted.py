"""`[ledger]`: what a policy accepts that nobody read, and that nothing else can be slipped under such an entry."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secpipe.core.artifact import Skip
from secpipe.core.errors import ConfigError
from secpipe.core.evidence import Evidence, State
from secpipe.core.ledger import Account, Ledger, Tally, Thing
from secpipe.core.verdict import Decision, Effect, Judgement
from secpipe.gate.decide import decide
from secpipe.gate.doing.call import Call
from secpipe.gate.pipeline import check
from secpipe.gate.policies import policy as nouns
from secpipe.gate.policies import policy_file
from secpipe.gate.policies.policy import Accept, Policy, Waivers
from secpipe.gate.request import Request
from secpipe.gate.verdicts import validity
from tests.unit.gate_builders import NOW, clean, finding, ok, situation

LOCKED = "is encrypted: nobody can look into it"
DIGEST = "a" * 64


def _entry(**rest: Any) -> Accept:
    made = {"checks": ("models",), "kind": LOCKED, "paths": ("data/**",), "most": 1, "bytes": 10, "owner": "jane",
            "reason": "opened on the device", "accepted": date(2026, 11, 9), "expires": date(2026, 12, 31)}  # fmt: skip
    return Accept(**(made | rest))


def _policy(*entries: Accept, depth: str = "text", **rest: Any) -> Policy:
    return replace(Policy(), name="test", owner="sec", ledger=nouns.Ledger(depth, entries), **rest)


def _judge(policy: Policy, *skips: Skip, check: str = "models", size: int = 10, **rest: Any) -> Judgement:
    files = ok("files", unread={skip.path: [DIGEST, size] for skip in skips})
    unread = replace(ok(check), skips=skips, account=Account((Tally(Thing.FILE, {"x": 1}, not_read=len(skips)),)))
    made: dict[str, Evidence] = {"files": files} | {check.replace("-", "_"): unread}
    return decide(situation(clean(**(made | rest)), policy))


ACCEPT = "secpipe accept --policy p.toml --env prod --check models --kind"
ONE, TWO = Skip("data/a.zip", LOCKED), Skip("data/b.zip", LOCKED)


def test_what_is_accepted_is_told_with_its_age_and_stands_no_more_in_the_way() -> None:
    assert _judge(_policy(), ONE).decision is Decision.UNDECIDED
    made = _judge(_policy(_entry()), ONE)
    assert made.decision is Decision.PASS
    assert made.skipped == ()
    told = made.accepted[0].to_dict()
    assert (told["paths"], told["age_days"], told["things"], told["owner"]) == (["data/a.zip"], 12, 1, "jane")


@pytest.mark.parametrize(
    ("entry", "skips"),
    [
        (_entry(), (ONE, TWO)),  # one more
        (_entry(bytes=9), (ONE,)),  # larger than what was accepted
        (_entry(paths=("data/a.zip",), digests=("sha256:" + "b" * 64,)), (ONE,)),  # other content
        (_entry(paths=("data/b.zip",), digests=(f"sha256:{DIGEST}",)), (ONE,)),  # the same content elsewhere
        (_entry(kind="is a kind that nobody reads"), (ONE,)),
        (_entry(kind="is encrypted"), (ONE,)),  # a kind is not the beginning of one
        (_entry(checks=("shadow-ai",)), (ONE,)),
        (_entry(env=("dev",)), (ONE,)),
        (_entry(expires=date(2026, 11, 20)), (ONE,)),
        (_entry(accepted=date(2026, 11, 22)), (ONE,)),
        (_entry(approved_by="JANE"), (ONE,)),
        (_entry(), (replace(ONE, path=""),)),
        (_entry(paths=("**",), kind="is encrypted*"), (replace(ONE, path="m/model.sig"),)),
        (
            _entry(kind="not analysed: an embedded SBOM*"),
            (Skip("data/x.json", "not analysed: an embedded SBOM that*"),),
        ),
        (_entry(kind="changed while it*"), (Skip("data/x", "changed while it was being read"),)),
    ],
)
def test_an_acceptance_is_not_stretched(entry: Accept, skips: tuple[Skip, ...]) -> None:
    assert _judge(_policy(entry), *skips).decision is Decision.UNDECIDED


def test_two_entries_do_not_add_up() -> None:
    assert _judge(_policy(_entry(), _entry()), ONE, TWO).decision is Decision.UNDECIDED


def test_one_entry_may_settle_the_same_thing_for_several_checks() -> None:
    skips = replace(ok("sbom"), skips=(ONE,))
    assert _judge(_policy(_entry(checks=("models", "sbom"))), ONE, sbom=skips).decision is Decision.PASS


def test_growth_is_told_with_what_was_accepted() -> None:
    told = _judge(_policy(_entry()), ONE, TWO).accepted[0]
    assert told.refused == "asks again: 2 things of 20 bytes match, 1 of 10 bytes were accepted"
    assert told.paths == ()


def test_what_the_policy_says_of_waivers_holds_for_acceptances() -> None:
    for rules in (Waivers(approved=True), Waivers(horizon_days=5), Waivers(signed=True), Waivers(never=("gate/*",))):
        assert _judge(_policy(_entry(), waivers=rules), ONE).decision is Decision.UNDECIDED, rules
    signed = _entry(signed_by="security", approved_by="raj")
    assert _judge(_policy(signed, waivers=Waivers(approved=True, signed=True)), ONE).decision is Decision.PASS


def test_nothing_but_not_read_is_ever_settled() -> None:
    entry = _entry(checks=nouns.ACCEPTS, kind="*is encrypted*", paths=("**",), most=99)
    for other in (
        {
            "audit": replace(
                ok("audit"), findings=(finding("audit", path="data/a.zip", rule="audit/known-vulnerability"),)
            )
        },
        {"signatures": Evidence("signatures", State.FAILED, "data/a.zip: the signature does not hold: is encrypted")},
        {"signatures": replace(ok("signatures"), skips=(ONE,))},
        {"sbom": Evidence("sbom", State.FAILED, "the AI-BOM is not valid: is encrypted")},
        {"shadow_ai": Evidence("shadow-ai", State.SKIPPED, "the check broke (is encrypted)")},
    ):
        assert _judge(_policy(entry), ONE, **other).decision in (Decision.DENY, Decision.UNDECIDED), other


@given(
    st.lists(st.sampled_from(["data/a", "data/b", "c/a", "m.sig", ""]), max_size=6, unique=True),
    st.lists(
        st.builds(_entry, most=st.integers(0, 3), paths=st.sampled_from([("**",), ("data/*",), ("c/a",)])), max_size=3
    ),
    st.sampled_from(["data/z", "c/z", "z"]),
)
def test_one_more_thing_that_nobody_read_never_betters_a_verdict(
    paths: list[str], entries: list[Accept], more: str
) -> None:
    order = [Decision.PASS, Decision.WARN, Decision.UNDECIDED, Decision.DENY]
    skips = [Skip(path, LOCKED) for path in paths]
    before, after = (_judge(_policy(*entries), *some) for some in (skips, [*skips, Skip(more, LOCKED)]))
    assert order.index(after.decision) >= order.index(before.decision)


# Depth ----------------------------------------------------------------------------------------------------------------


def _shallow(ships: bool) -> Evidence:
    ledger = Ledger()
    ledger.open(Thing.FILE, "a.cob")
    ledger.judged_as_text(Thing.FILE, "a.cob", "no parser for this language", ships=ships)
    return replace(ok("shadow-ai"), account=ledger.close()[0])


@pytest.mark.parametrize(("depth", "ships", "decision"), [
    ("text", True, Decision.PASS), ("parsed", False, Decision.PASS), ("parsed", True, Decision.UNDECIDED),
])  # fmt: skip
def test_a_policy_says_how_far_what_ships_must_be_read(depth: str, ships: bool, decision: Decision) -> None:
    assert decide(situation(clean(shadow_ai=_shallow(ships)), _policy(depth=depth))).decision is decision


def test_what_is_reached_by_shipped_code_ships_though_it_was_seen_as_a_label_first() -> None:
    ledger = Ledger()
    ledger.open(Thing.FILE, "tests/a.cob")
    ledger.judged_as_text(Thing.FILE, "tests/a.cob", "no parser", ships=False)
    ledger.judged_as_text(Thing.FILE, "tests/a.cob", "no parser")
    assert [skip.soft for skip in ledger.close()[0].shallow] == [False]


def test_a_program_in_a_language_without_a_parser_is_read_as_text_and_prose_is_not_called_so(tmp_path: Path) -> None:
    line = "call https://api.openai.com/v1/chat/completions\n"
    for name in ("MAIN.cob", "notes.txt", "app.yaml", "tests/x.cob", "run"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("#!/usr/bin/awk -f\n" + line if name == "run" else line)
    (tmp_path / "main.py").write_text("print(1)\n")
    made = check(Request(path=tmp_path, now=NOW, environment="prod")).record.evidence["shadow-ai"].account
    assert made is not None
    assert {skip.path: skip.soft for skip in made.shallow} == {"MAIN.cob": False, "run": False, "tests/x.cob": True}


def test_one_reason_a_kind_and_each_ends_with_the_command_that_accepts_it() -> None:
    skips = [Skip(f"data/{n}.zip", f'member "{n}" of {n} is encrypted') for n in (1, 2)] + [
        Skip("d", "is not readable")
    ]
    call = Call(known=True, policy="p.toml")
    files = ok("files", unread={skip.path: [DIGEST, 5] for skip in skips})
    made = decide(replace(situation(clean(files=files, models=replace(ok("models"), skips=tuple(skips)))), call=call))
    texts = [reason.do.text for reason in made.reasons if reason.do and reason.effect is Effect.UNDECIDED]
    assert texts == [
        f"{ACCEPT} 'member * of * is encrypted' --path data/1.zip --path data/2.zip --digest sha256:{DIGEST}",
        f"{ACCEPT} 'is not readable' --path d --digest sha256:{DIGEST}",
    ]


def test_a_verdict_holds_no_longer_than_what_it_accepts() -> None:
    policy = _policy(_entry(expires=NOW.date()))
    files = ok("files", unread={ONE.path: [DIGEST, 10]})
    asked = situation(clean(files=files, models=replace(ok("models"), skips=(ONE,))), policy)
    assert validity.valid_until(decide(asked), asked, None)[0] == "the acceptance by jane"
    tomorrow = replace(asked, now=NOW + timedelta(days=1))
    assert decide(tomorrow).decision is Decision.UNDECIDED


# The document ---------------------------------------------------------------------------------------------------------

HEAD = 'schema = "secpipe.policy/1"\nname = "t"\nowner = "sec"\nexpires = 2027-06-30\n'
WHO = 'owner = "jane"\nreason = "x"\naccepted = 2026-11-01\nexpires = 2027-03-31\n'


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ('checks = ["models"]\nkind = "**"\npaths = ["*"]\nmost = 1\nbytes = 1\n', "names no kind"),
        ('checks = ["models"]\nkind = "is encrypted"\n', "neither paths nor digests"),
        ('checks = ["models"]\nkind = "is encrypted"\npaths = ["*"]\n', "how many they are and how many bytes"),
        (
            'checks = ["models"]\nkind = "is encrypted"\npaths = ["*"]\nmost = 2\n',
            "how many they are and how many bytes",
        ),
        ('checks = ["models"]\nkind = "is encrypted"\ndigests = ["sha256:abc"]\n', "is no digest"),
        ('checks = ["signatures"]\nkind = "is encrypted"\npaths = ["*"]\n', 'cannot be "signatures"'),
        ('checks = ["models"]\nkind = "is encrypted"\npaths = ["*"]\napproved_by = "Jane"\n', "its own owner"),
        ('kind = "is encrypted"\npaths = ["*"]\n', "lacks checks"),
    ],
)
def test_an_entry_that_could_be_stretched_is_refused_when_it_is_read(body: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        policy_file.parse(f"{HEAD}[[ledger.accept]]\n{WHO}{body}".encode(), "p.toml")


def test_an_environment_cannot_accept_more_than_its_base() -> None:
    body = 'checks = ["models"]\nkind = "is encrypted"\npaths = ["*"]\nmost = 1\nbytes = 1\n'
    entry = f"[[env.prod.ledger.accept]]\n{body}{WHO}"
    with pytest.raises(ConfigError, match="loosens"):
        policy_file.parse(f"{HEAD}{entry}".encode(), "p.toml").resolve("prod")
