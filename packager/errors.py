"""The error of packaging, in a separate module because every step raises it."""


class PackagingError(Exception):
    """Packaging failed; the message says why and, if possible, what to do."""
