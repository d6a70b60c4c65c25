"""A verdict and the log: it is proven to be logged, and the log knows no newer one on the same release."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from secpipe.core import times
from secpipe.core.errors import EXIT_PASS, EXIT_UNDECIDED, ConfigError, SecpipeError, TrustError
from secpipe.gate.policies.policy import Logging
from secpipe.gate.verdicts.acceptance import Answer
from secpipe.gate.verdicts.signed import About, Held, names
from secpipe.log import beside, journal, trusted
from secpipe.log.entry import Entry
from secpipe.log.folder import Log
from secpipe.log.reader import Reader
from secpipe.log.trusted import Trusted


def held_against(answer: Answer, about: About, rules: Logging, folder: Path | None, what: str) -> Answer:
    """Return the answer as the log leaves it: a yes stays one only where proof and log agree. A no stays a no.

    `what` is how the verdict's bundles are called; `folder` a log at hand, whose newest entry must be this verdict.
    Raises ConfigError where nobody says whose log it is.
    """
    verdict = answer.verdict
    if answer.exit_code != EXIT_PASS or verdict is None or (folder is None and not rules.required):
        return answer
    try:
        if not rules.keys:
            raise ConfigError(
                "the policy names no key of the log", hint="[log] keys = [...]: secpipe log show LOG --keys"
            )
        who = trusted.trusted(rules.keys, rules.witnesses, rules.quorum)
        if rules.required:
            _proven(verdict, about, who, what)
        if folder is not None:
            _newest(verdict, about, who, folder)
    except ConfigError:
        raise
    except SecpipeError as error:
        why = f"the log does not bear the verdict out: {error.message}"
        return replace(answer, exit_code=error.exit_code, why=why, overridden=None)
    except Exception as error:  # a verification that raises anything is no verification
        why = f"the log could not be looked at ({type(error).__name__})"
        return replace(answer, exit_code=EXIT_UNDECIDED, why=why, overridden=None)
    return answer


def _proven(verdict: Held, about: About, who: Trusted, what: str) -> None:
    """Raise TrustError, InputError unless the proof beside the verdict says that it is logged, as what it is."""
    found = beside.verify(verdict.folder / names(what)[0], verdict.digest, who)
    if not _is_about(found.entry, about):
        raise TrustError("the entry is about another release or environment")


def _newest(verdict: Held, about: About, who: Trusted, folder: Path) -> None:
    """Raise where the log's newest verdict on this release is another: somebody took a verdict out of the store."""
    log = Log(folder)
    seen = trusted.check(log.checkpoint(), who)
    waiting = log.waiting()[1] if (folder / journal.NAME).is_file() else []
    newest = beside.newest(Reader(folder, seen.head), about.digest, about.environment, waiting)
    if newest is None:
        raise SecpipeError("the log knows no verdict on this release")
    if newest.digest != verdict.digest:
        raise SecpipeError(
            f"the log knows a verdict of {times.rfc3339(newest.time)} that the store does not hold, or holds as older"
        )


def _is_about(one: Entry, about: About) -> bool:
    return (one.type, one.about.get("release"), one.about.get("environment")) == (
        "verdict",
        about.digest,
        about.environment,
    )
