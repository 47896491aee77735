"""Measurements of what the documents say, printed and never asserted: machines differ, and a slow one is not wrong."""
