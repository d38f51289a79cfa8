"""Settings of a cluster: the table [executor], and the options that override it."""
