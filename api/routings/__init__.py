"""Routing documents: read and described."""
