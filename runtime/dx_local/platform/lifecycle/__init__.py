"""When a job or analysis moves on, and with which values: rules over rows, without clock or process."""
