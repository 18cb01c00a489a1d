"""Hidden checks of the assignment overfitting."""
