"""Seeds: the smallest known-bad project of a kind, and its honest twin. Nothing of them is ever executed or loaded."""

from __future__ import annotations

import json
import pickle
from collections.abc import Mapping
from dataclasses import dataclass

Files = Mapping[str, bytes]

#: The part that transformations move and bend; `main` stays where it is and reaches it.
PART = "part"


@dataclass(frozen=True, slots=True)
class Seed:
    """A bad project and its honest twin. `wing` is the check that must object; `part` the file that carries it."""

    name: str
    wing: str
    part: str
    bad: Files
    honest: Files

    @property
    def kind(self) -> str:
        """`code` is imported by `main.py`; `data` is found by what it is."""
        return "code" if self.part.endswith(".py") else "data"


def _code(name: str, bad: str, honest: str) -> Seed:
    main = f"from {PART} import client\n\nclient.ask()\n".encode()
    part = f"{PART}/client.py"
    return Seed(
        name, "shadow-ai", part, {"main.py": main, part: bad.encode()}, {"main.py": main, part: honest.encode()}
    )


def _data(name: str, wing: str, part: str, bad: bytes, honest: bytes) -> Seed:
    main = b"print(1)\n"
    return Seed(name, wing, part, {"main.py": main, part: bad}, {"main.py": main, part: honest})


_ASK = "def ask():\n    return {}\n"
_SDK = "import {0}\n\n" + _ASK.format("{0}.{1}().messages.create(model='m', messages=[])")
_HTTP = "import requests\n\n" + _ASK.format("requests.post('https://{0}/v1/chat/completions', json={{}})")
_CARD = {"chat_template": "{% for m in messages %}{{ m.content }}{% endfor %}"}
_EVIL_CARD = {"chat_template": "{{ ''.__class__.__mro__[1].__subclasses__() }}"}

SEEDS = (
    _code("sdk", _SDK.format("anthropic", "Anthropic"), "def ask():\n    return 1\n"),
    _code("host", _HTTP.format("api.deepseek.com"), _HTTP.format("api.openai.com")),
    _data("pickle", "models", f"{PART}/m.pkl", b"cposix\nsystem\n(S'id'\ntR.", pickle.dumps({"a": [1, 2]}, 2)),
    _data(
        "template", "models", f"{PART}/tokenizer_config.json",
        json.dumps(_EVIL_CARD).encode(), json.dumps(_CARD).encode(),
    ),
    _data("lock", "audit", f"{PART}/requirements.txt", b"jinja2==2.10\n", b"jinja2==3.1.6\n"),
)  # fmt: skip
