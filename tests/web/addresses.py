"""All pages by address, in one place: those who look at each of them ask here.

They are answered by the kept lab of ``seen.toml``; pictures are taken of ``pictures.toml``, where
the numbers mean something too.
"""

from typing import Final, NamedTuple

ONE_MAIL: Final = "ONE_MAIL"  # stands for the newest of the inbox
ONE_ADDRESS: Final = "ONE_ADDRESS"  # for one that is quarantined


class Shown(NamedTuple):
    """A page; ``picture`` names its file in ``docs/img``, without ending."""

    path: str
    picture: str = ""
    is_dark_too: bool = False


PAGES: Final = (
    Shown("/", "deliveries", is_dark_too=True),
    Shown("/new", "new-delivery"),
    Shown("/deliveries/1", "delivery", is_dark_too=True),
    Shown("/deliveries/1/content", "delivery-content"),
    Shown("/deliveries/1/log", "delivery-log"),
    Shown("/deliveries/1/tracking", "delivery-tracking"),
    Shown("/deliveries/1/audit"),
    Shown("/deliveries/2/pending", "pending"),
    Shown("/causes"),
    Shown("/queue", "queue"),
    Shown("/queue?by=delivery&as_of=1h"),
    Shown("/mtas", "mtas"),
    Shown("/affinities?affinity=promo&address=ann@home.test", "affinities"),
    Shown("/flow", "flow", is_dark_too=True),
    Shown("/messages/1", "message"),
    Shown("/sinks", "sinks"),
    Shown("/inbox", "inbox"),
    Shown("/inbox?query=nothing-like-this"),
    Shown(f"/inbox/{ONE_MAIL}", "mail"),
    Shown("/recipients", "recipients"),
    Shown(f"/recipients/{ONE_ADDRESS}"),
    Shown("/reports", "reports"),
    Shown("/reports/throughput", "report", is_dark_too=True),
    Shown("/reports/bounces?delivery=1", "report-bounces"),
    Shown("/reports/hot-clicks?delivery=1"),
    Shown("/reports/urls?delivery=99"),
    Shown("/scenarios", "scenarios"),
    Shown("/search?q=user1"),
    Shown("/api", "api"),
    Shown("/sign-in"),
    Shown("/no-such-page"),
)


def filled_in(path: str, served) -> str:
    """The path with what is in this lab, which ``served`` answers for."""
    if ONE_MAIL in path:
        found = served.client.get("/api/v1/messages", params={"limit": 1}).json()["messages"]
        return path.replace(ONE_MAIL, found[0]["ID"])
    if ONE_ADDRESS in path:
        wanted = {"status": "quarantined", "limit": 1}
        found = served.client.get("/api/v1/addresses", params=wanted).json()["addresses"]
        return path.replace(ONE_ADDRESS, found[0]["address"])
    return path
