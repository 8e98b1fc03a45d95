"""English of Hong Kong."""
