"""From answers to files: the spec, the templates, and what happens to each file."""
