"""Push a model folder to a registry as an OCI artifact, without a container engine; prints its name by digest.

    python push_model.py FOLDER registry.example/acme/tiny:1.0
"""

import os
import re
import sys
from pathlib import Path

from oras.client import OrasClient

folder, target = Path(sys.argv[1]), sys.argv[2]
client = OrasClient(insecure=bool(re.match(r"(localhost|127\.0\.0\.1)[:/]", target)))
os.chdir(folder)
files = sorted(str(path) for path in Path().rglob("*") if path.is_file())
pushed = client.push(target=target, files=files, quiet=True)
print(f"oci://{target.rpartition(':')[0]}@{pushed.headers['Docker-Content-Digest']}")
