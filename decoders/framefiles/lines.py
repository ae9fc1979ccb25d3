"""Bytes to numbered lines of text."""

import polars as pl

from decoders.framefiles.errors import FrameFileError

REPLACED = "\ufffd"
"""Stands for bytes that are no text: not UTF-8, or zero."""

_LOOK = 1024
_UTF16 = (b"\xff\xfe", b"\xfe\xff")


def split_lines(content: bytes, label: str) -> pl.DataFrame:
    """Splits a text file into its significant lines.

    Args:
        content: Bytes of the file; line ends LF or CR LF, a byte order mark is skipped.
        label: Name of the file for messages.

    Returns:
        ``source_line`` (Int64, counted from 1 over all physical lines) and ``line`` (String, outer blanks removed) of
        the lines that are neither blank nor comments. Bytes that are no text are replaced by U+FFFD.

    Raises:
        FrameFileError: Empty, binary, or in another encoding.
    """
    if not content:
        raise FrameFileError(f"{label}: the file is empty. Deliver it again.")
    if _is_utf16(content[:_LOOK]):
        raise FrameFileError(f"{label}: the text is in UTF-16. Save it as UTF-8.")
    text = content.decode("utf-8-sig", errors="replace").replace("\0", REPLACED)
    lines = (
        pl.DataFrame({"line": text.split("\n")}, schema={"line": pl.String})
        .select(source_line=pl.int_range(1, pl.len() + 1, dtype=pl.Int64), line=pl.col("line").str.strip_chars())
        .filter((pl.col("line") != "") & ~pl.col("line").str.starts_with("#"))
    )
    if lines.is_empty():
        raise FrameFileError(f"{label}: the file holds nothing but blanks and comments. Deliver it again.")
    unreadable = lines["line"].str.contains(REPLACED, literal=True).sum()
    if 2 * unreadable > lines.height:
        raise FrameFileError(
            f"{label}: a binary file, or text in another encoding than UTF-8. Deliver UTF-8 text, plain or as gzip, "
            "Zstandard or zip."
        )
    return lines


def _is_utf16(head: bytes) -> bool:
    """Whether a byte order mark says so, or zeros in every other place do."""
    return head.startswith(_UTF16) or 4 * abs(head[::2].count(0) - head[1::2].count(0)) > len(head)
