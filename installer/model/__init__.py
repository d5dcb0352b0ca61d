"""Frozen data: what a platform is made of. No input or output happens here."""
