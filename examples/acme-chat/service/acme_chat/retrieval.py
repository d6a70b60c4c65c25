"""Finding the articles that answer a question: vectors from Qdrant, then the local reranker."""

from dataclasses import dataclass

import numpy as np
import onnxruntime
from openai import OpenAI
from qdrant_client import QdrantClient

from acme_chat.config import SETTINGS

embedder = OpenAI()
store = QdrantClient(url=SETTINGS.qdrant_url)
reranker = onnxruntime.InferenceSession(str(SETTINGS.models / "reranker" / "reranker.onnx"))


@dataclass(frozen=True)
class Article:
    title: str
    text: str


def embed(text: str) -> list[float]:
    """Return the vector of a text."""
    return embedder.embeddings.create(model=SETTINGS.embedding_model, input=text).data[0].embedding


def find(question: str, count: int = 3) -> list[Article]:
    """Return the best articles, best first."""
    hits = store.query_points(SETTINGS.collection, query=embed(question), limit=20).points
    if not hits:
        return []
    features = np.array([[hit.score, len(hit.payload["text"]), 1.0, 0.0] for hit in hits], dtype=np.float32)
    scores = reranker.run(["score"], {"features": features})[0]
    order = sorted(range(len(hits)), key=lambda index: -float(scores[index][0]))
    return [Article(hits[index].payload["title"], hits[index].payload["text"]) for index in order[:count]]
