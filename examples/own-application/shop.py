"""A shop that confirms orders and sends a newsletter; of mtalab it knows two headers."""

import os
import smtplib
import sys
from collections.abc import Sequence
from email.message import EmailMessage

SERVER = os.environ.get("SMTP_HOST", "127.0.0.1"), int(os.environ.get("SMTP_PORT", "2525"))
SENDER = "shop@shop.example"


def confirm(server: smtplib.SMTP, customer: str) -> None:
    """What the customer waits for: it goes by an affinity of its own."""
    message = EmailMessage()
    message["From"], message["To"] = SENDER, customer
    message["Subject"] = "Your order"
    message["X-Mtalab-Affinity"] = "service"
    message["X-Mtalab-Delivery"] = "Orders"
    message.set_content("Thank you for your order.\n")
    server.send_message(message)
    print(f"{customer}: order confirmed")


def newsletter(server: smtplib.SMTP, readers: Sequence[str]) -> None:
    """One message for all: the envelope, not the header, says to whom."""
    message = EmailMessage()
    message["From"], message["To"] = SENDER, "readers of the shop:;"
    message["Subject"] = "Lamps"
    message["X-Mtalab-Delivery"] = "Newsletter"
    message.set_content("We have lamps.\n")
    server.send_message(message, to_addrs=list(readers))
    print(f"newsletter sent to {len(readers)}")


if __name__ == "__main__":
    with smtplib.SMTP(*SERVER) as submission:
        for each in sys.argv[1:]:
            confirm(submission, each)
        newsletter(submission, sys.argv[1:])
