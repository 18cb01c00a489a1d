"""Hidden checks of the assignment playground."""
