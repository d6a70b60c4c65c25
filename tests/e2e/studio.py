"""A studio's pipeline: 500 pictures made with two LoRAs, each recorded while it is made. python studio.py FOLDER"""

from __future__ import annotations

import sys
from pathlib import Path

import secpipe

PICTURES = 500
#: Every fifth picture is in the style of the second LoRA.
STYLES = ("ink", "ink", "ink", "ink", "neon")


def main(folder: Path) -> None:
    """Make the pictures, and a record beside each."""
    folder.mkdir(exist_ok=True)
    for nth in range(PICTURES):
        style = STYLES[nth % len(STYLES)]
        place = folder / f"{style}-{nth:03}.png"
        with secpipe.deriving(place, tool="studio@1.0") as step:
            step.model("models/base.safetensors")
            step.adapter(f"models/{style}.safetensors", weight=0.8)
            step.parameter("seed", nth)
            step.prompt(f"a lighthouse at night, number {nth}, for a customer with a name")
            place.write_bytes(b"\x89PNG\r\n" + f"{style} {nth}".encode())


if __name__ == "__main__":
    main(Path(sys.argv[1]))
