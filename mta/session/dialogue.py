r"""The sending half of SMTP with PIPELINING (RFC 2920), as a state machine without any I/O.

A message is written in two pieces: its commands (MAIL, RCPT, DATA) in one group, then, once DATA
is answered by 354, its body. The commands of the next message ride in the same write as the body,
so that at most two messages are in flight: one whose body is out, one whose commands are.

Replies come in the order of what was written; ``_expected`` is that order. What each one does:

    awaited | goes on                          | 4xx, 5xx
    --------+----------------------------------+----------------------------------------------
    MAIL    | the transaction is open          | Rejected; its RCPT and DATA replies are swallowed
    RCPT    |                                  | Rejected; its DATA reply is swallowed
    DATA    | body, or a lone dot if rejected  | Rejected; RSET before the next MAIL if open
    BODY    | Accepted                         | Rejected
    EMPTY   | (the reply to a lone dot and an empty message is nobody's)
    RSET    |                                  | the server's state is unknown: the session ends
    QUIT    | the session ends, whatever is said

    a body that is to be written, of a message that may not be sent any more (its lease is over):
            untried, and the session ends, for a lone dot would deliver an empty message
    421     | Rejected for the message that it answers; others are untried; the session ends
    any other reply, or none before the connection is lost
            | Broken for the message that it should have answered; others are untried; the end
"""

from collections import deque
from collections.abc import Callable

from mail.outcome import Accepted, Answer, Broken, Rejected, Stage
from mail.reply import Reply
from mta.session.envelope import (
    Envelope,
    Offers,
    fitted,
    mail_command,
    rcpt_command,
    stuffed,
)
from mta.session.replies import SERVICE_CLOSING, SERVICE_UNAVAILABLE, ReplyReader, reply_of
from mta.session.steps import (
    BODY,
    DATA,
    EMPTY,
    MAIL,
    QUIT,
    RCPT,
    RSET,
    Answered,
    Ended,
    Event,
    Step,
    Transaction,
    Untried,
)

__all__ = ["Answered", "Dialogue", "Ended", "Envelope", "Event", "Offers", "Untried"]


class Dialogue:
    """One connection after EHLO. Feed it, ``ask_last``, then write what ``take_output`` returns."""

    def __init__(
        self,
        offers: Offers,
        messages_max: int | None = None,
        may_send: Callable[[Envelope], bool] = lambda _: True,
    ) -> None:
        self._offers = offers
        self._may_send = may_send
        self._messages_left = messages_max
        self._reader = ReplyReader()
        self._expected: deque[tuple[Step, Transaction | None]] = deque()
        self._commands_out = False  # a DATA is unanswered: no next message yet
        self._needs_reset = False
        self._unwritten: Transaction | None = None  # its body is in the output, not taken yet
        self._output: list[bytes] = []
        self._events: list[Event] = []
        self.is_over = False
        self.is_quitting = False
        self.reply_count = 0

    @property
    def is_full(self) -> bool:
        """Whether the connection has had all the messages that it may have."""
        return self._messages_left == 0

    @property
    def is_idle(self) -> bool:
        """Whether nothing is in flight; false once the session is over."""
        return not self._expected and not self.is_over

    @property
    def wants_envelope(self) -> bool:
        """Whether a next message may be offered now."""
        return not (self._commands_out or self.is_quitting or self.is_over or self.is_full)

    def narrow(self) -> None:
        """The server is slow: take no more at once than need be."""

    @property
    def in_flight(self) -> int:
        """How many messages were offered and are not answered, as far as it matters."""
        return 1 if self._expected else 0

    @property
    def awaited(self) -> Stage | None:
        """The step whose reply comes next, for timeouts; None when none is due."""
        return self._expected[0][0].stage if self._expected else None

    @property
    def due(self) -> list[tuple[str, Envelope | None]]:
        """The replies that are awaited, in order: to what, and for which message."""
        return [
            (step.name, None if transaction is None else transaction.envelope)
            for step, transaction in self._expected
        ]

    def offer(self, envelope: Envelope) -> Answered | None:
        """Send a message, if ``wants_envelope``; an answer means that it was never written."""
        assert self.wants_envelope
        fit = fitted(envelope, self._offers)
        if isinstance(fit, Reply):
            return Answered(envelope, Rejected(fit, Stage.MAIL))
        if self._needs_reset:
            self._needs_reset = False
            self._output.append(b"RSET\r\n")
            self._expected.append((RSET, None))
        commands = f"{mail_command(fit, self._offers)}\r\n{rcpt_command(fit)}\r\nDATA\r\n"
        self._output.append(commands.encode())
        transaction = Transaction(envelope, fit)
        self._expected.extend(((MAIL, transaction), (RCPT, transaction), (DATA, transaction)))
        self._commands_out = True
        if self._messages_left is not None:
            self._messages_left -= 1
        return None

    def receive(self, data: bytes) -> list[Event]:
        """Take bytes of the server; what is left of them after the end is ignored."""
        for code, text in self._reader.read(data):
            if not self.is_over:
                self._take_reply(code, text)
        if self._reader.nonsense is not None:
            self._break(f"protocol error: {self._reader.nonsense}")
        return self._take_events()

    def quit(self) -> None:
        """Say QUIT, once, if ``is_idle``."""
        assert self.is_idle
        self.is_quitting = True
        self._output.append(b"QUIT\r\n")
        self._expected.append((QUIT, None))

    def lose(self, error: str) -> list[Event]:
        """The connection is gone or silent for too long: account for what was in flight."""
        self._break(error)
        return self._take_events()

    def give_up(self, reason: str) -> list[Event]:
        """We close the connection at once: only a message whose body is out was attempted."""
        if self.awaited is not Stage.BODY:
            self._end(reason, is_ours=True)
        self._break(reason, is_ours=True)
        return self._take_events()

    def ask_last(self) -> list[Event]:
        """Ask again whether the body that is to be written may go; just before ``take_output``.

        Since its 354 other replies were heard and a next message was rendered: whoever was stopped
        meanwhile has lost its lease, and somebody else has sent the message.
        """
        waiting = self._unwritten
        if waiting is not None and not self.is_over and not self._may_send(waiting.envelope):
            self._withhold(waiting)
        return self._take_events()

    def take_output(self) -> bytes:
        """What is to be written now, in one write."""
        if not self._output:
            return b""
        output = b"".join(self._output)
        self._output.clear()
        self._unwritten = None
        return output

    def _take_events(self) -> list[Event]:
        events, self._events = self._events, []
        return events

    def _take_reply(self, code: int, text: bytes) -> None:
        self.reply_count += 1
        if not self._expected:
            self._end(f"unasked: {reply_of(code, text)}", is_ours=False)
            return
        step, transaction = self._expected[0]
        if code == SERVICE_UNAVAILABLE:
            self._reject(transaction, step, code, text)
            self._end(str(reply_of(code, text)), is_ours=self.is_quitting)
        elif step.goes_on is None:
            self._expected.popleft()
            if step is QUIT:
                self._end("quit", is_ours=True)
        elif code // 100 == step.goes_on and code != SERVICE_CLOSING:
            self._expected.popleft()
            self._go_on(step, transaction, code, text)
        elif code < 400 or transaction is None:
            self._break(f"protocol error: {step.name} was answered by {reply_of(code, text)}")
        else:
            self._expected.popleft()
            is_news = not transaction.is_answered
            self._reject(transaction, step, code, text)
            self._refused(step, transaction, is_news=is_news)

    def _go_on(self, step: Step, transaction: Transaction | None, code: int, text: bytes) -> None:
        if transaction is None:
            return
        if step is MAIL:
            transaction.is_open = True
        elif step is DATA:
            self._commands_out = False
            if transaction.is_answered:
                # RFC 2920, 3.1: the server waits for content although all was refused.
                self._output.append(b".\r\n")
                self._expected.append((EMPTY, None))
            elif not self._may_send(transaction.envelope):
                self._withhold(transaction)
            else:
                fit = transaction.fit
                self._output += (stuffed(fit.content, is_dotless=fit.is_dotless), b".\r\n")
                self._expected.append((BODY, transaction))
                self._unwritten = transaction
        elif step is BODY:
            self._answer(transaction, Accepted(reply_of(code, text)))

    def _refused(self, step: Step, transaction: Transaction, *, is_news: bool) -> None:
        """A step of the transaction was answered by 4xx or 5xx; the first such, if it is news."""
        del is_news
        if step is DATA:
            self._commands_out = False
            self._needs_reset = transaction.is_open

    def _withhold(self, transaction: Transaction) -> None:
        transaction.is_answered = True
        self._events.append(Untried(transaction.envelope))
        self._end("the message may not be sent any more", is_ours=True)

    def _reject(self, transaction: Transaction | None, step: Step, code: int, text: bytes) -> None:
        if transaction is not None and not transaction.is_answered:
            self._answer(transaction, Rejected(reply_of(code, text), step.stage))

    def _answer(self, transaction: Transaction, answer: Answer) -> None:
        transaction.is_answered = True
        self._events.append(Answered(transaction.envelope, answer))

    def _break(self, error: str, *, is_ours: bool = False) -> None:
        """End, and lay it at the door of the message whose reply is due."""
        if self._expected:
            step, transaction = self._expected[0]
            if transaction is not None and not transaction.is_answered:
                is_doubtful = step is BODY and transaction is not self._unwritten
                self._answer(transaction, Broken(error, step.stage, is_doubtful))
        self._end(error, is_ours=is_ours or self.is_quitting)

    def _end(self, reason: str, *, is_ours: bool) -> None:
        if self.is_over:
            return
        self.is_over = True
        for step, transaction in self._expected:
            # A transaction's last step stands for it: it is there as long as no body is out.
            if step is DATA and transaction is not None and not transaction.is_answered:
                self._events.append(Untried(transaction.envelope))
        self._expected.clear()
        self._output.clear()
        self._events.append(Ended(reason, is_ours))
