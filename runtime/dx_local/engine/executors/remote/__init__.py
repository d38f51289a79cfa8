"""Run jobs on the nodes of a cluster: an existing engine carries assignments there, HTTP everything else."""

from __future__ import annotations
