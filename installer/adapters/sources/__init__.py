"""Where artefacts come from, one kind of source a module."""
