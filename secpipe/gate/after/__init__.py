"""After the deploy: past verdicts judged again, by another policy or by what is known today."""
