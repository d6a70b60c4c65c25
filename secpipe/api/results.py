"""What the Python API returns: frozen, typed, picklable answers that show themselves in a notebook."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NoReturn

from secpipe.core.errors import EXIT_DENY, EXIT_PASS, Denied, Undecided
from secpipe.core.verdict import Decision
from secpipe.report.document import Check, Item, Reason, Report, Unseen

_FRAME = "width:100%;height:32rem;border:0;background:transparent"


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer: what was found, and the exit code that the command would end with.

    It has no truth value: `if answer:` would be true whatever the answer is. Ask `passed`, or call `raise_for_deny`.
    """

    exit_code: int
    report: Report = field(repr=False)
    document: str = field(repr=False)  # the JSON that `to_dict` reads: what is frozen holds nothing that changes

    @property
    def passed(self) -> bool:
        """Whether nothing stands against it and everything was looked at as asked."""
        return self.exit_code == EXIT_PASS

    @property
    def sentence(self) -> str:
        """The answer in one plain sentence."""
        return self.report.sentence

    @property
    def findings(self) -> tuple[Item, ...]:
        """Everything that was found, worst first; of a verdict also what is waived (`effect`)."""
        return self.report.findings

    @property
    def skipped(self) -> tuple[Unseen, ...]:
        """What was not looked at, and why."""
        return self.report.skipped

    def raise_for_deny(self) -> None:
        """Return if it passed; else raise Denied (the answer is no) or Undecided (nothing may be concluded)."""
        if self.passed:
            return
        hint = next((reason.do.text for reason in self.report.reasons if reason.do), "")
        raise (Denied if self.exit_code == EXIT_DENY else Undecided)(self.sentence, hint=hint)

    def to_dict(self) -> dict[str, Any]:
        """Return the document (a verdict, findings) as a value of the caller's own."""
        document: dict[str, Any] = json.loads(self.document)
        return document

    def render(self, form: str = "terminal") -> str:
        """Return it in one of the formats of `--format`; raises ConfigError for another."""
        from secpipe.api.rendering import rendered
        from secpipe.core.foreign import neutral
        from secpipe.report import SINKS

        text = rendered(self.to_dict(), form)
        return neutral(text, SINKS[form])

    def __bool__(self) -> NoReturn:
        raise TypeError("an answer has no truth value: ask .passed, or call .raise_for_deny()")

    def _repr_html_(self) -> str:
        """Return it for a notebook: the sentence, and the HTML report in a frame without scripts or rights."""
        from secpipe.report.text import markup

        page = markup(self.render("html"))
        return f'<p><b>{markup(self.sentence)}</b></p><iframe sandbox="" srcdoc="{page}" style="{_FRAME}"></iframe>'


@dataclass(frozen=True, slots=True)
class Verdict(Answer):
    """The gate's answer. `decision` is `pass`, `warn`, `deny` or `undecided`; the first two have exit code 0."""

    @property
    def decision(self) -> Decision:
        """What is enforced."""
        return Decision(self.report.decision)

    @property
    def reasons(self) -> tuple[Reason, ...]:
        """What stands against a pass, who acts, and what to do."""
        return self.report.reasons

    @property
    def checks(self) -> tuple[Check, ...]:
        """Every check and how it came out, those that were not carried out too."""
        return self.report.checks

    @property
    def self_judged(self) -> bool:
        """Whether policy or trust root came, unpinned, from what was judged."""
        return self.report.self_judged


@dataclass(frozen=True, slots=True)
class Findings(Answer):
    """What a scan, an audit or a verification says of one or several paths."""


def verdict_of(document: Mapping[str, Any]) -> Verdict:
    """Return the public form of a `secpipe.verdict` document, secrets taken out."""
    report, text = _read(document)
    return Verdict(Decision(report.decision).exit_code, report, text)


def findings_of(document: Mapping[str, Any], exit_code: int) -> Findings:
    """Return the public form of a `secpipe.findings/1` document, secrets taken out."""
    report, text = _read(document)
    return Findings(exit_code, report, text)


def _read(document: Mapping[str, Any]) -> tuple[Report, str]:
    from secpipe.report.read import read
    from secpipe.system.redaction import redact_values

    clean = redact_values(document)
    return read(clean), json.dumps(clean, ensure_ascii=False)
