"""``python -P -m lab.nursery DESCRIPTOR``: a nursery at the other end of a socket."""

import socket
import sys

from lab.nursery.nursery import load, run

load()
run(socket.socket(fileno=int(sys.argv[1])))
