r"""The sending half of SMTP where the server offers CHUNKING as well (RFC 3030), without any I/O.

BDAT says how long a body is and needs no go-ahead, so that whole messages can be written one after
the other. A connection that was idle begins with care: MAIL and RCPT go out alone, and the body
only when they are accepted. As long as messages are under way, or as soon as one is accepted, each
next one goes out whole, at most ``window`` of them at once; the window widens with each message
that is accepted, halves with each refused recipient and shuts with any other refusal. Before a
message that follows others unanswered stands RSET: what state a refused BDAT leaves behind is not
to be known (RFC 3030, section 2).

    awaited | goes on                          | 4xx, 5xx
    --------+----------------------------------+----------------------------------------------
    MAIL    |                                  | Rejected; its other replies are swallowed
    RCPT    | the body, if it was held back    | Rejected; its other reply is swallowed
    BDAT    | Accepted                         | Rejected

    421     | Rejected for the message that it answers; others are untried: the server closes
            | without having looked at them (RFC 5321, 3.8); the session ends
    any other reply, or none before the connection is lost
            | Broken for all whose bodies are out, doubtful each: the server may have them; and
            | for the one whose MAIL or RCPT it answers; one behind replies to others is untried

What else there is, is as ``dialogue`` has it.
"""

from collections.abc import Callable
from typing import Final

from mail.outcome import Accepted, Broken, Rejected, Stage
from mail.reply import Reply
from mta.session.dialogue import Dialogue
from mta.session.envelope import Envelope, Offers, ended, fitted, mail_command, rcpt_command
from mta.session.flow import PIECE
from mta.session.replies import reply_of
from mta.session.steps import BDAT, MAIL, RCPT, RSET, Answered, Event, Step, Transaction, Untried

WINDOW_MAX: Final = 4  # messages: as many are in doubt if the connection or we are lost


class ChunkedDialogue(Dialogue):
    """One connection after EHLO, to a server that offers PIPELINING and CHUNKING."""

    def __init__(
        self,
        offers: Offers,
        messages_max: int | None = None,
        may_send: Callable[[Envelope], bool] = lambda _: True,
    ) -> None:
        super().__init__(offers, messages_max, may_send)
        self._window = 1
        self._is_warm = False  # the last word was that a message is accepted, just now
        self._is_filling = True  # a group is written when half of the window is free, not one each
        self._in_flight = 0
        self._bytes_in_flight = 0
        self._held: Transaction | None = None  # its MAIL and RCPT are out, its body waits for them
        self._ready: list[Transaction] = []  # their bodies are to be written

    @property
    def in_flight(self) -> int:
        return self._in_flight

    @property
    def is_idle(self) -> bool:
        return not (self._in_flight or self._expected or self.is_over)

    @property
    def wants_envelope(self) -> bool:
        return (
            self._held is None
            and self._is_filling
            and self._bytes_in_flight < PIECE
            and not (self.is_quitting or self.is_over or self.is_full)
        )

    def narrow(self) -> None:
        """The server is slow: what waits for it should wait where others can take it."""
        self._shut()

    def _shut(self, window: int = 1) -> None:
        self._window = max(1, window)
        self._is_warm = False
        self._is_filling = self._in_flight <= self._window // 2

    def offer(self, envelope: Envelope) -> Answered | None:
        assert self.wants_envelope
        fit = fitted(envelope, self._offers)
        if isinstance(fit, Reply):
            return Answered(envelope, Rejected(fit, Stage.MAIL))
        transaction = Transaction(envelope, fit)
        if self._in_flight or self._is_warm:
            self._ready.append(transaction)
        else:
            self._begin(transaction)
            self._held = transaction
        self._in_flight += 1
        self._is_filling = self._in_flight < self._window
        self._bytes_in_flight += len(fit.content)
        if self._messages_left is not None:
            self._messages_left -= 1
        return None

    def take_output(self) -> bytes:
        self._is_warm = self._is_warm and self._in_flight > 0
        return super().take_output()

    def _begin(self, transaction: Transaction) -> None:
        """Write MAIL and RCPT."""
        reset = b""
        if self._expected or self._needs_reset:
            self._needs_reset = False
            reset = b"RSET\r\n"
            self._expected.append((RSET, None))
        fit = transaction.fit
        commands = f"{mail_command(fit, self._offers)}\r\n{rcpt_command(fit)}\r\n"
        self._output.append(reset + commands.encode())
        self._expected.append((MAIL, transaction))
        self._expected.append((RCPT, transaction))

    def ask_last(self) -> list[Event]:
        """Ask again for each body that is to be written whether it may go."""
        ready, self._ready = self._ready, []
        # Whoever is stopped amid this, and has lost its lease, may have been told yes before: one
        # no makes us ask all the others again.
        while refused := [each for each in ready if not self._may_send(each.envelope)]:
            for transaction in refused:
                self._give_back(transaction)
            ready = [each for each in ready if not each.is_answered]
        for transaction in ready:
            if not transaction.is_open:
                self._begin(transaction)
            content = ended(transaction.fit.content)
            self._output += (b"BDAT %d LAST\r\n" % len(content), content)
            self._expected.append((BDAT, transaction))
            transaction.is_written = True
        return self._take_events()

    def _give_back(self, transaction: Transaction) -> None:
        if transaction.is_open:
            self._needs_reset = True
        transaction.is_answered = True
        self._leave(transaction)
        self._events.append(Untried(transaction.envelope))

    def _leave(self, transaction: Transaction) -> None:
        self._in_flight -= 1
        self._is_filling = self._is_filling or self._in_flight <= self._window // 2
        self._bytes_in_flight -= len(transaction.fit.content)

    def _go_on(self, step: Step, transaction: Transaction | None, code: int, text: bytes) -> None:
        if step is RCPT and transaction is self._held:
            self._held = None
            if transaction is not None and not transaction.is_answered:
                transaction.is_open = True
                self._ready.append(transaction)
        elif step is BDAT and transaction is not None and not transaction.is_answered:
            self._answer(transaction, Accepted(reply_of(code, text)))
            self._window = min(self._window + 1, WINDOW_MAX)
            self._is_warm = True

    def _refused(self, step: Step, transaction: Transaction, *, is_news: bool) -> None:
        self._needs_reset = True
        if step is RCPT and transaction is self._held:
            self._held = None  # nothing more of it is out
        if is_news and step is RCPT:
            self._shut(self._window // 2)  # only the recipient is meant, but bodies go in vain
        elif is_news:
            self._shut()  # the server has something against us, or what we send

    def _answer(self, transaction: Transaction, answer: Accepted | Rejected | Broken) -> None:
        super()._answer(transaction, answer)
        self._leave(transaction)

    def _break(self, error: str, *, is_ours: bool = False) -> None:
        step, due = self._expected[0] if self._expected else (None, None)
        for _, transaction in self._expected:
            if transaction is None or transaction.is_answered:
                continue
            if transaction.is_written:
                self._answer(transaction, Broken(error, Stage.BODY, is_doubtful=True))
            elif step is not None and transaction is due:
                self._answer(transaction, Broken(error, step.stage))
        self._end(error, is_ours=is_ours or self.is_quitting)

    def give_up(self, reason: str) -> list[Event]:
        """We close the connection at once: only messages whose bodies are out were attempted."""
        for _, transaction in self._expected:
            if transaction is not None and not (transaction.is_answered or transaction.is_written):
                self._give_back(transaction)
        self._break(reason, is_ours=True)
        return self._take_events()

    def _end(self, reason: str, *, is_ours: bool) -> None:
        if not self.is_over:
            for transaction in [each for _, each in self._expected if each is not None]:
                if not transaction.is_answered:
                    self._give_back(transaction)
            for transaction in self._ready:
                if not transaction.is_answered:
                    self._give_back(transaction)
            self._ready.clear()
        super()._end(reason, is_ours=is_ours)
