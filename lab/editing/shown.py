"""A configuration as it may be shown: passwords of URLs are left out, all others are in files."""

import re
from typing import Any, Final

_USER: Final = re.compile(r"(://[^\s:/@'\"]*):[^\s@'\"]*@")
_QUERY: Final = re.compile(r"([?&]password=)[^&\s'\"]*")
_HIDDEN: Final = "***"


def without_passwords(value: Any) -> Any:
    """The same text, list or table, with stars for passwords."""
    if isinstance(value, str):
        return _QUERY.sub(rf"\1{_HIDDEN}", _USER.sub(rf"\1:{_HIDDEN}@", value))
    if isinstance(value, dict):
        return {key: without_passwords(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [without_passwords(each) for each in value]
    return value
