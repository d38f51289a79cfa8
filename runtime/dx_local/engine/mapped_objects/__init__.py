"""Objects of the cloud that local data stands for: given by ID, created on the local platform."""
