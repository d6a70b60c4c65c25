"""A verdict in lines for people."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from secpipe.core import times
from secpipe.core.errors import SecpipeError
from secpipe.core.text import plural, printable
from secpipe.gate.verdicts import override, signed, vsa
from secpipe.gate.verdicts.acceptance import Answer
from secpipe.gate.verdicts.vsa import Summary
from secpipe.sign.statement import Statement
from secpipe.sign.verdicts import as_written
from secpipe.system import files

_SHOWN = 5


def described(told: Summary, statement: Statement, folder: Path) -> list[str]:
    """Return what a signed verdict says, as written, and the overrides beside it."""
    lines = ["as written; `secpipe verdict verify` says whether it holds", *facts(told, statement.name)]
    lines += [f"  digest      dirHash:{statement.digests['dirHash']}"]
    for name in files.names(folder):
        if name.startswith("override.") and name.endswith(".att.json") and ".pqc." not in name:
            lines += _override(folder, name)
    return lines


def facts(told: Summary, name: str) -> list[str]:
    """Return the lines that say what was judged, by whom, on what, until when."""
    result = vsa.PASSED if told.passed else vsa.FAILED
    how = f"{told.decision}{', self-judged' if told.self_judged else ''}{', warn only' if told.mode == 'warn' else ''}"
    lines = [
        f"{result} for {printable(told.environment)} ({how}): {printable(name)}",
        f"  verifier    {printable(told.verifier)}, secpipe {printable(told.version)}",
        f"  given       {times.rfc3339(told.at)}",
        f"  holds until {times.rfc3339(told.valid_until)} ({printable(told.because)})",
        f"  resource    {printable(told.resource)}",
        f"  policy      {printable(told.policy_name)}, sha256:{told.policy}",
        f"  evidence    sha256:{told.evidence}",
        f"  verdict     sha256:{told.verdict}",
    ]
    if told.trust:
        lines.append(f"  trust       root {told.trust.root_version}, ring {told.trust.ring_version}")
    lines.append(f"  advisories  {printable(told.advisories) or 'none'}")
    lines.append(f"  verified    {printable(', '.join(told.levels))}")
    if told.left_out:
        lines.append(f"  left out    {_some([printable(path, 80) for path in told.left_out])}")
    if told.artifacts:
        lines.append(f"  holds       {plural(len(told.artifacts), 'artifact')}")
        lines += [f"    {printable(path, 80)}  {name}:{value}" for path, name, value in told.artifacts[:_SHOWN]]
    return lines


def grown(paths: tuple[str, ...]) -> list[str]:
    """Return the line that names files which became executable since the verdict, which signs their bytes alone."""
    told = f"{plural(len(paths), 'file')} since the verdict: {_some([printable(path, 80) for path in paths])}"
    return [f"  made executable  {told}"] if paths else []


def document(answer: Answer, about: signed.About, at: str, *, simulated: bool) -> dict[str, Any]:
    """Return the answer as `secpipe.verdict-answer/1`."""
    held, let = answer.verdict, answer.overridden
    results = {0: "passed", 1: "blocked", 3: "undecided"}
    return {
        "schema": "secpipe.verdict-answer/1",
        "at": at,
        "simulated": simulated,
        "environment": printable(answer.environment),
        "digest": {"dirHash": about.digest} | ({"sha256": about.image} if about.image else {}),
        "result": "overridden" if let else results[answer.exit_code],
        "exit_code": answer.exit_code,
        "code": answer.code,
        "sentence": printable(answer.sentence),
        "overridden": let is not None,
        "override": {"holders": list(let.holders), **override.fields_of(let.grant)} if let else None,
        "verdict": None
        if held is None
        else {
            "name": printable(held.name),
            "identity": held.identity.name,
            "key_version": held.key_version,
            "entry": printable(str(held.folder)),
            "made_executable": [printable(path) for path in about.made_executable(held.summary)],
            "predicate": vsa.predicate(held.summary),
        },
    }


def _override(folder: Path, name: str) -> list[str]:
    try:
        _, statement = as_written(signed.bundles(folder, name.removesuffix(".att.json")).popitem()[1][1], name)
        one, holder = override.read(statement.predicate, name)
    except (SecpipeError, KeyError) as error:
        return [f"  override    {printable(name)} cannot be read: {printable(str(error), 200)}"]
    return [f"  override    by {holder}", *grant(one)]


def grant(one: override.Grant) -> list[str]:
    """Return what people sign when they override."""
    return [
        f"    for         {printable(one.environment)}, verdict sha256:{one.verdict}",
        f"    from        {times.rfc3339(one.not_before)} until {times.rfc3339(one.not_after)}",
        f"    reason      {printable(one.reason)}",
        f"    nonce       {one.nonce}",
    ]


def _some(words: list[str]) -> str:
    more = f" and {len(words) - _SHOWN:,} more" if len(words) > _SHOWN else ""
    return ", ".join(words[:_SHOWN]) + more
