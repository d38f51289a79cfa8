"""The errors of the platform's API, each with its type and HTTP status.

    ApiError
    ├── MalformedJSON 400          ├── InvalidInput 422        ├── RateLimitConditional 429
    ├── InvalidAuthentication 401  ├── InvalidState 422        ├── InternalError 500
    ├── PermissionDenied 401       ├── InvalidType 422         └── ServiceUnavailable 503
    └── ResourceNotFound 404       ├── InsufficientStorage 422

Source: https://documentation.dnanexus.com/developer/api/protocols#errors
"""

from __future__ import annotations

from typing import Any, ClassVar


class ApiError(Exception):
    """An error response: its `type`, its HTTP `status`, a message, and details for programs."""

    type: ClassVar[str]
    status: ClassVar[int]

    def __init__(self, message: str, details: Any = None) -> None:
        super().__init__(message)
        self.message = message
        self.details = details

    def body(self) -> dict[str, Any]:
        """Return the JSON body that DNAnexus clients expect of an error."""
        error = {"type": self.type, "message": self.message}
        if self.details is not None:
            error["details"] = self.details
        return {"error": error}

    def as_result(self) -> dict[str, Any]:
        """Return this error as a result of a call that describes many entities."""
        return {**self.body(), "statusCode": self.status}


class MalformedJSON(ApiError):
    """The body is not JSON, or not a JSON object."""

    type = "MalformedJSON"
    status = 400


class InvalidAuthentication(ApiError):
    """The request has no token, or one that this platform did not issue."""

    type = "InvalidAuthentication"
    status = 401


class PermissionDenied(ApiError):
    """The token is valid but does not allow the request; the status is 401, as on the platform."""

    type = "PermissionDenied"
    status = 401


class ResourceNotFound(ApiError):
    """The entity, folder or route does not exist, or is not visible to the caller."""

    type = "ResourceNotFound"
    status = 404


class InvalidInput(ApiError):
    """A field of the request is missing or invalid."""

    type = "InvalidInput"
    status = 422


class InvalidState(ApiError):
    """The state of the entity does not allow the request."""

    type = "InvalidState"
    status = 422


class InvalidType(ApiError):
    """The class of the entity does not allow the request."""

    type = "InvalidType"
    status = 422


class InsufficientStorage(ApiError):
    """The disk of this platform is full; DNAnexus has no such type.

    The status is not 507, for which dxpy would retry for minutes.
    """

    type = "InsufficientStorage"
    status = 422


class RateLimitConditional(ApiError):
    """Too many requests of one kind."""

    type = "RateLimitConditional"
    status = 429


class InternalError(ApiError):
    """An internal error of this emulation."""

    type = "InternalError"
    status = 500


class ServiceUnavailable(ApiError):
    """The platform cannot process the request now; clients retry."""

    type = "ServiceUnavailable"
    status = 503

    def __init__(self, message: str, retry_after: int | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after  # seconds, for the header Retry-After
