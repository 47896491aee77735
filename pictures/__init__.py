"""The pictures in `docs/pictures/`, drawn by `make picture`: the architecture, and a recorded job."""
