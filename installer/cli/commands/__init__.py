"""One command a module: parse, call one workflow, render."""
