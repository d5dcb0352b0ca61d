"""One use case a module. A workflow speaks to ports and returns a report."""
