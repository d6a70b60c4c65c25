"""`exec:` custody: sign with a key that an SSH agent holds (also a forwarded one, or one in front of a hardware key).

secpipe keys custody builder "exec:python3 /usr/local/lib/ssh_agent.py /run/user/1000/ssh-agent.sock" ...
The message comes on stdin, algorithm and keyid as the last two arguments, the raw signature goes to stdout. The key is
found by its keyid. ECDSA P-256 and P-384 and Ed25519 only: agents know no post-quantum key.
"""

import base64
import hashlib
import socket
import struct
import sys

LIST, LISTED, SIGN, SIGNED = 11, 12, 13, 14  # draft-miller-ssh-agent section 6.1
#: name in SSH -> DER of SubjectPublicKeyInfo before the key itself
PREFIXES = {
    b"ecdsa-sha2-nistp256": "3059301306072a8648ce3d020106082a8648ce3d030107034200",
    b"ecdsa-sha2-nistp384": "3076301006072a8648ce3d020106052b81040022036200",
    b"ssh-ed25519": "302a300506032b6570032100",
}


def parts(data: bytes) -> list[bytes]:
    """Return the length-prefixed strings in `data`."""
    found = []
    while data:
        (size,) = struct.unpack(">I", data[:4])
        found.append(data[4 : 4 + size])
        data = data[4 + size :]
    return found


def packed(data: bytes) -> bytes:
    """Return `data` behind its length."""
    return struct.pack(">I", len(data)) + data


def ask(agent: socket.socket, kind: int, body: bytes, expected: int) -> bytes:
    """Send one request and return the body of the answer."""
    agent.sendall(packed(bytes([kind]) + body))
    with agent.makefile("rb") as stream:
        (size,) = struct.unpack(">I", stream.read(4))
        answer = stream.read(size)
    if answer[:1] != bytes([expected]):
        sys.exit("the SSH agent refuses")
    return answer[1:]


def keyid(blob: bytes) -> str:
    """Return secpipe's name of a public key: the SHA-256 of its PEM."""
    name, *rest = parts(blob)
    if name not in PREFIXES:
        return ""
    text = base64.b64encode(bytes.fromhex(PREFIXES[name]) + rest[-1])
    lines = [text[start : start + 64].decode() for start in range(0, len(text), 64)]
    pem = "\n".join(["-----BEGIN PUBLIC KEY-----", *lines, "-----END PUBLIC KEY-----", ""])
    return hashlib.sha256(pem.encode()).hexdigest()


def integer(data: bytes) -> bytes:
    """Return a DER INTEGER; an SSH mpint is one already."""
    return b"\x02" + bytes([len(data)]) + data


def main() -> None:
    """Sign stdin."""
    place, _, wanted = sys.argv[1:]
    message = sys.stdin.buffer.read()
    with socket.socket(socket.AF_UNIX) as agent:
        agent.connect(place)
        listed = ask(agent, LIST, b"", LISTED)
        blob = next((one for one in parts(listed[4:])[::2] if keyid(one) == wanted), None)
        if blob is None:
            sys.exit("the SSH agent does not hold this key")
        answer = ask(agent, SIGN, packed(blob) + packed(message) + bytes(4), SIGNED)
    name, signature = parts(parts(answer)[0])
    if name != b"ssh-ed25519":
        body = b"".join(integer(one) for one in parts(signature))
        signature = b"\x30" + (bytes([len(body)]) if len(body) < 128 else b"\x81" + bytes([len(body)])) + body
    sys.stdout.buffer.write(signature)


main()
