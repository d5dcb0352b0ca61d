"""The outside world, one library or program a module. Adapters never import each other."""
