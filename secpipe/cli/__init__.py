"""One file a command group, loaded lazily; the only reader of configuration."""
