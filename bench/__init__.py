"""Measures the figures in the documents. It prints them and asserts nothing, because machines differ."""
