"""The code of the built-in apps: jobs that build assets, and apps from their uploaded folders.

The engine's `builtin_apps` installs the apps.
"""
