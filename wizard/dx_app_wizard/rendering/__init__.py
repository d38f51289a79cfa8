"""Turn answers into files: compose the spec, render the templates, and determine the changes on disk."""
