"""Delivers one message and tries again while the receiver says that it may be worth it."""

import smtplib
import time
from email.message import EmailMessage


class Undeliverable(Exception):
    """The receiver said no; the text is what it said."""


def deliver(place: tuple[str, int], message: EmailMessage, *, tries: int, pause_s: float) -> int:
    """Deliver to a receiver; returns which try it was.

    Raises:
        Undeliverable: refused for good, or put off too often.
    """
    said = ""
    for number in range(1, tries + 1):
        try:
            with smtplib.SMTP(*place, timeout=30) as server:
                server.send_message(message)
        except smtplib.SMTPRecipientsRefused as refused:
            code, text = next(iter(refused.recipients.values()))
        except smtplib.SMTPResponseException as refused:
            code, text = refused.smtp_code, refused.smtp_error
        else:
            return number
        said = f"{code} {text.decode()}"
        if code >= 500:
            break
        time.sleep(pause_s)
    raise Undeliverable(said)
