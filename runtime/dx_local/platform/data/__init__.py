"""Data objects of every class, and the projects and folders that contain them."""
