"""Hidden checks of the assignment tuning."""
