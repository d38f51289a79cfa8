"""Apps from what people have: a command that works here, a script, a WDL task, another app."""
