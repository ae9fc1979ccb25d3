"""Keys as people write them."""

AES_BYTES = 16
DES_BYTES = 8


def parse_key(text: str, *sizes: int) -> bytes | None:
    """Reads a key from hex digits.

    Args:
        text: The digits.
        sizes: Bytes it may have; 16 where none are given.

    Returns:
        The key; ``None`` where it is no hex or of another size.
    """
    try:
        key = bytes.fromhex(text)
    except ValueError:
        return None
    return key if len(key) in (sizes or (AES_BYTES,)) else None
