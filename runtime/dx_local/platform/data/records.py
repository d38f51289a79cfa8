"""Records: data objects that consist of metadata only.

Source: https://documentation.dnanexus.com/developer/api/introduction-to-data-object-classes/records
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dx_local.platform.data import objects
from dx_local.platform.requests import request_fields as read

if TYPE_CHECKING:
    from dx_local.platform.core.context import JSON, Context


def new(context: Context, _class: str, request: JSON) -> JSON:
    """Create a record; `initializeFrom` copies another record's metadata, `close` closes it at once."""
    metadata, _ = objects.initialized_from(context, "record", request)
    request = {**metadata, **request}
    record_id = objects.create(context, "record", request, fields={}, state="open")
    if read.flag(request, "close"):
        objects.close(context, record_id, {})
    return {"id": record_id}


def _sample(context: Context, request: JSON) -> str:
    record_id: str = new(context, "record", {**request, "close": True})["id"]
    return record_id


objects.SAMPLES["record"] = _sample
