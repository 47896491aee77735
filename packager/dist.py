"""The command behind `make dist`: writes the module's archive, for Terraform without Python and Node.

The archive contains the packaged module, the files that the module reads, and a root module that calls it. A module at
the top has the same variables and outputs, so a `source` can name the archive itself. Equal contents give equal bytes.
Only files that match the patterns below are included, because a Terraform directory collects states and secrets.
"""

import hashlib
import json
import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path
from typing import Any

from packager.archive import archive_entry
from packager.build import EXPORT_NAME
from packager.errors import PackagingError
from packager.sbom import bill_of_materials, components_of, components_of_console, licences_of

_PROJECT = Path(__file__).resolve().parent.parent
_PATTERNS = (
    "LICENSE",
    "CHANGELOG.md",
    "docs/contracts.md",
    "docs/costs.md",
    "docs/decisions/0021-untrusted-code.md",
    "docs/decisions/0023-channel.md",
    "docs/decisions/0025-oidc.md",
    "docs/frontend.md",
    "docs/going-on.md",
    "docs/observability.md",
    "docs/openapi.json",
    "docs/operations.md",
    "docs/pictures/console-chat-light.png",
    "docs/pictures/scale.svg",
    "docs/playbooks.md",
    "docs/scale.md",
    "docs/security.md",
    "docs/your-agent.md",
    "docs/your-agents.md",
    "terraform/*.tf",
    "terraform/*.asl.json",
    "terraform/README.md",
    "terraform/chalice.tf.json",
    "terraform/deployer-policy.json",
    "terraform/deployment.zip",
    "terraform/tests/*.tftest.hcl",
    "graphql/*.graphql",
    "graphql/types.ts",
    "graphql/resolvers/*.js",
    "examples/*.py",
    "examples/own-lambda/*.tf",
    "examples/terraform-root/*.tf",
    "examples/terraform-root/README.md",
    "examples/terraform-root/*.s3.tfbackend",
    "examples/terraform-root/dev.tfvars",
    "examples/terraform-root/prod.tfvars",
    "web/console/dist/**/*",
)
_README = """\
# Runcast {version}, as a Terraform module

The module is packaged: Terraform needs neither Python nor Node. The functions are packaged for {runtime} on
{architecture}: set the module's variables `lambda_runtime` and `lambda_architecture` to these values, unless they are
the defaults, python3.13 and arm64. The archive was built from commit {commit}.

Store the archive where Terraform can download it, and use its URL as the source:

```hcl
module "runcast" {{
  source = "https://artifacts.example.com/{name}.zip"

  name_prefix = "dev-"
}}
```

`sha256sum --check {name}.zip.sha256` checks a download. [`terraform/README.md`](terraform/README.md) lists
the variables and outputs. `terraform/deployer-policy.json` is the minimum IAM policy of the role that applies it.
`console/` is a page for your users; `docs/operations.md` says how to host it.
`sbom.cdx.json` lists the packages in `terraform/deployment.zip` and `console/` in CycloneDX's format, and
`third-party-licences.txt` has their licences.

[`examples/terraform-root`](examples/terraform-root/README.md) is a root module with two environments. To use it
from the unpacked archive, put your own bucket and values into its `dev.*` files, then run

```sh
cd examples/terraform-root
cp dev.tfvars.example dev.tfvars
terraform init -reconfigure -backend-config=dev.s3.tfbackend
terraform apply -var-file=dev.tfvars
```

[`docs/operations.md`](docs/operations.md) describes the rest. Where it says `make`, use `terraform` as above.
"""


def write_dist(project: Path, folder: Path, commit: str) -> Path:
    """Write `runcast-terraform-<version>-<commit>.zip`; return its path.

    Its checksum file and its bill of materials are written beside it.

    Args:
        project: The sources, with the package in `terraform/`.
        folder: The directory to write to.
        commit: The commit of the sources.

    Raises:
        PackagingError: A file is missing.
    """
    version = tomllib.loads((project / "pyproject.toml").read_text())["project"]["version"]
    name = f"runcast-terraform-{version}-{commit}"
    found = {pattern: [path for path in project.glob(pattern) if path.is_file()] for pattern in _PATTERNS}
    if missing := [pattern for pattern, paths in found.items() if not paths]:
        raise PackagingError(f"There is no {', '.join(missing)}: run make dist.")
    contents = {_name_of(path, project): path.read_bytes() for paths in found.values() for path in paths}
    export = json.loads((project / "terraform" / EXPORT_NAME).read_text())
    packaged = export["locals"]
    readme = _README.format(
        version=version,
        architecture=packaged["packaged_architecture"],
        runtime=packaged["packaged_runtime"],
        commit=commit,
        name=name,
    )
    package = contents["terraform/deployment.zip"]
    components = components_of(package)
    console = components_of_console((project / "web/console/dist/licences.json").read_bytes())
    bill = bill_of_materials(package, components, console, version=version, commit=commit)
    contents |= {
        "README.md": readme.encode(),
        "sbom.cdx.json": _json(bill),
        "third-party-licences.txt": licences_of(components, console).encode(),
        **_top_module(project / "terraform"),
    }

    folder.mkdir(parents=True, exist_ok=True)
    archive = folder / f"{name}.zip"
    with zipfile.ZipFile(archive, "w") as out:
        for each in sorted(contents):
            out.writestr(archive_entry(each), contents[each])
    digest = hashlib.sha256(archive.read_bytes()).hexdigest()
    (folder / f"{archive.name}.sha256").write_text(f"{digest}  {archive.name}\n")
    bill["metadata"]["component"]["hashes"] = [{"alg": "SHA-256", "content": digest}]
    (folder / f"{archive.name}.cdx.json").write_bytes(_json(bill))
    return archive


def commit_of(project: Path) -> str:
    """Return the abbreviated commit of a clone, with `-modified` if tracked files differ from it.

    Raises:
        PackagingError: The directory is not a clone, or has no commit.
    """
    command = ["git", "-C", str(project), "describe", "--always", "--abbrev=12", "--exclude=*", "--dirty=-modified"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise PackagingError(
            "The archive is named by its commit: run make dist in a clone, with git on the PATH."
        ) from error
    return done.stdout.strip()


def _json(value: Any) -> bytes:
    return f"{json.dumps(value, indent=2)}\n".encode()


def _name_of(path: Path, project: Path) -> str:
    """Return the name of a file in the archive.

    The console is at the top. Variable files get a suffix, so that Terraform does not load them.
    """
    name = path.relative_to(project).as_posix().replace("web/console/dist/", "console/")
    return f"{name}.example" if path.suffix == ".tfvars" else name


def _top_module(module: Path) -> dict[str, bytes]:
    """Return the files of a module that passes all variables to the packaged module, and returns all its outputs."""
    variables = re.findall(r'^variable "(\w+)"', (module / "variables.tf").read_text(), re.MULTILINE)
    outputs = re.findall(r'^output "(\w+)" {\n(.*?)^}', (module / "outputs.tf").read_text(), re.MULTILINE | re.DOTALL)
    main = ['module "runcast" {', '  source = "./terraform"', ""]
    main += [*(f"  {name} = var.{name}" for name in variables), "}"]
    for name, block in outputs:
        sensitive = ["  sensitive = true"] if "sensitive" in block else []
        main += ["", f'output "{name}" {{', f"  value = module.runcast.{name}", *sensitive, "}"]
    return {
        "main.tf": "\n".join([*main, ""]).encode(),
        "variables.tf": (module / "variables.tf").read_bytes(),
        "versions.tf": (module / "versions.tf").read_bytes(),
    }


def main() -> int:
    """Write the archive into `dist/`."""
    try:
        archive = write_dist(_PROJECT, _PROJECT / "dist", commit_of(_PROJECT))
    except PackagingError as error:
        print(f"Cannot write the archive: {error}", file=sys.stderr)
        return 1
    size_mb = archive.stat().st_size / 1_000_000
    print(f"dist/{archive.name} ({size_mb:.1f} MB) is written, and beside it its checksum and its bill of materials.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
