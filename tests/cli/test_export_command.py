"""What `mtalab export` writes, read by programs and libraries that nobody here wrote."""

import csv
import io
import re
import subprocess
from collections import Counter

import orjson
import pytest

from lab.simulation.simulation import simulated
from tests.fakes.programs import program

TOPOLOGY = """
validity = "2h"
[lab]
name = "test"
[submission]
listen = "off"
[inmail]
listen = "off"
[tracking]
listen = "off"
[mta.m1]
affinities = ["promo"]
[affinity.promo]
ip = [{ address = "127.0.1.1" }]
[route.a]
domains = ["a.test"]
sink = "a"
[route.b]
domains = ["b.test"]
hosts = [{ sink = "b" }, { sink = "a", preference = 20 }]
[sink.a]
listen = "127.0.0.1:2601"
personality = "lossy"
[sink.b]
listen = "127.0.0.1:2602"
[personality.lossy]
"""
# replaced below


@pytest.fixture(scope="module")
def exported():
    raise NotImplementedError
