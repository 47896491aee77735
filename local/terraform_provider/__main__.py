"""The provider's command. Terraform starts it without arguments; `gaps` prints what is not supported."""

import os
import sys
import threading

import tf.provider
import tf.runner

from local.terraform_provider.gaps import gaps_markdown
from local.terraform_provider.service import servicer

_LOOK_AGAIN_SECONDS = 0.5


def main(arguments: list[str]) -> int:
    """Serves Terraform until it says stop, or prints the gaps.

    Returns:
        The exit status.
    """
    if arguments == ["gaps"]:
        print(gaps_markdown(), end="")
        return 0
    if arguments:
        print("usage: python -m local.terraform_provider [gaps]", file=sys.stderr)
        return 2
    # `tf` has its own servicer and classes; the table needs only its server.
    tf.provider.ProviderServicer = servicer()
    threading.Thread(target=_end_with_terraform, args=(os.getppid(),), daemon=True).start()
    tf.runner.run_provider(None)
    return 0


def _end_with_terraform(terraform: int) -> None:
    """End this process when Terraform has gone without a message, because nothing else would."""
    gone = threading.Event()
    while os.getppid() == terraform:
        gone.wait(_LOOK_AGAIN_SECONDS)
    os._exit(1)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
