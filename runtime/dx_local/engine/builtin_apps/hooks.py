"""Hooks into the API that install a built-in app before the first call that names it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dx_local.api.server import Hooks
    from dx_local.platform.core.context import JSON, Context

PREFIX = "app-"
"""The beginning of the addresses of apps."""


class BuiltinAppHooks:
    """Other hooks, and before them the installation of built-in apps; they are `Hooks` themselves."""

    def __init__(self, owner: Context, others: Hooks) -> None:
        """`owner` is the context of the user whom the apps belong to."""
        self._owner = owner
        self._others = others

    async def before_call(self, context: Context, entity_id: str, method: str, request: Any) -> None:
        """Install the app that a call names if it is built in, then call the other hooks."""
        if entity_id.startswith(PREFIX):
            from dx_local.engine.builtin_apps.installing import install_if_builtin  # few runs need it

            install_if_builtin(self._owner, entity_id)
        await self._others.before_call(context, entity_id, method, request)

    async def before_answer(
        self, context: Context, entity_id: str, method: str, request: JSON, answer: JSON
    ) -> JSON:
        """Call the other hooks."""
        return await self._others.before_answer(context, entity_id, method, request, answer)
