"""The first screen of a terminal: the answer, what must change and the command that does it, the account."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sized
from typing import Any

from secpipe.core.text import plural
from secpipe.report.document import CHANGE, VERDICTS, Reason, Report
from secpipe.report.doing import told
from secpipe.report.read import read
from secpipe.report.terminal import DECISION, word_of
from secpipe.report.terminal import render as whole
from secpipe.report.text import COLUMNS, Paint, hanging, painter, wrap

#: Lines of a screen, and how many of them the end takes with the next command below it.
SCREEN, END = 24, 12
_BOLD, _DIM = "1", "2"
_OWNERS = 3
#: Results of checks, what matters most first.
_WORST = ("BLOCKED", "UNDECIDED", "NOT CHECKED", "warning", "passed", "not asked for")


def render(document: Mapping[str, Any], *, color: bool = False) -> str:
    """Return the first screen of a verdict; of everything else, and of one that is explained, what `terminal` says.

    At least one reason is shown, then as many as fit into 24 lines; how many are not shown is always said.
    """
    if document.get("schema") not in VERDICTS or "explanation" in document:
        return whole(document, color=color)
    report, paint = read(document), painter(color)
    lines = [paint(line, f"{_BOLD};{DECISION[report.decision]}") for line in wrap(report.sentence, COLUMNS)]
    lines.append("")
    shown, against = 0, (*report.of_effect("deny"), *report.of_effect("undecided"))
    apart = len(report.of_effect("deny"))  # where those begin of which nothing is known
    for reason in against:
        block = [paint("Could not be decided:", _BOLD)] * (shown == apart) + list(_reason(shown + 1, reason, paint))
        if shown and len(lines) + len(block) > SCREEN - END:
            break
        lines += block
        shown += 1
    if left := len(against) - shown:
        lines.append(paint(f"    and {left:,} more: secpipe check --audience engineer", _DIM))
    return "\n".join([*lines, *[""] * bool(against), *_end(report, paint)]) + "\n"


def _reason(number: int, reason: Reason, paint: Paint) -> Iterator[str]:
    lead = f"{number}.".rjust(3) + " "
    first, *rest = wrap(reason.said, COLUMNS - len(lead))
    yield lead + paint(first, _BOLD)
    yield from ("    " + paint(line, _BOLD) for line in rest)
    yield from told(reason.do, "    ", paint)


def _end(report: Report, paint: Paint) -> Iterator[str]:
    counts = Counter(sorted((word_of(check) for check in report.checks), key=lambda one: _WORST.index(one[0])))
    rows = [
        ("who", _who(report)),
        ("checks", ", ".join(f"{count} {paint(word, code)}" for (word, code), count in counts.items())),
        ("looked at", _looked(report)),
        (
            "judged by",
            f"{report.policy.partition(',')[0]} for {report.environment}, {report.mode} mode{_trust(report)}",
        ),
        ("valid", f"until {report.valid_until}, for exactly these files" if report.may == "yes" else ""),
        (
            "new",
            "" if report.schema == CHANGE else "not compared: --diff BRANCH, or --baseline FILE with --baseline-ref",
        ),
        ("more", f"{_warned(report)}every check: --audience engineer; as a page: -f html=FILE"),
    ]
    for name, said in rows:
        if said:
            yield from hanging(f"{name:<10} ", said) if "\x1b" not in said else [f"{name:<10} {said}"]


def _who(report: Report) -> str:
    against = report.of_effect("deny", "undecided")
    owners = Counter(reason.owner or "nobody is named" for reason in against)
    told_ = [f"{owner} ({plural(count, 'thing')})" for owner, count in owners.most_common(_OWNERS)]
    told_ += [f"{len(owners) - _OWNERS} more"] * (len(owners) > _OWNERS)
    return f"{', '.join(told_)}; why: secpipe explain {against[0].rule}" if against else ""


def _warned(report: Report) -> str:
    known = len(report.of_effect("warn"))
    return f"{plural(known, 'thing')} worth knowing, and " if known else ""


def _trust(report: Report) -> str:
    return (", self-judged: pin policy and trust root" if report.self_judged else "") + (
        f", SIMULATED as of {report.at}" if report.simulated else ""
    )


def _looked(report: Report) -> str:
    files = report.subject.partition(",")[2].partition(",")[0].strip() or "everything"
    said = [files]
    if report.skipped:
        first = report.skipped[0]
        said.append(f"NOT READ: {plural(len(report.skipped), 'place')}, first {first.path or 'all'}: {first.reason}")
    if report.left_out:
        said.append(f"left out: {', '.join(one.path for one in report.left_out[:_OWNERS])}" + _more(report.left_out))
    said += [f"accepted unread: {plural(len(report.accepted), 'entry', 'entries')}"] * bool(report.accepted)
    return "; ".join(said if len(said) > 1 else [files, "all of it was read"])


def _more(paths: Sized) -> str:
    return f" and {len(paths) - _OWNERS:,} more" if len(paths) > _OWNERS else ""
