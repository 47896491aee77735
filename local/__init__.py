"""The whole system on one machine: what deploys to AWS, on an emulator, without an account or a network."""
