"""Which team a question belongs to: a table of word weights, trained on closed tickets."""

import joblib

from acme_chat.config import SETTINGS

# A plain dict of names and weights: no class of ours or of anybody else is in the file.
table = joblib.load(SETTINGS.models / "intent" / "intent.joblib")


def team(question: str) -> str:
    """Return the team with the highest score."""
    words = question.lower().split()
    scores = {
        name: bias + sum(weights.get(word, 0.0) for word in words)
        for (name, weights), bias in zip(table["weights"].items(), table["bias"], strict=True)
    }
    return max(scores, key=lambda name: scores[name])
