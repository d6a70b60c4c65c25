"""Settings, from the environment."""

import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Settings:
    chat_model: str = os.environ.get("ACME_CHAT_MODEL", "gpt-4.1-mini")
    embedding_model: str = os.environ.get("ACME_EMBEDDING_MODEL", "text-embedding-3-small")
    qdrant_url: str = os.environ.get("QDRANT_URL", "http://qdrant:6333")
    collection: str = os.environ.get("QDRANT_COLLECTION", "support-articles")
    ticket_url: str = os.environ.get("ACME_TICKETS", "http://tickets.support.svc:8000")
    models: Path = Path(os.environ.get("ACME_MODELS", "models"))
    prompts: Path = Path(os.environ.get("ACME_PROMPTS", "prompts"))


SETTINGS = Settings()
