"""The tables and keys of a policy file, each key with the reader of its value."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dx_app_wizard.lint.rules.run import CURRENT_RELEASES, OLD_RELEASES
from dx_app_wizard.policy.lint_table import read_levels, read_rule_patterns
from dx_app_wizard.policy.model import LINT_TABLE, POLICY_TABLE, TEMPLATE_TABLE, TRUST_TABLE
from dx_app_wizard.policy.readers import (
    one_of,
    read_authorized_user,
    read_boolean,
    read_developer,
    read_hosts,
    read_instance_type,
    read_line,
    read_lines,
    read_region,
    read_table,
    read_timeout,
    some,
)

if TYPE_CHECKING:
    from dx_app_wizard.policy.readers import Reader

KEYS: dict[str, dict[str, Reader]] = {
    TEMPLATE_TABLE: {
        "source": read_line,
        "checkout": read_line,
        "directory": read_line,
        "hooks": read_boolean,
        "variables": read_table,
    },
    TRUST_TABLE: {"templates": read_lines},
    LINT_TABLE: {"ignore": read_rule_patterns, "levels": read_levels},
    POLICY_TABLE: {
        "name-prefix": read_line,
        "developers": some(read_developer),
        "authorized-users": some(read_authorized_user),
        "open-source": read_boolean,
        "release": one_of(*CURRENT_RELEASES, *OLD_RELEASES),
        "exec-depends": one_of("allow", "pinned", "forbid"),
        "network": read_hosts,
        "maximum-timeout": read_timeout,
        "regions": some(read_region),
        "instance-types": some(read_instance_type),
        "strict-bash": read_boolean,
    },
}
"""Readers by table and key; the keys of [wizard] are those of the questions, which the wizard checks."""
