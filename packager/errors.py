"""The one error of packaging, in a separate module because every step raises it."""


class PackagingError(Exception):
    """Packaging cannot go on; the message says why and, if that helps, what to do."""
