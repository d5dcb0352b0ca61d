"""Decisions: order, plan, rules, packing. Pure functions over the model."""
