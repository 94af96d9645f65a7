"""The HTTP routes, one module a subject. Each names the permission that it needs."""
