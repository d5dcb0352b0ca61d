"""The door to the platform's models: who may ask, how often, how long, and which model answers."""

__version__ = "1.0.0"
