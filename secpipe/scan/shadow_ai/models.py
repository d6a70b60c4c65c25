"""Model strings: `anthropic/claude-...`, `openai:gpt-4o`, `gpt-4o`; who serves them, and whether a text is one at
all.
"""

from __future__ import annotations

import re

from secpipe.scan.shadow_ai.catalogue import Catalogue

_STRING = re.compile(
    r"(?P<prefix>@?[A-Za-z][\w.-]{1,30})(?P<mark>[/:])(?P<rest>[A-Za-z0-9@][\w.:@-]{1,80}(?:/[\w.:@-]{1,80}){0,3})"
)
_FILE = re.compile(r"\.(?:py|js|ts|go|json|ya?ml|md|txt|html?|css|png|svg|git|sh|toml|proto|tf|ipynb)$", re.I)
#: Routers stand in front of another prefix: `openrouter/anthropic/claude-3.5-sonnet` goes to OpenRouter.
#: Prefixes that are also folders, organisations or words; they need a parameter name that says "model".
_AMBIGUOUS = frozenset(
    [
        "github",
        "azure",
        "bedrock",
        "hf",
        "together",
        "oci",
        "vertexai",
        "stability",
        "writer",
        "replicate",
        "meta_llama",
        "fireworks",
        "databricks",
        "openai",
        "xinference",
        "vllm",
        "huggingface",
        "localai",
        "perplexity",
        "cohere",
        "mistral",
        "gemini",
        "groq",
        "heroku",
        "nebius",
        "novita",
        "hyperbolic",
        "featherless_ai",
        "nscale",
        "galadriel",
        "predibase",
        "clarifai",
        "sagemaker",
        "snowflake",
        "cloudflare",
        "baseten",
        "v0",
        "morph",
        "aiml",
        "wandb",
        "llamafile",
        "infinity",
        "triton",
        "assemblyai",
        "elevenlabs",
        "deepgram",
        "recraft",
        "scaleway",
        "siliconflow",
        "ovhcloud",
        "sap",
    ]
)


def provider_of(text: str, catalogue: Catalogue, *, key: bool) -> str:
    """Return the provider a model string names, or "".

    `key` says that the text stands where a model is expected (`model=`, `model:`). Without that, a prefix counts only
    if what follows it is a known model: `openai/gpt-4o` is one, the repository `openai/gym` is not.
    """
    match = _STRING.fullmatch(text)
    if match and not _FILE.search(text):
        prefix, rest = match["prefix"].lower(), match["rest"]
        owner = (
            catalogue.prefixes.get(f"{prefix}/", "")
            or (match["mark"] == ":" and catalogue.prefixes.get(f"{prefix}:", ""))
            or ""
        )
        maker = catalogue.signals["organisations"].get(prefix, "") if key and rest.islower() else ""
        if not owner and maker and catalogue.model_owner(rest) == maker:
            return str(maker)
        if owner:
            # The last part of `bedrock/us-east-1/anthropic.claude-v2` is the model; routers nest prefixes.
            known = bool(catalogue.model_owner(rest) or catalogue.model_owner(rest.rpartition("/")[2]))
            if known or key:
                return owner
            if prefix not in _AMBIGUOUS and match["mark"] == "/" and any(char.isdigit() for char in rest):
                return owner
    if key and is_model_name(text):
        return catalogue.model_owner(text)
    return ""


def is_model_name(text: str) -> bool:
    """Whether a text has the shape of a model's name: one word of moderate length."""
    return 2 <= len(text) <= 120 and not any(char.isspace() for char in text) and "://" not in text
