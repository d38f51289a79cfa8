"""The program that a node runs: Parsl's worker pool, once its versions have been compared.

    python -m dx_local.engine.executors.remote.parsl.pool_start VERSIONS ARGUMENT…

VERSIONS is the JSON of `versions()` on the machine of dx-local. The arguments are those of
process_worker_pool.py.
"""

from __future__ import annotations
