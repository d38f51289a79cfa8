"""The life cycle of jobs and analyses: rules over rows, without a clock or processes."""
