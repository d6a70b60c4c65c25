"""What the server counts, in the text form that Prometheus reads (exposition format 0.0.4)."""

from __future__ import annotations

from collections import Counter
from datetime import datetime

from secpipe.serve.loading import holds
from secpipe.serve.shelf import Shelf

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Metrics:
    """Counters of one server. Labels are our own words: nothing that a client sends becomes one."""

    def __init__(self) -> None:
        self.answers: Counter[tuple[str, str]] = Counter()
        self.refused: Counter[str] = Counter()
        self.reloads: Counter[str] = Counter()
        self.seconds = 0.0
        self.load_seconds = 0.0

    def text(self, shelf: Shelf, now: datetime) -> str:
        """Return all of it."""
        answers = sorted(self.answers.items())
        rows: list[tuple[str, str, str, list[tuple[str, float]]]] = [
            ("secpipe_answers_total", "counter", "Answers by door and result.", [
                (f'{{door="{door}",result="{result}"}}', count) for (door, result), count in answers
            ]),
            ("secpipe_refused_total", "counter", "Requests that were not answered, by reason.", [
                (f'{{reason="{reason}"}}', count) for reason, count in sorted(self.refused.items())
            ]),
            ("secpipe_answer_seconds_total", "counter", "Seconds spent on answers.", [("", self.seconds)]),
            ("secpipe_reloads_total", "counter", "Loads of trust and verdicts, by result.", [
                (f'{{result="{result}"}}', count) for result, count in sorted(self.reloads.items())
            ]),
            ("secpipe_load_seconds", "gauge", "How long the last load took.", [("", self.load_seconds)]),
            ("secpipe_verdicts", "gauge", "Signed verdicts held in memory.", [
                ('{state="held"}', holds(shelf)), ('{state="broken"}', len(shelf.kept) - holds(shelf)),
            ]),
            ("secpipe_age_seconds", "gauge", "Since the verdicts were last looked at.", [
                ("", (now - shelf.loaded).total_seconds())
            ]),
            ("secpipe_ring_version", "gauge", "Version of the keyring.", [("", shelf.rules.trust.ring_version)]),
            ("secpipe_ready", "gauge", "1 where answers can be a yes.", [("", int(not shelf.stale(now)))]),
        ]  # fmt: skip
        lines = []
        for name, kind, about, values in rows:
            lines += [f"# HELP {name} {about}", f"# TYPE {name} {kind}"]
            lines += [f"{name}{labels} {value}" for labels, value in values]
        return "\n".join(lines) + "\n"
