"""`exec:` custody: sign with the transit engine of OpenBao or Vault over its HTTP API. Needs Python only.

secpipe keys custody builder "exec:python3 /usr/local/lib/vault_transit.py https://vault.example:8200/v1/transit/sign/builder /run/vault-token" ...
The message comes on stdin, algorithm and keyid as the last two arguments, the raw signature goes to stdout. The token
lies in a file, so that it never stands in a list of processes. ECDSA P-256 and P-384 and Ed25519.
"""  # noqa: E501  # a command to be pasted

import base64
import json
import sys
import urllib.request

HASHES = {"ecdsa-p256": "sha2-256", "ecdsa-p384": "sha2-384", "ed25519": ""}


def main() -> None:
    """Sign stdin."""
    address, token_file, algorithm, _ = sys.argv[1:]
    if algorithm not in HASHES:
        sys.exit(f"the transit engine signs no {algorithm}")
    asked = {"input": base64.b64encode(sys.stdin.buffer.read()).decode()}
    if HASHES[algorithm]:
        asked |= {"hash_algorithm": HASHES[algorithm], "marshaling_algorithm": "asn1"}
    with open(token_file, encoding="ascii") as file:
        headers = {"X-Vault-Token": file.read().strip(), "Content-Type": "application/json"}
    request = urllib.request.Request(address, json.dumps(asked).encode(), headers)
    with urllib.request.urlopen(request, timeout=30) as answer:
        text = json.load(answer)["data"]["signature"]
    sys.stdout.buffer.write(base64.b64decode(text.rpartition(":")[2]))  # vault:v1:BASE64


main()
