"""The verb `dx-local asset`: assets on this machine, for all apps."""
