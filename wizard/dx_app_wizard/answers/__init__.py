"""The questions of the wizard, the sources of answers, and one object that holds all answers."""
