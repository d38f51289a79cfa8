"""The engine Parsl: its HighThroughputExecutor starts worker pools on nodes through a batch scheduler."""
