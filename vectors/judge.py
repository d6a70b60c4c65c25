"""What secpipe's own verifier, the Python one, says of a case of the vectors."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

from secpipe.core import times
from secpipe.core.errors import SecpipeError, TrustError
from secpipe.core.refusals import code_of, result_of
from secpipe.core.trust import Trust
from secpipe.gate.policies.policy import Minimum, Policy, Verdicts
from secpipe.gate.verdicts.acceptance import Wanted, accept
from secpipe.gate.verdicts.signed import About, attempt, names
from secpipe.keystore.trust_bundle import open_bundle
from secpipe.log import entry, proof
from secpipe.log.trusted import trusted
from secpipe.sign.verify import verify_artifact
from secpipe.system.tree import open_tree

HERE = Path(__file__).resolve().parent
Case = Mapping[str, Any]


class Files:
    """The files that cases name: those in the folder, or others put in their place."""

    def __init__(self, changed: Mapping[str, bytes] | None = None) -> None:
        self.changed = changed or {}

    def __call__(self, name: str | list[str]) -> bytes:
        if isinstance(name, list):
            return b"".join(map(self, name))
        return self.changed[name] if name in self.changed else (HERE / name).read_bytes()


def judge(case: Case, files: Files) -> dict[str, str]:
    """Return `{"result": ..., "code": ...}`."""
    code = _CHECKS[case["check"]](case, files)
    return {"result": result_of(code), "code": code}


def _open(case: Case, files: Files) -> Trust | str:
    """Return the trust of a case, or the code by which it is refused."""
    try:
        seen = files(case["seen"]) if "seen" in case else None
        return open_bundle(
            files(case["trust"]), pin=case.get("pin", ""), now=times.instant(case["now"]),
            max_ring_age=case.get("maxRingAge", 0), seen=seen,
        ).trust  # fmt: skip
    except SecpipeError as error:
        return code_of(error, "trust-malformed")


def _trust(case: Case, files: Files) -> str:
    found = _open(case, files)
    return found if isinstance(found, str) else ""


def lay(case: Case, files: Files, folder: Path) -> Path:
    """Put the artifact of a case and its bundles into `folder`, and return its path."""
    path = folder / case["artifact"]
    is_folder = case["form"] == "folder"
    base = path if is_folder else folder
    base.mkdir(exist_ok=True)
    for one in case.get("tree", ()):
        place = base / one["path"]
        place.parent.mkdir(parents=True, exist_ok=True)
        if "link" in one:
            place.symlink_to(one["link"])
        elif "folder" in one:
            place.mkdir(exist_ok=True)
        else:
            place.write_bytes(one["text"].encode("utf-8"))
    named = ("model.sig", "model.pqc.sig") if is_folder else (f"{path.name}.sig", f"{path.name}.pqc.sig")
    for half, name in zip(("classical", "pq"), named, strict=True):
        if half in case.get("bundles", {}):
            pad = case.get("pad", 0) if half == "classical" else 0
            (base / name).write_bytes(files(case["bundles"][half]) + b" " * pad)
    return path


def _artifact(case: Case, files: Files) -> str:
    trust = _open(case, files)
    if isinstance(trust, str):
        return trust
    with tempfile.TemporaryDirectory() as folder:
        path = lay(case, files, Path(folder))
        asked = case.get("demand", {})
        found = verify_artifact(
            path, open_tree(path), trust, now=times.instant(case["now"]), require=asked.get("require", "classical+pq"),
            environment=asked.get("environment", ""), purpose=asked.get("purpose", ""), name=asked.get("name", ""),
            min_version=asked.get("minVersion", ""), ignore=tuple(asked.get("ignore", ())),
        )  # fmt: skip
    facts = found.facts
    first = facts["artifacts"][0] if facts["artifacts"] else facts
    code: str = first.get("refusal", "")
    return code if code or found.state == "ok" else "invalid"


def _verdict(case: Case, files: Files) -> str:
    trust = _open(case, files)
    if isinstance(trust, str):
        return trust
    asked, now = case["asked"], times.instant(case["now"])
    about = About(asked["digest"], asked.get("links"), asked["environment"])
    verdicts = Verdicts(verifiers=tuple(asked.get("verifiers", ())))
    minimum = Minimum(root=asked.get("minRoot", 0), ring=asked.get("minRing", 0))
    age = timedelta(seconds=asked["maxAge"]) if asked.get("maxAge") else None
    wanted = Wanted(
        about, Policy(verdicts=verdicts, minimum=minimum), asked.get("policy", ""), age, asked.get("name", "")
    )
    folder = Path(tempfile.mkdtemp())
    try:
        for half, name in zip(("classical", "pq"), names("vsa"), strict=True):
            if half in case.get("bundles", {}):
                (folder / name).write_bytes(files(case["bundles"][half]))
        found = [attempt(folder, "", about, trust, now)] if case.get("bundles") else []
    finally:
        shutil.rmtree(folder)
    return accept(found, wanted, trust, now).code


def _log(case: Case, files: Files) -> str:
    keys = json.loads(files(case["who"]))
    who = trusted(keys["keys"], keys["witnesses"], case.get("quorum", 0))
    try:
        found = proof.parse(files(case["proof"]) + b" " * case.get("pad", 0), "the proof")
        proof.verify(found, found.extra, who)
        one = entry.parse(found.extra)
        if one.digest != case["digest"]:
            raise TrustError("the proof is about another file", code="other-entry")
    except SecpipeError as error:
        return code_of(error, "log-malformed")
    return ""


_CHECKS = {"trust": _trust, "artifact": _artifact, "verdict": _verdict, "log": _log}
