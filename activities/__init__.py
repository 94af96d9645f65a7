"""The side effects that workflows ask for, one module a step. Each is safe to repeat."""
