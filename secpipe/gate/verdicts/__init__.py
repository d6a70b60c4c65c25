"""Verdicts as documents and as signed proofs: how long they hold, where they are kept, who may overrule them."""
