"""Tensors out of the very bytes that were judged: nothing is read a second time."""

import os

import secpipe

found = secpipe.guard(
    os.environ["MODEL"],
    store=os.environ["VERDICTS"],
    trust=os.environ["TRUST"],
    trust_pin=os.environ["TRUST_PIN"],
    policy_ref=os.environ["POLICY_REF"],
    env=os.environ.get("ENVIRONMENT", "prod"),
)

from safetensors.numpy import load

for name in found.files:
    if name.endswith(".safetensors"):
        tensors = load(found.read(name))
        print(name, sorted(tensors))
