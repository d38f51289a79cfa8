"""Executables, and the jobs that run them."""
