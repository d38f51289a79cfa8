"""The built-in apps of a platform, which the official client runs by name to build assets and apps."""
