"""Hidden checks of the assignment l2."""
