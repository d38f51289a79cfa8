"""Command templates: a shell command with holes for inputs and outputs, and the bash script made from it."""
