"""A model of the store that is too simple to be wrong, and the rules by which both are moved.

The model knows of each message its status, its attempts and when it is due; of each lease who
holds it. It knows no parts, no counters and no transition rows: those are the invariants'.
"""

import contextlib
from dataclasses import dataclass, replace

from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    multiple,
    precondition,
    rule,
    Bundle,
)

from mail.states import DELIVERY_NEXT, DeliveryEvent, MessageEvent, MessageStatus
from scheduler.decide.expire import expiry_event
from store import deliveries, log, parts, replan, transitions
from store.schema import open_store
from store.transitions import Recorded
from tests.conftest import NewDatabase
from tests.fakes.clock import FakeClock
from tests.store import invariants
from tests.store.hand import ACCEPTED, DAY, DEFERRED, IPS, LEASE, REFUSED, UNKNOWN_USER, Hand

PENDING = MessageStatus.PENDING
VERDICTS = st.sampled_from([ACCEPTED, ACCEPTED, DEFERRED, DEFERRED, REFUSED, UNKNOWN_USER])
