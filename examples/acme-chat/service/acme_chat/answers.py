"""Answers from the hosted model, over the articles that were found."""

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from openai import OpenAI

from acme_chat.config import SETTINGS
from acme_chat.retrieval import Article

client = OpenAI()
templates = Environment(loader=FileSystemLoader(SETTINGS.prompts), undefined=StrictUndefined, autoescape=False)


def answer(question: str, articles: list[Article]) -> str:
    """Return the model's answer; the prompt is a reviewed file, never text from the customer."""
    system = templates.get_template("support.md.j2").render(articles=articles)
    reply = client.chat.completions.create(
        model=SETTINGS.chat_model,
        messages=[{"role": "system", "content": system}, {"role": "user", "content": question}],
        temperature=0.2,
        max_tokens=400,
    )
    return reply.choices[0].message.content or ""
