"""`python -m local.bedrock --port N` serves the scripted model until SIGTERM or Ctrl-C."""

import argparse
import sys

from local.bedrock.server import HOST, create_server
from local.serving import serve_until_signal


def main() -> int:
    """Serve until told to stop; return the exit code, 1 if the port is taken."""
    parser = argparse.ArgumentParser(prog="python -m local.bedrock", description="Serve the scripted model.")
    parser.add_argument("--port", type=int, required=True)
    port = parser.parse_args().port
    try:
        server = create_server(port)
    except OSError as error:
        print(f"The scripted model cannot listen on {HOST}:{port}: {error.strerror}.", file=sys.stderr)
        return 1
    serve_until_signal(server)
    return 0


if __name__ == "__main__":
    sys.exit(main())
