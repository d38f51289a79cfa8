"""A `dx` that keeps to the local platform, and the start-up module for Python that it uses."""
