"""Apps: versions, members, and who may see and run them."""
