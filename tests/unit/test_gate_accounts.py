"""No check is clean without an account of what it looked at (docs/spec/ledger.md)."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from secpipe.core.artifact import Skip
from secpipe.core.evidence import Evidence, State
from secpipe.core.inventory import Inventory
from secpipe.core.ledger import Account, Tally, Thing
from secpipe.core.verdict import Decision
from secpipe.gate.accounts import EVERY_FILE, MUST_ACCOUNT, accounted
from secpipe.gate.decide import decide
from secpipe.gate.pipeline import check
from secpipe.gate.policies.policy import Policy
from secpipe.gate.request import Request
from secpipe.sbom.collect import collect
from secpipe.system.tree import walk
from tests.unit.gate_builders import NOW, clean, ok, situation

#: It gives no account yet; where one is given it must balance all the same.
NOT_YET: set[str] = set()


def _files(count: int, **rest: int) -> Account:
    return Account((Tally(Thing.FILE, {"a reader": count} if count else {}, **rest),))


@pytest.mark.parametrize("name", [*MUST_ACCOUNT, "attestation:bias"])
def test_evidence_without_an_account_is_unknown(name: str) -> None:
    made = accounted(Evidence(name, State.OK), 3)
    assert (made.state, made.reason) == (State.SKIPPED, "the check gave no account of what it looked at")


@pytest.mark.parametrize("name", EVERY_FILE)
def test_a_file_that_an_account_leaves_out_makes_the_check_unknown(name: str) -> None:
    assert accounted(Evidence(name, State.OK, account=_files(2)), 3).state is State.SKIPPED
    assert accounted(Evidence(name, State.OK, account=_files(3)), 3).state is State.OK


def test_what_failed_stays_failed_without_an_account() -> None:
    assert accounted(Evidence("sbom", State.FAILED, "not valid"), 3).state is State.FAILED


def _inventory(folder: Path, **files: str) -> Inventory:
    for name, text in files.items():
        (folder / name.replace("__", ".")).write_text(text)
    return collect(walk(folder))


def test_every_live_check_accounts_for_every_file(tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_text("idna==3.7\n")
    (tmp_path / "main.py").write_text("print(1)\n")
    (tmp_path / "link.py").symlink_to("main.py")
    (tmp_path / "gone.py").symlink_to("nowhere")
    outcome = check(Request(path=tmp_path, now=NOW, environment="prod"))
    for name in {*MUST_ACCOUNT, *EVERY_FILE} - NOT_YET - {"signatures", "audit"}:
        account = outcome.record.evidence[name].account
        assert account is not None, name
        assert account.of(Thing.FILE).total >= 2, name
    assert outcome.record.evidence["signatures"].account == Account()
    assert outcome.record.evidence["audit"].account is not None


def test_the_sbom_names_the_manifest_that_nobody_reads(tmp_path: Path) -> None:
    found = _inventory(tmp_path, bun__lock='{\n "a": ["left-pad@1.0.0"]\n}', main__py="")
    assert found.account is not None
    tally = found.account.of(Thing.FILE)
    assert (tally.total, tally.not_read, sum(tally.cannot.values())) == (2, 1, 1)


def test_a_manifest_without_a_lock_file_that_nobody_reads_is_told_and_one_with_it_is_not(tmp_path: Path) -> None:
    alone = _inventory(tmp_path, Gemfile='gem "rails"\n')
    assert [(skip.path, skip.soft) for skip in alone.skipped] == [("Gemfile", True)]
    locked = _inventory(tmp_path, Gemfile__lock="GEM\n  specs:\n    rails (7.1.0)\n\nDEPENDENCIES\n  rails\n")
    assert locked.skipped == ()


def test_lock_entries_are_counted_by_their_reader(tmp_path: Path) -> None:
    found = _inventory(tmp_path, requirements__txt="idna==3.7\nurllib3==2.2.1\n")
    assert found.account is not None
    assert found.account.of(Thing.ENTRY).judged == {"requirements": 2}
    assert found.account.of(Thing.FILE).judged == {"requirements": 1}


def _audit(judged: int, lost: int) -> Evidence:
    tally = Tally(Thing.COMPONENT, {"a feed": judged} if judged else {}, not_read=lost)
    skip = Skip("requirements.txt", f"{lost} packages: without an exact version nothing can be looked up", True)
    return replace(ok("audit", packages=judged, unjudged=lost), skips=(skip,), account=Account((tally,)))


def test_nothing_judged_of_many_is_never_a_pass() -> None:
    lenient = replace(Policy(), name="test", owner="sec")
    assert decide(situation(clean(audit=_audit(0, 2)), lenient)).decision is Decision.UNDECIDED
    assert decide(situation(clean(audit=_audit(2, 1)), lenient)).decision is Decision.WARN


def test_checks_without_an_account_are_the_ones_listed_here() -> None:
    assert set(EVERY_FILE) - set(MUST_ACCOUNT) == NOT_YET


def test_what_was_left_out_is_told_with_whose_word_it_was(tmp_path: Path) -> None:
    for name in ("main.py", "vendor/x.py", ".git/config"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("")
    document = check(Request(path=tmp_path, now=NOW, environment="prod", exclude=("vendor",))).document
    told = {one["path"]: (one["reason"], one["by"]) for one in document["left_out"]}
    assert told == {".git": ("git's own store", ""), "vendor": ("left out by --exclude", "--exclude")}


def test_the_row_of_files_claims_that_all_were_read_only_where_they_were() -> None:
    whole = decide(situation()).checks
    part = decide(situation(clean(files=replace(ok("files"), skips=(Skip("a", "cannot be read"),))))).checks
    titles = [next(row.title for row in rows if row.check == "files") for rows in (whole, part)]
    assert titles == ["Every file was opened", "Files that were opened"]
