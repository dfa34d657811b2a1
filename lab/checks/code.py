"""The codes of findings about a message. They are stable: CI jobs ignore them by name."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final, Literal

Severity = Literal["error", "warning"]


class Code(StrEnum):
    """What is wrong, in the order in which it is told."""

    MESSAGE_UNREADABLE = "message_unreadable"
    FIELD_UNKNOWN = "field_unknown"
    RENDERING_FAILED = "rendering_failed"
    # Headers
    SENDER_MISSING = "sender_missing"
    SENDER_BROKEN = "sender_broken"
    SENDER_NAMELESS = "sender_nameless"
    SENDER_FOREIGN = "sender_foreign"
    SUBJECT_MISSING = "subject_missing"
    SUBJECT_UNFILLED = "subject_unfilled"
    SUBJECT_LONG = "subject_long"
    SUBJECT_SHOUTS = "subject_shouts"
    # Parts and their size
    TEXT_MISSING = "text_missing"
    BODY_UNFILLED = "body_unfilled"
    MESSAGE_TOO_LARGE = "message_too_large"
    HTML_CLIPPED = "html_clipped"
    HTML_LARGE = "html_large"
    ATTACHMENTS = "attachments"
    HTML_RUNS = "html_runs"
    # Ways out
    UNSUBSCRIBE_MISSING = "unsubscribe_missing"
    MIRROR_MISSING = "mirror_missing"
    # Links
    LINK_RUNS = "link_runs"
    LINK_BROKEN = "link_broken"
    LINK_RELATIVE = "link_relative"
    LINK_EMPTY = "link_empty"
    LINK_TO_IP = "link_to_ip"
    LABEL_DIFFERS = "label_differs"
    LABEL_IS_URL = "label_is_url"
    LINKS_MANY = "links_many"
    # Images
    IMAGE_BROKEN = "image_broken"
    IMAGE_EMBEDDED_MISSING = "image_embedded_missing"
    IMAGE_DATA = "image_data"
    IMAGE_UNREACHABLE = "image_unreachable"
    IMAGE_LARGE = "image_large"
    IMAGE_WITHOUT_ALT = "image_without_alt"
    # Time and recipients
    VALIDITY_SHORT = "validity_short"
    WAVE_PAST_VALIDITY = "wave_past_validity"
    WAVE_LATE = "wave_late"
    PROOF_LARGE = "proof_large"

    @property
    def severity(self) -> Severity:
        """``error``: it will not work for the reader; ``warning``: it may not, or may cost."""
        return "error" if self in _ERRORS else "warning"


_C = Code
_ERRORS: Final = frozenset(
    {
        *(_C.MESSAGE_UNREADABLE, _C.FIELD_UNKNOWN, _C.RENDERING_FAILED),
        *(_C.SENDER_MISSING, _C.SENDER_BROKEN, _C.SUBJECT_MISSING, _C.SUBJECT_UNFILLED),
        *(_C.BODY_UNFILLED, _C.MESSAGE_TOO_LARGE),
        *(_C.LINK_RUNS, _C.LINK_BROKEN, _C.LINK_RELATIVE),
        *(_C.IMAGE_BROKEN, _C.IMAGE_EMBEDDED_MISSING, _C.IMAGE_UNREACHABLE),
        *(_C.WAVE_PAST_VALIDITY, _C.PROOF_LARGE),
    }
)

MEANINGS: Final[Mapping[Code, str]] = {
    _C.MESSAGE_UNREADABLE: "the source is no message, or an expression in it cannot be read",
    _C.FIELD_UNKNOWN: "a personal field is not among the columns of the recipients",
    _C.RENDERING_FAILED: "the message cannot be made for one of the first recipients",
    _C.SENDER_MISSING: "there is no From header",
    _C.SENDER_BROKEN: "From is not one readable address",
    _C.SENDER_NAMELESS: "From has an address and no name: readers see the bare address",
    _C.SENDER_FOREIGN: "no DKIM key signs for the domain of From, and it is not the lab's: DMARC "
    "finds nothing that aligns",
    _C.SUBJECT_MISSING: "there is no Subject, or an empty one",
    _C.SUBJECT_UNFILLED: "a mark of personalisation is left in the subject as it goes out",
    _C.SUBJECT_LONG: "the subject has more than 70 characters: lists cut it off",
    _C.SUBJECT_SHOUTS: "the subject is all capitals, or has several exclamation marks in a row",
    _C.TEXT_MISSING: "there is no text part for those who see no HTML, or it is empty",
    _C.BODY_UNFILLED: "a mark of personalisation is left in a text as it goes out",
    _C.MESSAGE_TOO_LARGE: "the message has more than 10 MB: many receivers refuse it",
    _C.HTML_CLIPPED: "the HTML has more than 102 KB: Gmail cuts it off, and sees no open",
    _C.HTML_LARGE: "the HTML has more than 60 KB (35 KB is advised): sending and reading is slow",
    _C.ATTACHMENTS: "there is more than one attachment: each is sent to everybody anew",
    _C.HTML_RUNS: "the HTML has a script, a form, or a frame: mail programs take it out",
    _C.UNSUBSCRIBE_MISSING: "no link and no header lets the reader unsubscribe",
    _C.MIRROR_MISSING: "no link leads to the message as a page, for those who see no images",
    _C.LINK_RUNS: "a link has a scheme that runs or shows what it holds itself: javascript, data",
    _C.LINK_BROKEN: "a link is no readable URL",
    _C.LINK_RELATIVE: "a link names no host: a mail has no place of its own",
    _C.LINK_EMPTY: "a link leads nowhere",
    _C.LINK_TO_IP: "a link names an IP address for a host: filters distrust it",
    _C.LABEL_DIFFERS: "a link shows another host than it leads to: filters take it for phishing",
    _C.LABEL_IS_URL: "a link shows a URL; once it is tracked it leads elsewhere first",
    _C.LINKS_MANY: "there are more than 50 links",
    _C.IMAGE_BROKEN: "the source of an image is no readable URL, or names no host",
    _C.IMAGE_EMBEDDED_MISSING: "an image is embedded (cid:) and no part has that Content-ID",
    _C.IMAGE_DATA: "an image stands in the HTML itself (data:): many programs do not show it",
    _C.IMAGE_UNREACHABLE: "an image on this machine cannot be had; others are not asked",
    _C.IMAGE_LARGE: "an image has more than 100 KB",
    _C.IMAGE_WITHOUT_ALT: "an image has no alternative text for those who do not see it",
    _C.VALIDITY_SHORT: "the validity is over before the third retry",
    _C.WAVE_PAST_VALIDITY: "the last wave begins when the validity is over",
    _C.WAVE_LATE: "the last wave begins too late for a third retry",
    _C.PROOF_LARGE: "a proof goes to more than 100 recipients",
}
