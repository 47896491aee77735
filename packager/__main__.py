"""The command behind `make package`."""

import argparse
import sys
from pathlib import Path

from packager.agents_folder import agents_folder
from packager.build import ARCHIVE_NAME, EXPORT_NAME, build
from packager.errors import PackagingError
from packager.platforms import ARCHITECTURES, DEFAULT_ARCHITECTURE, DEFAULT_RUNTIME, RUNTIMES, lambda_platform

_PROJECT = Path(__file__).resolve().parent.parent


def main() -> int:
    """Package the project into `terraform/`; say whether anything was done."""
    parser = argparse.ArgumentParser(prog="python -m packager", description="Package the project into terraform/.")
    parser.add_argument("architecture", nargs="?", choices=ARCHITECTURES, default=DEFAULT_ARCHITECTURE)
    parser.add_argument(
        "--runtime", choices=RUNTIMES, default=DEFAULT_RUNTIME, help="the Lambda runtime to package for"
    )
    given = parser.parse_args()
    platform = lambda_platform(given.runtime, given.architecture)
    target = _PROJECT / "terraform"
    try:
        built = build(
            _PROJECT, work=_PROJECT / "build" / "package", target=target, platform=platform, agents=agents_folder()
        )
    except PackagingError as error:
        print(f"Cannot package: {error}", file=sys.stderr)
        return 1
    size_mb = (target / ARCHIVE_NAME).stat().st_size / 1_000_000
    state = "written" if built else "up to date"
    print(f"terraform/{ARCHIVE_NAME} ({size_mb:.1f} MB, {platform}) and terraform/{EXPORT_NAME}: {state}.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
