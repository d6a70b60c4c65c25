"""An append-only log that nobody can rewrite: C2SP tlog-tiles in a local folder, checkpoints, proofs, witnesses."""
