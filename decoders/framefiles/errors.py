"""The one error of the package."""


class FrameFileError(Exception):
    """A whole file is refused: no frame file, or not to be unpacked. The message names the file and the remedy."""
