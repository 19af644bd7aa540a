"""The figures of quality of merx.metrics, a file for each kind of task."""
