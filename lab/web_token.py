"""The token of the page and the API, read from where the file says."""

import stat
from collections.abc import Iterator
from typing import Final

from affinity.lint.code import Code
from affinity.lint.finding import Finding
from lab.configuration import Loaded
from mail.errors import UserError, Where

SHORTEST: Final = 16  # characters


class UnusableToken(UserError):
    """The token cannot be read, or is too short to keep anybody out."""


def token_of(loaded: Loaded) -> str:
    """The token that requests must show; empty: none is asked for.

    Raises:
        UnusableToken: its file cannot be read, or says too little.
    """
    name = loaded.configuration.web.token_file
    if name is None:
        return ""
    file, where = loaded.path.parent / name, Where(loaded.path.name, "web.token_file")
    try:
        first = file.read_text(encoding="ascii").partition("\n")[0].strip()
    except (OSError, UnicodeDecodeError) as error:
        raise UnusableToken(
            f"the token file {file} cannot be read: {error}",
            where=where,
            remedy="Make one: `openssl rand -hex 32 > FILE; chmod 600 FILE`.",
        ) from error
    if len(first) < SHORTEST:
        raise UnusableToken(
            f"the token in {file} has {len(first)} characters",
            where=where,
            remedy=f"Take at least {SHORTEST} that nobody can guess.",
        )
    return first


def findings(loaded: Loaded) -> Iterator[Finding]:
    """What of this cannot work, for ``config check``."""
    name = loaded.configuration.web.token_file
    if name is None:
        return
    try:
        token_of(loaded)
    except UnusableToken as error:
        yield Finding(Code.UNUSABLE_FILE, ("web", "token_file"), error.what, error.remedy)
        return
    if (loaded.path.parent / name).stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        yield Finding(
            Code.SECRET_READABLE,
            ("web", "token_file"),
            f"other users of this machine may read {name}",
            f"chmod 600 {name}",
        )
