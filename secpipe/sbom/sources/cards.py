"""What a model or dataset card declares, as facts; every one of them is its author's word."""

from __future__ import annotations

import json
from typing import Any

from secpipe.core.inventory import Fact, declared
from secpipe.formats.huggingface import Card


def card_facts(card: Card, path: str) -> dict[str, Fact]:
    """Return the facts of a card, declared by `path`."""
    metrics = [
        {"type": item.kind, "value": item.value, "dataset": item.dataset, "task": item.task} for item in card.metrics
    ]
    emissions = card.emissions
    return declared(
        path,
        {
            "title": card.title,
            "index-name": card.index_name,
            "license": _license(card),
            "license-link": card.text("license_link"),
            "base-model": "\n".join(card.texts("base_model")),
            "base-model-relation": card.text("base_model_relation"),
            "datasets": "\n".join(card.texts("datasets")),
            "language": " ".join(_languages(card)),
            "task": card.text("pipeline_tag") or " ".join(card.texts("task_categories")),
            "library": card.text("library_name"),
            "tags": " ".join(card.texts("tags")),
            "supplier": card.text("author")
            or card.text("organization")
            or card.section("developed by", "curated by", "shared by"),
            "description": card.section(
                "model description", "model summary", "dataset summary", "description", "overview"
            ),
            "intended-use": card.section("intended use", "direct use", "intended", "uses"),
            "limitations": card.section("limitation", "bias, risks", "out-of-scope"),
            "training": card.section("training procedure", "training data", "training"),
            "metrics": json.dumps(metrics, sort_keys=True) if metrics else "",
            "co2-grams": _number(emissions.get("emissions")),
            "energy-kwh": _number(emissions.get("energy_consumed")) or _number(emissions.get("energy_kwh")),
            "cost-usd": _number(emissions.get("cost_usd")) or _number(card.front.get("training_cost_usd")),
            "co2-source": str(emissions.get("source") or ""),
            "hardware": str(emissions.get("hardware_used") or ""),
            "training-location": str(emissions.get("geographical_location") or ""),
            "size-category": card.text("size_categories"),
        },
    )


def _languages(card: Card) -> list[str]:
    """YAML 1.1 reads `no` (Norwegian) as false."""
    value = card.front.get("language")
    items = value if isinstance(value, list) else [value]
    return ["no" if item is False else item for item in items if item is False or isinstance(item, str)]


def _license(card: Card) -> str:
    words = card.texts("license")
    if words == ("other",) and card.text("license_name"):
        return card.text("license_name")
    return "\n".join(words)


def _number(value: Any) -> str:
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else ""
