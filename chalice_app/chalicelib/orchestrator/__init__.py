"""What does the states of a job."""
