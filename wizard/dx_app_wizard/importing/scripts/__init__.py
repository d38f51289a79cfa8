"""Apps from scripts: the options that a script declares, and the files and packages that it needs."""
