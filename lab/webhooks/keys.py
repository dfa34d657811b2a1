"""What a webhook's requests are signed and encrypted with, read from where the file says."""

import os
import ssl
import stat
from collections.abc import Iterator
from pathlib import Path

from affinity.lint.code import Code
from affinity.lint.finding import Finding
from lab.configuration import Loaded
from lab.webhook_settings import WebhookSettings
from lab.webhooks.poster import Key
from lab.webhooks.signing import secret_from
from mail.errors import UserError, Where


class UnusableSecret(UserError):
    """A webhook's secret or authorities cannot be read."""


def key_of(loaded: Loaded, index: int) -> Key:
    """The key of one webhook of the file, by its place there.

    Raises:
        UnusableSecret: it cannot be read, or is none.
    """
    settings = loaded.configuration.webhook[index]
    return Key(_secrets(loaded, settings, index), _tls(loaded, settings, index))


def findings(loaded: Loaded) -> Iterator[Finding]:
    """What of this cannot work, for ``config check``."""
    for index, settings in enumerate(loaded.configuration.webhook):
        path = ("webhook", index)
        try:
            key_of(loaded, index)
        except UnusableSecret as error:
            yield Finding(Code.UNUSABLE_FILE, path, error.what, error.remedy)
            continue
        file = settings.secret_file
        others = stat.S_IRWXG | stat.S_IRWXO
        if file is not None and (loaded.path.parent / file).stat().st_mode & others:
            yield Finding(
                Code.SECRET_READABLE,
                (*path, "secret_file"),
                f"other users of this machine may read {file}",
                f"chmod 600 {file}",
            )


def _secrets(loaded: Loaded, settings: WebhookSettings, index: int) -> tuple[bytes, ...]:
    if settings.secret_file is not None:
        key, what = "secret_file", f"secret_file {settings.secret_file}"
        where = Where(loaded.path.name, f"webhook[{index}].{key}")
        text = _text(loaded.path.parent / settings.secret_file, what, where)
    else:
        key, what = "secret_env", f"the environment variable {settings.secret_env}"
        where = Where(loaded.path.name, f"webhook[{index}].{key}")
        text = os.environ.get(settings.secret_env or "", "")
    remedy = "`mtalab webhooks secret` makes one."
    found = []
    for number, line in enumerate(text.split(), 1):
        try:
            found.append(secret_from(line))
        except ValueError as error:
            raise UnusableSecret(
                f"secret {number} of {what} {error}", where=where, remedy=remedy
            ) from None
    if not found:
        raise UnusableSecret(f"{what} holds no secret", where=where, remedy=remedy)
    return tuple(found)


def _tls(loaded: Loaded, settings: WebhookSettings, index: int) -> ssl.SSLContext | None:
    if settings.target.scheme != "https":
        return None
    if settings.tls_ca is None:
        return ssl.create_default_context()
    where = Where(loaded.path.name, f"webhook[{index}].tls_ca")
    pem = _text(loaded.path.parent / settings.tls_ca, f"tls_ca {settings.tls_ca}", where)
    try:
        return ssl.create_default_context(cadata=pem)
    except (ssl.SSLError, ValueError) as error:
        raise UnusableSecret(
            f"tls_ca {settings.tls_ca} has no certificate in it: {error}",
            where=where,
            remedy="Give a PEM file with the certificates of the authorities.",
        ) from error


def _text(file: Path, what: str, where: Where) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise UnusableSecret(
            f"{what} cannot be read: {reason}",
            where=where,
            remedy="Its place is beside the configuration file, or give its whole path.",
        ) from None  # a decoding error quotes what it could not read
