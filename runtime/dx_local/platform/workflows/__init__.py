"""Workflows, their stages, and the analyses that run them."""
