"""A lab of ``mtalab init`` that nothing runs, with its page on a real port: tests may change it."""

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path

import lab.starter
from lab.configuration import load
from lab.submit.submission import Order, Submitted, submit
from tests.fakes.web_server import Served, serving

STARTER = Path(lab.starter.__file__).parent
FILES = ("mtalab.toml", "mail.eml", "people.csv")


@contextlib.contextmanager
def changeable(folder: Path) -> Iterator[Served]:
    """Served as long as the context lasts."""
    for name in FILES:
        shutil.copy(STARTER / name, folder / name)
    with serving(load(folder / "mtalab.toml", {})) as found:
        yield found


def queued(served: Served, **of_order: object) -> Submitted:
    """The starter's message to its recipients, as a delivery of a changeable lab."""
    here, folder = served.lab, served.lab.loaded.path.parent
    now = here.now()
    order = Order(folder / "mail.eml", folder / "people.csv", "promo", "spring", now, 86_400.0)
    changed = {name: getattr(order, name) for name in order.__slots__} | of_order
    return submit(here.store, here.loaded, here.clock, Order(**changed), lambda *_: None)
