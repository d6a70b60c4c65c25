"""Keys, keyrings, trust rules and rotation plans: pure."""
