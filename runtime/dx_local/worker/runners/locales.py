"""A locale with UTF-8 that this machine has: macOS before version 15 and CentOS 7 lack that of workers."""

from __future__ import annotations

import functools
import locale

WORKERS_LOCALE = "C.UTF-8"

# The clients of warm tools know these as well; see dx_tools/client.py.
_LOCALES = (WORKERS_LOCALE, "en_US.UTF-8")


@functools.lru_cache(maxsize=None)  # noqa: UP033  (workers may run Python 3.8)
def utf8_locale() -> str:
    """Return the first locale that can be set here; that of workers if there is none.

    A shell would warn at each start if its locale was missing. This process must be single-threaded, because
    its own locale changes for a moment.
    """
    own = locale.setlocale(locale.LC_ALL)
    for name in _LOCALES:
        try:
            locale.setlocale(locale.LC_ALL, name)
        except locale.Error:
            continue
        locale.setlocale(locale.LC_ALL, own)
        return name
    return WORKERS_LOCALE
