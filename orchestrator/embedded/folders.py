"""Where the embedded servers keep their things: the data folder, its parts, and a socket folder short enough.

Pure paths and modes; nothing is started here.
"""

import hashlib
import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

LONGEST_SOCKET_FOLDER = 80  # a socket's path may have 107 bytes, ".s.PGSQL.5432.lock" and the like included


class FolderRefused(Exception):
    """A folder is not safe to keep sockets or secrets in."""


def private_folder(folder: Path) -> Path:
    """Make `folder` with mode 0700 if it is absent and return it. Parents that exist are left alone.

    Raises `FolderRefused` where it cannot be made.
    """
    with told(folder):
        folder.parent.mkdir(parents=True, exist_ok=True)
        folder.mkdir(mode=0o700, exist_ok=True)
    return folder


@contextmanager
def told(path: Path) -> Iterator[None]:
    """Within this block a refusal of the machine (rights, a full or read-only disk) is a sentence: `FolderRefused`."""
    try:
        yield
    except OSError as error:
        raise FolderRefused(
            f"{path} cannot be used: {error.strerror}. It must belong to this user and lie where there is room and may "
            "be written. WORK_COMMAND_DATA names another data folder."
        ) from None


def socket_folder(data: Path) -> Path:
    """The folder of the sockets: inside the data folder, or under the temporary folder if that is too long.

    The name outside is made from user and data folder, so every process finds the same one.
    """
    inside = data / "sockets"
    if len(os.fsencode(inside)) <= LONGEST_SOCKET_FOLDER:
        return inside
    digest = hashlib.sha256(os.fsencode(data)).hexdigest()[:12]
    return Path(tempfile.gettempdir()) / f"work-command-{os.geteuid()}-{digest}"


def prepared_socket_folder(data: Path) -> Path:
    """Make the socket folder and refuse one that somebody else could have put there."""
    folder = private_folder(socket_folder(data))
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or stat.S_IMODE(found.st_mode) & 0o077:
        raise FolderRefused(
            f"{folder} must be a folder that only you can open. Remove it, or set WORK_COMMAND_DATA to a shorter path."
        )
    return folder
