"""Sampling policies as documents: read, written, described; and ready-made ones."""
