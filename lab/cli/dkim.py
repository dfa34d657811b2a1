"""``mtalab dkim``: keys to sign mail with."""

import os
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from lab.cli.options import JsonOption
from lab.cli.output import print_json
from mail.address import canonical_domain
from mail.errors import UserError, Where


class UnwritableKey(UserError):
    """The key cannot be written there, or would overwrite a file."""


class Kind(StrEnum):
    """Kinds of keys."""

    RSA = "rsa"
    ED25519 = "ed25519"


def register(app: typer.Typer) -> None:
    dkim_app = typer.Typer(no_args_is_help=True, help="Keys to sign mail with (DKIM).")
    app.add_typer(dkim_app, name="dkim")

    @dkim_app.callback()
    def group() -> None:
        """Keys to sign mail with (DKIM)."""

    @dkim_app.command()
    def key(
        domain: Annotated[str, typer.Argument(help="The domain that signs, as in From.")],
        selector: Annotated[str, typer.Argument(help="Names the key in DNS.")] = "mtalab",
        kind: Annotated[Kind, typer.Option("--type", help="rsa is known everywhere.")] = Kind.RSA,
        out: Annotated[
            Path | None, typer.Option(help="File; default: DOMAIN.SELECTOR.pem here.")
        ] = None,
        json: JsonOption = False,
    ) -> None:
        """Make a key; print its DNS record and what to add to mtalab.toml."""
        from lab.new_key import new_ed25519_key, new_rsa_key, pem_of
        from mta.signature import SigningKey

        name = canonical_domain(domain)
        file = out or Path(f"{name}.{selector}.pem")
        made = new_rsa_key() if kind is Kind.RSA else new_ed25519_key()
        _write(file, pem_of(made))
        record = SigningKey(name, selector, made).dns_record()
        host = f"{selector}._domainkey.{name}"
        if json:
            print_json({"file": str(file), "name": host, "record": record})
            return
        print(f"wrote {file}")
        print(f"\nDNS: {host} TXT\n{record}")
        print(
            f'\nmtalab.toml:\n[[dkim]]\ndomain = "{name}"\nselector = "{selector}"\n'
            f'key_file = "{file}"'
        )


def _write(file: Path, pem: bytes) -> None:
    """Write it for its owner alone, and over nothing."""
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise UnwritableKey(
            "is there already",
            where=Where(str(file)),
            remedy="Choose another selector, or another file with --out.",
        ) from None
    except OSError as error:
        raise UnwritableKey(
            f"cannot be written: {error.strerror}",
            where=Where(str(file)),
            remedy="Choose another file with --out.",
        ) from error
    with os.fdopen(descriptor, "wb") as opened:
        opened.write(pem)
