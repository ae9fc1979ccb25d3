"""Key files of manufacturers and key services, read into lines of keys; nothing is stored here.

Recognised by content, whatever the name: Kamstrup's KEM and KEM2 (encrypted XML, plain or zipped) and the CSV exports
that ``profiles/`` describes, one file per layout.
"""

from registry.keyfiles.csv_profiles import find_profile
from registry.keyfiles.errors import KeyFileError, KeyPasswordError
from registry.keyfiles.lines import DeviceKey, KeyFile, KeyLine
from registry.keyfiles.reading import read_key_file

__all__ = ["DeviceKey", "KeyFile", "KeyFileError", "KeyLine", "KeyPasswordError", "find_profile", "read_key_file"]
