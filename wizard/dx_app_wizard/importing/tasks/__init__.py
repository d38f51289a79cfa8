"""Apps from tasks of workflow languages."""
