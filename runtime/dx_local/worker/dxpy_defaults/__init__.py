"""A `dx` that never leaves the local platform, and the start-up module for Python that it uses."""
