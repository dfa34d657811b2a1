"""A form with files, read whole: it is no larger than a request may be."""

from typing import NamedTuple

from fastapi import Request
from starlette.datastructures import UploadFile

from lab.web.lab_here import LabHere


class File(NamedTuple):
    """A file of a form: its name and what is in it."""

    name: str
    content: bytes


class Form(NamedTuple):
    """Fields and files by their names; of fields of one name the last."""

    fields: dict[str, str]
    files: dict[str, File]


async def form_of(request: Request) -> Form:
    """What a request of multipart/form-data holds; raises HTTPException where it is none."""
    lab = request.app.state.lab
    assert isinstance(lab, LabHere)
    largest = lab.loaded.configuration.web.request_max
    found = Form({}, {})
    async with request.form(max_part_size=largest) as form:
        for name, value in form.multi_items():
            if not isinstance(value, UploadFile):
                found.fields[name] = value
            elif value.filename or value.size:  # else nothing was chosen
                found.files[name] = File(value.filename or name, await value.read())
    return found
