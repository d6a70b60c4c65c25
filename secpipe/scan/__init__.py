"""Three wings that do not know each other: models, shadow AI, vulnerabilities."""
