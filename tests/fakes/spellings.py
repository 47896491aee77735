"""The spellings of a UUID that Python's `UUID` accepts, except the canonical one."""

from __future__ import annotations


def spellings(canonical: str) -> list[str]:
    full_width = canonical.translate({ord(digit): ord(digit) + 0xFEE0 for digit in "0123456789"})
    return [
        canonical.upper(),
        canonical.capitalize() if canonical[0].isalpha() else canonical.title(),
        canonical.replace("-", ""),
        f"{{{canonical}}}",
        f"urn:uuid:{canonical}",
        full_width,
    ]
