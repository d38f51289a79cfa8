"""Apps: their versions, their members, and access to them."""
