"""Unusual but right ways to write the notebook dropout."""
