"""The command behind `make dist`: writes an archive for `terraform apply` on a machine without Python and Node.

The archive contains the packaged module, the files that the module reads, and a root module that calls it. Equal
contents give equal bytes. Only files that match the patterns below are included, because a Terraform directory collects
states and secrets.
"""

import gzip
import io
import json
import sys
import tarfile
import tomllib
from pathlib import Path

from packager.build import EXPORT_NAME
from packager.errors import PackagingError

_PROJECT = Path(__file__).resolve().parent.parent
_PATTERNS = (
    "LICENSE",
    "CHANGELOG.md",
    "docs/operations.md",
    "docs/observability.md",
    "terraform/*.tf",
    "terraform/*.asl.json",
    "terraform/README.md",
    "terraform/chalice.tf.json",
    "terraform/deployment.zip",
    "graphql/schema.graphql",
    "graphql/resolvers/*.js",
    "examples/terraform-root/*.tf",
    "examples/terraform-root/README.md",
    "examples/terraform-root/*.s3.tfbackend",
    "examples/terraform-root/dev.tfvars",
    "examples/terraform-root/prod.tfvars",
)
_README = """\
# Runcast {version}, as a Terraform module

Everything is built: `terraform apply` needs neither Python nor Node. The functions are packaged for {runtime} on
{architecture}: set the module's variables `lambda_runtime` and `lambda_architecture` to these, unless they are the
defaults, python3.13 and x86_64.

`examples/terraform-root` is a root with two environments: put your own bucket and values into its `dev.*` files, then

```sh
cd examples/terraform-root
terraform init -reconfigure -backend-config=dev.s3.tfbackend
terraform apply -var-file=dev.tfvars
```

The module itself is `terraform`; it reads `graphql` beside it, so keep the two together. Its `README.md` lists every
variable and output. `docs/operations.md` has the rest: use `terraform` as above instead of `make`.
"""


def write_dist(project: Path, folder: Path) -> Path:
    """Write `runcast-terraform-<version>.tar.gz` of a packaged project and return it.

    Args:
        project: The sources, with the package in `terraform/`.
        folder: Where the archive is written.

    Raises:
        PackagingError: A file is missing.
    """
    version = tomllib.loads((project / "pyproject.toml").read_text())["project"]["version"]
    found = {pattern: [path for path in project.glob(pattern) if path.is_file()] for pattern in _PATTERNS}
    if missing := [pattern for pattern, paths in found.items() if not paths]:
        raise PackagingError(f"There is no {', '.join(missing)}: run make package.")
    export = json.loads((project / "terraform" / EXPORT_NAME).read_text())
    packaged = export["locals"]
    readme = _README.format(
        version=version, architecture=packaged["packaged_architecture"], runtime=packaged["packaged_runtime"]
    )
    contents = {path.relative_to(project).as_posix(): path.read_bytes() for paths in found.values() for path in paths}
    contents["README.md"] = readme.encode()

    folder.mkdir(parents=True, exist_ok=True)
    archive = folder / f"runcast-terraform-{version}.tar.gz"
    with (
        archive.open("wb") as file,
        gzip.GzipFile(filename="", mode="wb", fileobj=file, mtime=0) as compressed,
        tarfile.open(fileobj=compressed, mode="w", format=tarfile.USTAR_FORMAT) as out,
    ):
        for name in sorted(contents):
            entry = tarfile.TarInfo(f"runcast-terraform-{version}/{name}")  # no owner, dated 1970, readable by all
            entry.size = len(contents[name])
            out.addfile(entry, io.BytesIO(contents[name]))
    return archive


def main() -> int:
    """Write the archive into `dist/`."""
    try:
        archive = write_dist(_PROJECT, _PROJECT / "dist")
    except PackagingError as error:
        print(f"Cannot write the archive: {error}", file=sys.stderr)
        return 1
    print(f"dist/{archive.name} ({archive.stat().st_size / 1_000_000:.1f} MB) is written.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
