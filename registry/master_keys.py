"""Where the master key comes from: a file, an environment variable, or what a program prints."""

import hmac
import os
import secrets
import shlex
import stat
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from registry.errors import RegistryError

MASTER_BYTES = 32
COMMAND_TIMEOUT_S = 30


@dataclass(frozen=True, slots=True)
class MasterKey:
    """A master key.

    Attributes:
        value: 32 bytes.
        source: Where it was found, for messages.
    """

    value: bytes = field(repr=False)
    source: str

    @property
    def id(self) -> str:
        """Name of the key, 16 hex digits, from which it cannot be found."""
        return hmac.digest(self.value, b"id", "sha256")[:8].hex()


@dataclass(frozen=True, slots=True)
class MasterKeySource:
    """Where an installation's master key is.

    Attributes:
        path: Its file, where neither of the following is named.
        variable: Environment variable that holds it as 64 hex digits.
        command: Program with arguments that prints it as 64 hex digits.
    """

    path: Path
    variable: str = ""
    command: str = ""

    @property
    def next_path(self) -> Path:
        """File of the master key that a rotation is about to bring in."""
        return self.path.with_name(f"{self.path.name}.next")

    @property
    def is_file(self) -> bool:
        """Whether the key lies in a file, which a rotation may exchange by itself."""
        return not (self.variable or self.command)

    @property
    def is_there(self) -> bool:
        """Whether something stands in its place; of a program this is not known before it is run."""
        if self.command:
            return True
        return bool(os.environ.get(self.variable)) if self.variable else self.path.exists()

    def read(self) -> list[MasterKey]:
        """The master key, and the one that an unfinished rotation has made.

        Raises:
            RegistryError: There is none, or it is none; the message never shows what was found.
        """
        if self.command:
            return [_from_command(self.command)]
        if self.variable:
            return [_from_variable(self.variable)]
        found = [read_file(self.path)]
        return [*found, read_file(self.next_path)] if self.next_path.exists() else found


def make_file(path: Path) -> MasterKey:
    """Makes a file with a new master key, readable by its owner alone, and sees it on the disk.

    Raises:
        RegistryError: The file exists or cannot be written.
    """
    write_file(path, secrets.token_bytes(MASTER_BYTES))
    return read_file(path)


def write_file(path: Path, value: bytes) -> None:
    """Writes a master key to a file that must not exist.

    Raises:
        RegistryError: It exists or cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        # Beside its place first: a kill must not leave half a key where a whole one is looked for.
        partial = path.with_name(f"{path.name}.{secrets.token_hex(4)}.part")
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(descriptor, "w") as file:
                file.write(value.hex())
                file.flush()
                os.fsync(file.fileno())
            os.link(partial, path)  # unlike a rename it refuses where there is one
        finally:
            partial.unlink(missing_ok=True)
        sync_folder(path.parent)
    except FileExistsError as exc:
        raise RegistryError(f"{path} exists: a master key is never overwritten.") from exc
    except OSError as exc:
        raise RegistryError(f"The master key {path} cannot be written: {exc.strerror}.") from exc


def sync_folder(folder: Path) -> None:
    """Sees the entries of a folder on the disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def read_file(path: Path) -> MasterKey:
    """Reads a master key file.

    Raises:
        RegistryError: The file is missing, open to others, or holds no master key.
    """
    try:
        if path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise RegistryError(f"The master key {path} is open to others: run 'chmod 600 {path}'.")
        text = path.read_bytes()
    except OSError as exc:
        raise RegistryError(
            f"The master key {path} cannot be read: {exc.strerror}. Restore it from its copy, or name it in "
            "METERHOUSE_MASTER_KEY_FILE."
        ) from exc
    return _parsed(text, str(path))


def _from_variable(name: str) -> MasterKey:
    text = os.environ.get(name)
    if not text:
        raise RegistryError(f"The environment variable {name}, which is to hold the master key, is not set.")
    return _parsed(text.encode(errors="surrogateescape"), f"The environment variable {name}")


def _from_command(command: str) -> MasterKey:
    program = shlex.split(command)
    title = f"The master key command {program[0] if program else ''!r}"  # its arguments may be secret
    try:
        done = subprocess.run(program, capture_output=True, check=False, timeout=COMMAND_TIMEOUT_S)  # noqa: S603  the operator's own
    except (OSError, IndexError) as exc:
        raise RegistryError(f"{title} cannot be run: {getattr(exc, 'strerror', None) or 'it is empty'}.") from exc
    except subprocess.TimeoutExpired:
        done = None
    if done is None:  # outside, so that no error that holds the program's output hangs on this one
        raise RegistryError(f"{title} has not ended after {COMMAND_TIMEOUT_S} s.")
    if done.returncode:
        raise RegistryError(f"{title} failed with status {done.returncode}; run it by hand to see why.")
    return _parsed(done.stdout, title)


def _parsed(text: bytes, source: str) -> MasterKey:
    try:
        value = bytes.fromhex(text.decode("ascii").strip())
    except ValueError:  # its text shows what it could not read
        value = b""
    if len(value) != MASTER_BYTES:
        raise RegistryError(f"{source} holds no master key.")
    return MasterKey(value, source)
