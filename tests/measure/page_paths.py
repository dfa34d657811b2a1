"""What of a lab is asked for to see how long it takes: all pages, and all reads of the API."""

from typing import Final

from monitor.reports.catalogue import ENTRIES
from tests.web.addresses import PAGES

MESSAGE: Final = "MESSAGE"  # stands for the number of one

_FILTERS: Final = (
    "",
    "?limit=200",
    *(f"?status={each}" for each in ("pending", "sent", "failed", "ignored", "cancelled")),
    "?domain=d3.test",
    "?domain=*.test",
    "?domain=d19.*",
    "?domain=no-such.test",
    "?ip=127.0.1.1",
    "?ip=127.0.1.2",
    "?reason=greylisted",
    "?reason=user_unknown",
    "?reason=mailbox_full",
    "?since=10m",
    "?since=2h&until=30m",
    "?until=2d",
    "?delivery=1",
    "?delivery=1&status=pending",
    "?delivery=1&status=sent",
    "?delivery=1&status=failed",
    "?delivery=1&domain=d19.test",
    "?delivery=1&ip=127.0.1.2",
    "?delivery=1&reason=mailbox_full",
    "?delivery=1&since=10m",
    "?delivery=5",
    "?delivery=5&domain=d3.test",
    "?delivery=8",
    "?delivery=8&ip=127.0.1.1",
    "?status=sent&ip=127.0.1.2",
    "?status=sent&since=10m",
    "?status=pending&reason=mailbox_full",
    "?status=pending&domain=d19.test",
)
_READS: Final = (
    "status",
    "deliveries",
    *(f"deliveries/{each}" for each in ("1", "1/urls", "1/waves", "1/parts", "8/parts")),
    "why",
    "why?delivery=1",
    "why?delivery=8",
    "queue",
    *(f"queue?by={each}" for each in ("cause", "delivery", "mx-group", "domain")),
    "queue?as_of=10m",
    "queue?as_of=59m",
    "queue?as_of=59m&by=domain",
    "lanes",
    "instances",
    "lint",
    "flow",
    "plan",
    "configuration",
    "affinities",
    "affinities/bench/choose?address=a@d1.test",
    "sinks",
    "personalities",
    "scenarios",
    "scenarios/runs",
    "tracking",
    "tracking?delivery=1",
    "tracking?delivery=1&humans=true",
    "tracking?address=user3@d0.test",
    "bounces",
    "bounces?delivery=1",
    "audit",
    "audit?delivery=1",
    "addresses",
    "addresses?status=quarantined",
    "addresses?address=user19@d0.test",
    "addresses?domain=d3.test",
    "addresses?reason=user_unknown",
    f"find?q={MESSAGE}",
    "find?q=d3",
    "find?q=127.0.1.1",
    "find?q=user471@d1.test",
    "find?q=nobody@d1.test",
    "find?q=nobody@elsewhere.test",
    "messages",
    "search?query=hello",
    f"log/{MESSAGE}",
    f"log/{MESSAGE}/why",
    *(f"reports/{each.name}" for each in ENTRIES if each.of != "delivery"),
    *(f"reports/{each.name}?delivery=1" for each in ENTRIES if each.of != "lab"),
)


def paths(message: int) -> list[str]:
    """Without those that stand for something of another lab, and each once."""
    pages = [each.path for each in PAGES if "ONE_" not in each.path]
    tabs = ("", "/content", "/log", "/tracking", "/audit", "/pending", "/pending/words", "/head")
    pages += [f"/deliveries/{number}{tab}" for number in (1, 8) for tab in tabs]
    pages += [
        "/?q=que&status=in_progress",
        "/queue?by=domain&as_of=59m",
        "/queue/then?at=59m",
        "/deliveries/1/content?address=user471@d1.test",
        "/deliveries/1/log?status=pending&domain=d19.test",
        "/deliveries/1/log?address=user472@d1.test",
        "/deliveries/1/log?address=nobody@d1.test",
        "/deliveries/1/tracking?show=hot",
        "/deliveries/1/tracking?show=log",
        f"/messages/{MESSAGE}",
        f"/search?q={MESSAGE}",
        "/search?q=user473@d1.test",
        "/recipients?q=user4",
        "/recipients?status=quarantined&domain=d1.test",
        "/recipients?text=*No such*&since=3h",
        *(f"/recipients/user474@d1.test{each}" for each in ("", "?show=tracking", "?show=errors")),
        *(f"/reports/{each.name}?delivery=1" for each in ENTRIES if each.of != "lab"),
        *(f"/reports/{each.name}" for each in ENTRIES if each.of != "delivery"),
    ]
    reads = [f"/api/v1/{each}" for each in _READS]
    reads += [f"/api/v1/{of}{each}" for of in ("log", "transitions") for each in _FILTERS]
    found = [*pages, *reads, "/metrics", "/livez", "/readyz", "/openapi.json"]
    return list(dict.fromkeys(each.replace(MESSAGE, str(message)) for each in found))
