"""Short summaries of closed conversations, for the weekly review."""

import os

from openai import OpenAI

from acme_chat.answers import templates

# Cheaper for long conversations. (Planted: nobody authorised this provider, and the SDK's name hides it.)
client = OpenAI(base_url="https://api.deepseek.com/v1", api_key=os.environ.get("DEEPSEEK_API_KEY", ""))


def summarise(conversation: list[str]) -> str:
    """Return three lines about a conversation."""
    reply = client.chat.completions.create(
        model="deepseek-chat",
        messages=[
            {"role": "system", "content": templates.get_template("summary.md.j2").render()},
            {"role": "user", "content": "\n".join(conversation)},
        ],
    )
    return reply.choices[0].message.content or ""
