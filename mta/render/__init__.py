"""Rendering: a message source is compiled once per delivery and filled in for each recipient.

``source`` reads the .eml, ``mime`` and ``header`` turn it into ready text with slots, ``template``
fills them. Once compiled, a message costs its Jinja2 expressions and their encoding, no more: the
email package is used only to read the source.
"""

from mta.render.links import Tracking
from mta.render.template import Personal, Rendered, Template, compile_source

__all__ = ["Personal", "Rendered", "Template", "Tracking", "compile_source"]
