"""Hidden checks of the assignment outlook."""
