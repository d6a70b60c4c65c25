"""`exec:` custody: sign with AWS KMS through its own command line. Needs Python and `aws`; holds no key itself.

secpipe keys custody builder "exec:python3 /usr/local/lib/aws_kms.py alias/builder" ...
The message comes on stdin, algorithm and keyid as the last two arguments, the raw signature goes to stdout.
Credentials and region are the command line's own (~/.aws). ECDSA signs a digest and ML-DSA an external mu (FIPS 204
section 6.2), since KMS takes messages of 4 KiB at most.
"""

import base64
import hashlib
import os
import subprocess
import sys
import tempfile

RAW_PUBLIC = {"ml-dsa-44": 1312, "ml-dsa-65": 1952, "ml-dsa-87": 2592}
DIGESTS = {"ecdsa-p256": ("ECDSA_SHA_256", "sha256"), "ecdsa-p384": ("ECDSA_SHA_384", "sha384")}


def aws(*words: str) -> bytes:
    """Run `aws kms ...` and return the bytes that it prints in base64."""
    done = subprocess.run(["aws", "kms", *words, "--output", "text"], check=True, capture_output=True)
    return base64.b64decode(done.stdout)


def external_mu(key: str, algorithm: str, message: bytes) -> bytes:
    """Return what ML-DSA signs: SHAKE256(SHAKE256(public key) || 0 || 0 || message), with an empty context."""
    public = aws("get-public-key", "--key-id", key, "--query", "PublicKey")[-RAW_PUBLIC[algorithm] :]
    return hashlib.shake_256(hashlib.shake_256(public).digest(64) + b"\0\0" + message).digest(64)


def main() -> None:
    """Sign stdin."""
    key, algorithm, _ = sys.argv[1:]
    message = sys.stdin.buffer.read()
    if algorithm in DIGESTS:
        name, digest = DIGESTS[algorithm]
        kind, data = "DIGEST", hashlib.new(digest, message).digest()
    elif algorithm in RAW_PUBLIC:
        name, kind, data = "ML_DSA_SHAKE_256", "EXTERNAL_MU", external_mu(key, algorithm, message)
    else:
        sys.exit(f"AWS KMS signs no {algorithm}")
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "message")
        with open(path, "wb") as file:
            file.write(data)
        words = ("--key-id", key, "--message-type", kind, "--signing-algorithm", name, "--message", f"fileb://{path}")
        sys.stdout.buffer.write(aws("sign", *words, "--query", "Signature"))


main()
