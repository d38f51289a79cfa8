"""Ask a person at a terminal, or read lines from a pipe, through prompts."""
