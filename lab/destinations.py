"""Where each route leads, with what is read from elsewhere: passwords and trusted authorities."""

import os
import ssl
import stat
from collections.abc import Iterator
from pathlib import Path

from affinity.configuration import DkimKey, Login, Route
from affinity.lint.code import Code
from affinity.lint.finding import Finding
from affinity.route import Routes
from lab.configuration import Loaded
from mail.errors import UserError, Where
from mta.session.settings import Credentials
from mta.settings import Destination, MxHost
from mta.signature import BadKey, SigningKey, private_key


class UnusableFile(UserError):
    """A file or variable that is named cannot be used: a password, authorities, or a key."""


def destinations(loaded: Loaded) -> dict[str, Destination]:
    """The destinations of all routes, by MX group; those that lead nowhere are left out.

    Raises:
        UnusableFile: a password or the authorities of a route cannot be read.
    """
    routes = Routes(loaded.configuration.route)
    found = {
        name: _destination(loaded, routes, name, route)
        for name, route in loaded.configuration.route.items()
    }
    return {name: each for name, each in found.items() if each.hosts}


def signing_keys(loaded: Loaded) -> tuple[SigningKey, ...]:
    """The keys that sign mail.

    Raises:
        UnusableFile: one of them cannot be read or cannot sign.
    """
    return tuple(_signing_key(loaded, *each) for each in enumerate(loaded.configuration.dkim))


def _signing_key(loaded: Loaded, index: int, settings: DkimKey) -> SigningKey:
    where = Where(loaded.path.name, f"dkim[{index}].key_file")
    text = _text(loaded, settings.key_file, "key_file", where)
    try:
        key = private_key(text.encode())
    except BadKey as error:
        raise UnusableFile(
            f"key_file {settings.key_file} {error}",
            where=where,
            remedy=f"`mtalab dkim key {settings.domain} {settings.selector}` makes one.",
        ) from error
    return SigningKey(settings.domain, settings.selector, key)


def findings(loaded: Loaded) -> Iterator[Finding]:
    """What of this cannot work, for ``config check``."""
    for index, settings in enumerate(loaded.configuration.dkim):
        try:
            _signing_key(loaded, index, settings)
        except UnusableFile as error:
            path = ("dkim", index, "key_file")
            yield Finding(Code.UNUSABLE_FILE, path, error.what, error.remedy)
    routes = Routes(loaded.configuration.route)
    for name, route in loaded.configuration.route.items():
        try:
            _destination(loaded, routes, name, route)
        except UnusableFile as error:
            yield Finding(Code.UNUSABLE_FILE, ("route", name), error.what, error.remedy)
            continue
        file = None if route.auth is None else route.auth.password_file
        if file is not None and _beside(loaded, file).stat().st_mode & (
            stat.S_IRWXG | stat.S_IRWXO
        ):
            yield Finding(
                Code.SECRET_READABLE,
                ("route", name, "auth", "password_file"),
                f"other users of this machine may read {file}",
                f"chmod 600 {file}",
            )


def _destination(loaded: Loaded, routes: Routes, name: str, route: Route) -> Destination:
    hosts = []
    for place in route.places:
        end = loaded.endpoint_of(place)
        if end is not None:
            hosts.append(MxHost(*end, place.preference, place.mx or routes.mx_host(name)))
    where = Where(loaded.path.name, f"route.{name}")
    authorities = None if route.tls_ca is None else _authorities(loaded, route.tls_ca, where)
    credentials = None if route.auth is None else _credentials(loaded, route.auth, where)
    return Destination(tuple(hosts), authorities, credentials)


def _beside(loaded: Loaded, file: str) -> Path:
    return loaded.path.parent / file


def _text(loaded: Loaded, file: str, what: str, where: Where) -> str:
    try:
        return _beside(loaded, file).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise UnusableFile(
            f"{what} {file} cannot be read: {reason}",
            where=where,
            remedy="Its place is beside the configuration file, or give its whole path.",
        ) from None  # a decoding error quotes what it could not read


def _authorities(loaded: Loaded, file: str, where: Where) -> str:
    pem = _text(loaded, file, "tls_ca", where)
    try:
        ssl.create_default_context(cadata=pem)
    except (ssl.SSLError, ValueError) as error:
        raise UnusableFile(
            f"tls_ca {file} has no certificate in it: {error}",
            where=where,
            remedy="Give a PEM file with the certificates of the authorities.",
        ) from error
    return pem


def _credentials(loaded: Loaded, login: Login, where: Where) -> Credentials:
    if login.password_file is not None:
        source = f"password_file {login.password_file}"
        lines = _text(loaded, login.password_file, "password_file", where).splitlines()
        password = lines[0] if lines else ""
    else:
        source = f"the environment variable {login.password_env}"
        password = os.environ.get(login.password_env or "", "")
    if not password:
        raise UnusableFile(
            f"{source} holds no password",
            where=where,
            remedy="Put the password there, alone on the first line.",
        )
    return Credentials(login.user, password)
