"""Starts and cancels runs and jobs, and ends those whose worker cannot."""
