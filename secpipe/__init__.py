"""secpipe: one verdict on an AI system before it is deployed."""

__version__ = "0.1.0"
