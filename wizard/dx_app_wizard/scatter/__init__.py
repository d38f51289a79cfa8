"""The division of an app's work among process jobs: its text form, its fit to the inputs, its defaults."""
