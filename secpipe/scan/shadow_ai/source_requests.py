"""Chat requests posted by hand, in languages without a parser of their own."""

from __future__ import annotations

import re

from secpipe.core.finding import Confidence
from secpipe.scan.shadow_ai.hosts import resolve
from secpipe.scan.shadow_ai.places import destination_signal
from secpipe.scan.shadow_ai.signal import Signal
from secpipe.scan.shadow_ai.source_file import File

_HTTP = {"fetch", "post", "newrequest", "newrequestwithcontext", "request", "postasync", "sendasync",
    "postasjsonasync", "httprequestmessage", "urlrequest", "uri", "axios", "ajax",
         "curl_init", "post_form", "send", "put", "open", "url", "got", "ky", "superagent", "httppost", "baseurl",
         "postjson", "bodyvalue", "got.post", "wp_remote_post"}  # fmt: skip


def raw_call(file: File) -> None:
    """A chat request posted by hand to an address that names no provider."""
    place = _chat_body(file)
    if place is None:
        return
    for position, token in enumerate(file.tokens):
        if (
            token.kind != "word"
            or token.value.lower() not in _HTTP
            or position + 1 >= len(file.tokens)
            or file.tokens[position + 1].value != "("
        ):
            continue
        for value in file.expressions.arguments(position + 1)[0][:3]:
            if value.cut and value.texts:
                file.cut(token, "client", "http", "posts a chat request")
            if value.envs:
                file.out.signals.append(
                    Signal(
                        "client",
                        "http",
                        "",
                        line=token.line,
                        envs=tuple(sorted(value.envs)),
                        evidence=f"posts a chat request to {', '.join(sorted(value.envs))}",
                        confidence=Confidence.HIGH,
                    )
                )
                return
            for item in sorted(value.texts):
                destination = resolve(item, file.catalogue) if "://" in item else None
                if destination is not None:
                    file.out.signals.append(
                        destination_signal(
                            "endpoint",
                            "http",
                            destination,
                            token.line,
                            f"posts a chat request to {destination.host}",
                        )
                    )
                    return


def _chat_body(file: File) -> int | None:
    """Return the line of an object with `model` and `messages`, spelled as keys."""
    keys = {"model": -1, "messages": -1}
    body = re.compile(r"""\\?["']?\b(model|messages)\b\\?["']?\s*(?::|=>|=)""")
    for match in body.finditer(file.lexed.code):
        keys[match[1]] = match.start()
        if min(keys.values()) >= 0 and abs(keys["model"] - keys["messages"]) < 600:
            return file.line_at(match.start())
    return None
