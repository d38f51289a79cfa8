"""Starting the process of a zygote: for an executor, or early, while the engine is still being imported.

The modules import little, because nothing runs beside them yet.
"""

from __future__ import annotations
