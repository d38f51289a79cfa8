"""Values of the template's variables that are derived from the inputs of an app."""
