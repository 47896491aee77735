"""Packages `chalice_app/` and `runcast/` for Terraform: writes `chalice.tf.json` and `deployment.zip`.

A current Terraform cannot apply Chalice's own export, Chalice's zip differs from run to run, and Chalice only warns
about a dependency that it could not install. `python -m packager` fixes all three. `python -m packager.openapi` writes
`docs/openapi.json` for clients.

It is not called `packaging`, because this folder would then hide the library of that name, which pytest and
OpenTelemetry import.
"""
