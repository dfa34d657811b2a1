"""What can go wrong in this room through no bug of ours.

UserError
├── UnknownPersonality     a sink names a personality that nobody defined
├── PersonalityLoop        personalities extend each other in a circle
├── BadSinkName            a sink's name cannot be the name of its files
├── NoSuchSink             a sink is named that does not run
├── BadWord                running sinks were asked something that they do not know
├── SinksRefused           running sinks said no
├── NoSuchMessage          an id that no receipt has
└── ContentNotKept         the message was received, its content was not to be kept
EnvironmentFault
├── ListenAddressUnusable  the port is taken or the address is not this machine's
├── SinksNotRunning        nobody listens where running sinks are asked
├── SinksSilent            running sinks were asked and do not answer
├── SinkFilesUnusable      receipts or inbox cannot be opened, read or written
└── DamagedReceipts        a line in a file of ours is not what we write
"""

from mail.errors import EnvironmentFault, UserError


class UnknownPersonality(UserError):
    """A sink or another personality names a personality that does not exist."""


class PersonalityLoop(UserError):
    """A personality extends itself, directly or through others."""


class BadSinkName(UserError):
    """A sink's name holds characters that do not fit into a file name or an id."""


class NoSuchSink(UserError):
    """No sink of this name runs."""


class BadWord(UserError):
    """A request to running sinks is not one that they know."""


class SinksRefused(UserError):
    """Running sinks refused a request."""


class NoSuchMessage(UserError):
    """No sink has a receipt of this id."""


class ContentNotKept(UserError):
    """The sink that accepted the message keeps no inbox."""


class ListenAddressUnusable(EnvironmentFault):
    """A sink cannot listen where its settings say."""


class SinksNotRunning(EnvironmentFault):
    """No sinks run in the folder."""


class SinksSilent(EnvironmentFault):
    """Sinks run in the folder and do not answer."""


class SinkFilesUnusable(EnvironmentFault):
    """A file of receipts or contents cannot be opened, read or written."""


class DamagedReceipts(EnvironmentFault):
    """A line that is not the torn last one cannot be read."""
