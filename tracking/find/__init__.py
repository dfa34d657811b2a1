"""Finding: the URLs of a message source's texts, and where they stand. Pure.

``segments`` knows what Jinja2 fills in, ``html`` and ``plain`` find where URLs stand, ``judged``
says of each whether it can be tracked.
"""

from tracking.find.html import links_of_html
from tracking.find.judged import Found, Given, Links, Unfit
from tracking.find.plain import links_of_text

__all__ = ["Found", "Given", "Links", "Unfit", "links_of_html", "links_of_text"]
