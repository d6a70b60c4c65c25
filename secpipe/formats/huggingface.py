"""What a Hugging Face repository says in its text files: card, config, adapter, tokenizer."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from secpipe.core import shape
from secpipe.core.documents import parse_json
from secpipe.core.errors import InputError
from secpipe.core.limits import DEFAULT, KIB, Limits
from secpipe.formats.coding import as_utf8
from secpipe.formats.problem import Problem

_FRONT = re.compile(r"\A\ufeff?---[ \t]*\r?\n(.*?)^---[ \t]*\r?$", re.DOTALL | re.MULTILINE)
_FRONT_BYTES = 256 * KIB
_HEADING = re.compile(r"^(#{1,6})[ \t]+(.{1,200}?)[ \t#]*$", re.MULTILINE)
_SECTION_CHARS = 1200
#: What the hub's templates of cards hold where nobody wrote anything, and their list of facts.
_BLANK = "[More Information Needed]"
_BULLET = re.compile(
    r"^[-*][ \t]+\*\*([^*\n]{1,60}?)(?:[ \t]*\[optional\])?:?\*\*:?[ \t]*([^\n]{1,1200})$", re.MULTILINE
)
_UNFILLED = re.compile(r"(?:[-*]\s+\*\*[^*]{1,60}\*\*:?\s*)+")


@dataclass(frozen=True, slots=True)
class Metric:
    """One result of a card's model-index."""

    kind: str
    value: str
    dataset: str = ""
    task: str = ""


@dataclass(frozen=True, slots=True)
class Card:
    """A model or dataset card: `front` is its YAML head, `sections` heading (lower case) -> text."""

    front: Mapping[str, Any] = field(default_factory=dict)
    sections: Mapping[str, str] = field(default_factory=dict)
    title: str = ""
    problems: tuple[Problem, ...] = ()

    def texts(self, key: str) -> tuple[str, ...]:
        """Return what stands under `key` as texts, whether it is one value or a list; nested values are left out."""
        value = self.front.get(key)
        items = value if isinstance(value, list) else [value]
        return tuple(str(item) for item in items if isinstance(item, str | int | float) and not isinstance(item, bool))

    def text(self, key: str) -> str:
        """Return the first text under `key`, or ""."""
        return next(iter(self.texts(key)), "")

    def section(self, *words: str) -> str:
        """Return the first section whose heading holds one of `words`, or ""."""
        return next((text for head, text in self.sections.items() if any(word in head for word in words)), "")

    @property
    def is_dataset(self) -> bool:
        """Tell whether the card describes a dataset rather than a model."""
        front = self.front
        if "dataset_info" in front or "configs" in front:
            return True
        return "task_categories" in front and not {"pipeline_tag", "library_name", "base_model"} & set(front)

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """The results under `model-index`."""
        found = []
        for model in shape.tables(self.front.get("model-index")):
            for result in shape.tables(model.get("results")):
                dataset, task = (_name_of(result.get(key)) for key in ("dataset", "task"))
                for metric in shape.tables(result.get("metrics")):
                    if isinstance(metric.get("value"), int | float | str):
                        kind = str(metric.get("type") or metric.get("name") or "")
                        found.append(Metric(kind, str(metric["value"]), dataset, task))
        return tuple(found)

    @property
    def index_name(self) -> str:
        """The name of the first model under `model-index`, or ""."""
        return next((shape.text(model.get("name")) for model in shape.tables(self.front.get("model-index"))), "")

    @property
    def emissions(self) -> Mapping[str, Any]:
        """`co2_eq_emissions` as a table; a bare number is its `emissions` (grams of CO2 equivalent)."""
        value = self.front.get("co2_eq_emissions")
        if isinstance(value, int | float) and not isinstance(value, bool):
            return {"emissions": value}
        return value if isinstance(value, dict) else {}


@dataclass(frozen=True, slots=True)
class Config:
    """config.json of a transformers model."""

    model_type: str = ""
    architectures: tuple[str, ...] = ()
    dtype: str = ""
    quantization: str = ""
    context_length: int = 0
    vocabulary: int = 0
    name_or_path: str = ""
    remote_code: tuple[str, ...] = ()  # what `auto_map` names: code of the repository that a loader would run
    table: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Adapter:
    """adapter_config.json of a PEFT adapter."""

    base: str = ""
    revision: str = ""
    kind: str = ""
    rank: int = 0
    task: str = ""


def read_card(data: bytes, limits: Limits = DEFAULT) -> Card:
    """Read a README.md; a head that is not sound YAML is a problem of the value, never an error."""
    from secpipe.formats.yaml import parse_yaml

    text = as_utf8(data[: limits.text_bytes]).decode("utf-8", "replace")
    found = _FRONT.match(text)
    problems: list[Problem] = []
    front: Any = {}
    if found is not None:
        head = found[1].encode()
        if len(head) > _FRONT_BYTES:
            problems.append(Problem("front-matter", f"the card's head is larger than {_FRONT_BYTES:,} bytes", 0, True))
        else:
            try:
                documents = parse_yaml(head, "the card's head", limits)
                front = documents[0] if documents else {}
            except InputError as error:
                problems.append(Problem("front-matter", error.message, 0, True))
        if front is None:
            front = {}
        if not isinstance(front, dict):
            problems.append(Problem("front-matter", "the card's head is not a table", 0, True))
            front = {}
    body = text[found.end() :] if found else text
    title, sections = _sections(body)
    front = {str(key): value for key, value in front.items()}
    if front.get("model-index") and not shape.tables(front["model-index"]):
        problems.append(Problem("model-index", "model-index is not a list of tables", 0))
    return Card(front, sections, title, tuple(problems))


def read_config(data: bytes, limits: Limits = DEFAULT) -> Config:
    """Read a config.json; raises InputError where it is no JSON table."""
    table = _table(data, "config.json", limits)
    text = table.get("text_config")
    both = {**text, **table} if isinstance(text, dict) else table
    quantization = table.get("quantization_config")
    method = ""
    if isinstance(quantization, dict):
        bits = quantization.get("bits") or next((n for n in (4, 8) if quantization.get(f"load_in_{n}bit")), "")
        method = " ".join(
            str(part) for part in (quantization.get("quant_method"), f"{bits}-bit" if bits else "") if part
        )
    auto = table.get("auto_map")
    return Config(
        shape.text(table.get("model_type")),
        _words(table.get("architectures")),
        shape.text(both.get("torch_dtype") or both.get("dtype")),
        method,
        _count(both.get("max_position_embeddings") or both.get("n_positions") or both.get("max_seq_len")),
        _count(both.get("vocab_size")),
        shape.text(table.get("_name_or_path")),
        tuple(sorted(str(value) for value in auto.values())) if isinstance(auto, dict) else (),
        table,
    )


def read_adapter(data: bytes, limits: Limits = DEFAULT) -> Adapter:
    """Read an adapter_config.json; raises InputError where it is no JSON table."""
    table = _table(data, "adapter_config.json", limits)
    return Adapter(
        shape.text(table.get("base_model_name_or_path")),
        shape.text(table.get("revision")),
        shape.text(table.get("peft_type")),
        _count(table.get("r")),
        shape.text(table.get("task_type")),
    )


def read_templates(data: bytes, limits: Limits = DEFAULT) -> dict[str, str]:
    """Return the chat templates of a tokenizer_config.json or chat_template.json by name; a lone one is `default`."""
    value = _table(data, "tokenizer_config.json", limits).get("chat_template")
    if isinstance(value, str):
        return {"default": value}
    found = {}
    for item in shape.tables(value):
        if isinstance(item.get("template"), str):
            found[shape.text(item.get("name")) or "default"] = str(item["template"])
    return found


def _sections(body: str) -> tuple[str, dict[str, str]]:
    heads = list(_HEADING.finditer(body))
    sections: dict[str, str] = {}
    title = ""
    for index, head in enumerate(heads):
        end = heads[index + 1].start() if index + 1 < len(heads) else len(body)
        title = title or (head[2] if head[1] == "#" else "")
        text = " ".join(re.sub(r"<!--.*?(?:-->|\Z)", "", body[head.end() : end], flags=re.DOTALL).split())
        text = text.replace(_BLANK, "").strip()
        if text and not _UNFILLED.fullmatch(text):
            sections.setdefault(head[2].lower(), text[:_SECTION_CHARS])
    for bullet in _BULLET.finditer(body):  # the hub's template: `- **Developed by:** ...`
        text = re.sub(r"<!--.*?-->", "", bullet[2]).replace(_BLANK, "").strip()
        if text:
            sections.setdefault(bullet[1].lower(), text[:_SECTION_CHARS])
    return title, sections


def _table(data: bytes, what: str, limits: Limits) -> dict[str, Any]:
    value = parse_json(data, what, limits)
    if not isinstance(value, dict):
        raise InputError(f"{what} is not a table")
    return value


def _name_of(value: Any) -> str:
    return str(value.get("name") or value.get("type") or "") if isinstance(value, dict) else ""


def _words(value: Any) -> tuple[str, ...]:
    return tuple(shape.texts(value if isinstance(value, list) else [value]))


def _count(value: Any) -> int:
    return value if type(value) is int and value > 0 else 0
