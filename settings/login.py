"""Who runs this process, as the operating system knows it."""

import os
import pwd


def login_name() -> str:
    """Name of the process's user, or the number of one without name.

    The environment is not asked: it says what its owner wants, and the name decides who is a second person.
    """
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return str(os.getuid())
