"""Start programs, guard their standard streams, and print text that is safe for terminals.

All programs share this package, `dx-local` included. It imports nothing that takes time.
"""

from __future__ import annotations
