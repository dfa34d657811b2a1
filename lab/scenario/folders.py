"""Where the labs of scenarios are kept."""

from pathlib import Path

from mail.errors import UserError


class FolderIsTaken(UserError):
    """There is a lab already where one is to be kept."""


def folder_for(keep: Path, name: str) -> Path:
    """A new folder for a scenario's lab.

    Raises:
        FolderIsTaken: it is there already.
    """
    folder = keep / name
    if folder.exists():
        raise FolderIsTaken(
            f"{folder} is there already", remedy="Name another folder with --keep, or remove it."
        )
    folder.mkdir(parents=True)
    return folder
