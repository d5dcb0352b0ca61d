"""Reporters: what a run says while it works."""
