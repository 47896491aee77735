"""`chalice local` in front of the local machine, with what API Gateway does before the application is asked."""
