"""The HTTP service."""

from typing import Annotated

import requests
from fastapi import FastAPI, Form
from pydantic import BaseModel

from acme_chat import answers, intent, retrieval, summaries
from acme_chat.config import SETTINGS

app = FastAPI(title="acme-chat", version="2.3.0")


class Answer(BaseModel):
    text: str
    sources: list[str]


class Closed(BaseModel):
    messages: list[str]


@app.get("/healthz")
def healthz() -> dict[str, str]:
    return {"status": "ok"}


@app.post("/v1/chat")
def chat(question: Annotated[str, Form(max_length=2000)]) -> Answer:
    """Answer a question; without a matching article a person gets a ticket."""
    articles = retrieval.find(question)
    if not articles:
        ticket = {"team": intent.team(question), "text": question}
        requests.post(f"{SETTINGS.ticket_url}/tickets", json=ticket, timeout=5).raise_for_status()
        return Answer(text="A colleague will write to you today.", sources=[])
    return Answer(text=answers.answer(question, articles), sources=[article.title for article in articles])


@app.post("/v1/summaries")
def summarise(closed: Closed) -> dict[str, str]:
    """Summarise a closed conversation."""
    return {"text": summaries.summarise(closed.messages)}
