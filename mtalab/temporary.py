"""Folders for labs: made for a while, or found."""

import contextlib
import re
import shutil
import tempfile
import tomllib
from collections.abc import Iterator
from os import PathLike
from pathlib import Path
from typing import Final

from lab.configuration import FILE, NoConfiguration
from lab.free_ports import free_ports
from mtalab.errors import NoFreePort

DEFAULT: Final = Path(__file__).with_name("temporary.toml")
_FREE: Final = re.compile(
    r"""(?P<quote>["'])(?P<host>\d+(?:\.\d+){3}|\[[0-9A-Fa-f:]+\]):0(?P=quote)"""
)


@contextlib.contextmanager
def temporary_folder(
    configuration: str | PathLike[str] | None, keep: PathLike[str] | None
) -> Iterator[Path]:
    """A folder with a configuration in it, gone afterwards unless it is ``keep``.

    Args:
        configuration: text in TOML, or a file; None: the built-in one. In an address that ends in
            ``:0`` a free port stands afterwards. Without ``[submission]`` it gets one with a free
            port, since the default one is for a lab that stays; without ``[inmail]`` and
            ``[tracking]`` it has neither.
        keep: a folder to use that stays.

    Raises:
        NoConfiguration: the file cannot be read.
        NoFreePort: an address with ``:0`` is not this machine's.
    """
    text = _text(DEFAULT if configuration is None else configuration)
    folder = Path(tempfile.mkdtemp(prefix="mtalab-")) if keep is None else Path(keep)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / FILE).write_text(_with_ports(text), encoding="utf-8")
        yield folder
    finally:
        if keep is None:
            shutil.rmtree(folder, ignore_errors=True)


def file_of(place: PathLike[str] | str) -> Path:
    """The configuration file of a lab, which may be named by its folder."""
    path = Path(place)
    return path / FILE if path.is_dir() else path


def _text(configuration: str | PathLike[str]) -> str:
    if isinstance(configuration, str):
        return configuration
    path = file_of(configuration)
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise NoConfiguration(
            f"the configuration file {path} cannot be read: {error}",
            remedy="Name a readable UTF-8 text file; a configuration itself is given as str.",
        ) from error


def _with_ports(text: str) -> str:
    with contextlib.suppress(tomllib.TOMLDecodeError):  # told with its line when it is loaded
        given = tomllib.loads(text)
        if "submission" not in given:
            text += '\n[submission]\nlisten = "127.0.0.1:0"\n'
        for key in ("inmail", "tracking", "web"):  # a process each, which few of such labs need
            if key not in given:
                text += f'\n[{key}]\nlisten = "off"\n'
    hosts = [found["host"].strip("[]") for found in _FREE.finditer(text)]
    try:
        ports = iter(free_ports(hosts))
    except OSError as error:
        raise NoFreePort(
            f"no free port for one of {', '.join(hosts)}: {error.strerror}",
            remedy="Use addresses of this machine; on Linux all of 127.0.0.0/8 are.",
        ) from error

    def fill(found: re.Match[str]) -> str:
        return f"{found['quote']}{found['host']}:{next(ports)}{found['quote']}"

    return _FREE.sub(fill, text)
