"""Turns `chalice_app/` and `runcast/` into what Terraform applies: `chalice.tf.json` and `deployment.zip`.

Chalice's own Terraform export cannot be applied by a current Terraform, its zip differs from run to run, and a
dependency that it could not install is only a warning. This package connects the two: `python -m packager`. It
also writes what no Lambda needs but every client: `docs/openapi.json`, by `python -m packager.openapi`.

It is not called `packaging`, because that is a library which pytest and OpenTelemetry import, and this folder would
hide it.
"""
