"""What is run, and the jobs that run it."""
