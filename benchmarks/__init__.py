"""Measurements: each prints its tables; none is a timed test."""
