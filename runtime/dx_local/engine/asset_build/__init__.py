"""`dx-local asset build`: an asset folder read, built in a job, and kept for later runs."""
