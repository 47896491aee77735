"""The one error that packaging ends with, in a module of its own because every step raises it."""


class PackagingError(Exception):
    """Packaging cannot go on; the message says why and, where it helps, what to do."""
