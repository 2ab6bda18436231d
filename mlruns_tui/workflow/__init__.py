"""Calls in order, once for the screen, the commands and the Python API: reading, deciding, changing."""
