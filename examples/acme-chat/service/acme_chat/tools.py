"""The article search as a tool for agents: one JSON request a line on stdin, one answer a line on stdout."""

import json
import sys

from acme_chat.retrieval import find


def main() -> None:
    """Serve until stdin ends."""
    for line in sys.stdin:
        request = json.loads(line)
        found = find(request["params"]["question"])
        result = [{"title": article.title, "text": article.text} for article in found]
        print(json.dumps({"jsonrpc": "2.0", "id": request["id"], "result": result}), flush=True)


if __name__ == "__main__":
    main()
