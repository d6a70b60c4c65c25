"""Reading cases beside a policy: `FILE.cases.toml`, its evidence in a few lines, and what must be decided."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from secpipe.core.documents import parse_toml
from secpipe.core.errors import ConfigError, InputError
from secpipe.core.finding import RULE_ID
from secpipe.core.limits import DEFAULT
from secpipe.core.text import printable
from secpipe.gate import record as records
from secpipe.gate.policies.policy_places import Path as Keys
from secpipe.gate.policies.policy_places import Places
from secpipe.gate.policies.policy_reader import build, read
from secpipe.gate.policy_cases.case_evidence import changed, clean, moment
from secpipe.gate.policy_cases.case_nouns import SCHEMA, Case, CaseFile
from secpipe.gate.record import Record
from secpipe.gate.request import BUILTIN
from secpipe.system import files, places

ENDINGS = (".cases.toml", ".test.toml")


@dataclass(frozen=True, slots=True)
class Suite:
    """The cases of one file, each with the evidence it judges; `policy` is a file or `builtin:NAME`."""

    source: str
    policy: str
    cases: tuple[tuple[Case, Record], ...] = field(repr=False)


def load(source: Path, policy: str = "") -> Suite:
    """Return the cases in a file. `policy` is the one they are for, unless the file names it. Raises ConfigError."""
    try:
        data = files.read_bytes(source, DEFAULT.text_bytes)
    except InputError as error:
        raise ConfigError(error.message, hint="docs/policy-tests.md") from None
    return parse(data, source, policy)


def parse(data: bytes, source: Path, policy: str = "") -> Suite:
    """Return the cases in a document that stands at `source`; evidence files are looked for beside it."""
    where = Places(data, printable(str(source)))
    try:
        raw = parse_toml(data, where.source)
    except InputError as error:
        raise ConfigError(error.message) from None
    if raw.pop("schema", None) != SCHEMA:
        raise where.error(("schema",), f'schema must be "{SCHEMA}"')
    made: CaseFile = build(CaseFile, read(CaseFile, raw, (), where, ("schema",)))
    if not made.case:
        raise where.error((), "there is no case in it", hint="[[case]]")
    if made.policy and not made.policy.startswith(BUILTIN):
        policy = str(source.parent / made.policy)
    cases = tuple(_case(case, made, index, source.parent, where) for index, case in enumerate(made.case))
    return Suite(where.source, made.policy if made.policy.startswith(BUILTIN) else policy, cases)


def _case(case: Case, made: CaseFile, index: int, folder: Path, where: Places) -> tuple[Case, Record]:
    here: Keys = ("case", index)
    _check(case, here, where)
    at = case.at or made.at
    if case.evidence:
        record = _recorded(folder / case.evidence, where, (*here, "evidence"))
        record = replace(record, at=moment(at) if at else record.at, environment=case.env or record.environment)
    elif at is None:
        raise where.error(here, f'case "{printable(case.name, 60)}" lacks "at"', hint="at = 2026-11-21T12:00:00Z")
    else:
        record = clean(moment(at), case.env or made.env)
    return case, changed(case, record)


def _check(case: Case, here: Keys, where: Places) -> None:
    """Raise ConfigError for what no single key can say is missing."""
    if not case.name:
        raise where.error(here, 'a case lacks "name"')
    if not case.expect.decision:
        hint = 'expect = { decision = "pass" }'
        raise where.error(here, f'case "{printable(case.name, 60)}" expects nothing', hint=hint)
    for number, one in enumerate(case.finding):
        if not RULE_ID.fullmatch(one.rule) or not one.check:
            raise where.error((*here, "finding", number), "a finding names its check and its rule")
    for name, check in case.checks.items():
        if check.state not in ("ok", "absent") and not check.reason:
            what = f'"{printable(name, 60)}" is {check.state} for no reason'
            raise where.error((*here, "checks", name), what, hint='reason = "..."')


def _recorded(path: Path, where: Places, keys: Keys) -> Record:
    try:
        return records.before_agents(
            records.decode(files.read_bytes(path, DEFAULT.document_bytes), printable(path.name))
        )
    except InputError as error:
        raise where.error(keys, error.message, hint=error.hint) from None


def locate(sources: Sequence[str], here: Path) -> list[tuple[Path, str]]:
    """Return (file of cases, policy it is for) of every source: a policy, `builtin:NAME`, or a file of cases.

    Without any, all files of cases in the folder `here`. Raises ConfigError where there is none.
    """
    if not sources:
        found = sorted(path for ending in ENDINGS for path in here.glob(f"*{ending}"))
        if not found:
            raise ConfigError("there are no cases here", hint="secpipe policy test FILE.cases.toml")
        return [(path, _sibling(path)) for path in found]
    return [_locate(source) for source in sources]


def _locate(source: str) -> tuple[Path, str]:
    if source.startswith(BUILTIN):
        name = source.removeprefix(BUILTIN)
        place = places.shipped() / "cases" / f"{name}.cases.toml"
        if not re.fullmatch(r"[a-z0-9-]+", name) or not place.is_file():
            raise ConfigError(f"there are no cases for {printable(source, 60)}", hint="secpipe policy test FILE")
        return place, source
    path = Path(source)
    if path.name.endswith(ENDINGS):
        return path, _sibling(path)
    beside = [path.with_name(path.stem + ending) for ending in ENDINGS]
    found = next((place for place in beside if place.is_file()), None)
    if found is None:
        names = " or ".join(place.name for place in beside)
        raise ConfigError(f"there are no cases beside {printable(source, 200)}", hint=f"write {printable(names, 200)}")
    return found, source


def _sibling(path: Path) -> str:
    stem = next(path.name.removesuffix(ending) for ending in ENDINGS if path.name.endswith(ending))
    return str(path.with_name(f"{stem}.toml"))
