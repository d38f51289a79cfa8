from __future__ import annotations

import pytest

from dx_app_wizard.spec.instances import (
    clouds,
    default_instance_type,
    instance_type_problem,
    instance_types,
    known_regions,
    region_problem,
)


@pytest.mark.parametrize("region", known_regions())
def test_every_known_region_has_a_default_among_its_types(region: str) -> None:
    assert region_problem(region) is None
    assert instance_type_problem(default_instance_type(region), region) is None


def test_names_are_unique_and_sizes_positive() -> None:
    types = [instance for cloud in clouds() for instance in instance_types(f"{cloud}:x")]
    assert len({instance.name for instance in types}) == len(types)
    assert all(
        instance.cores > 0 and instance.memory_gib > 0 and instance.storage_gb > 0 for instance in types
    )


def test_accelerators_are_named() -> None:
    accelerators = {instance.name: instance.accelerator for instance in instance_types("aws:us-east-1")}
    assert accelerators["mem2_ssd1_gpu_x16"] == "1 NVIDIA T4"
    assert accelerators["mem3_ssd2_fpga1_x24"] == "1 FPGA"


@pytest.mark.parametrize(
    ("name", "region", "suggestion"),
    [
        ("mem1_ssd1_v2_x5", "aws:eu-west-2", "mem1_ssd1_v2_x"),
        ("mem1_ssd1_x4", "azure:westus", "azure:mem1_ssd1_x4"),
        ("azure:mem1_ssd1_x4", "aws:us-east-1", "mem1_ssd1_x4"),
    ],
)
def test_a_wrong_instance_type_comes_with_the_nearest_of_the_region(
    name: str, region: str, suggestion: str
) -> None:
    assert f"did you mean {suggestion}" in str(instance_type_problem(name, region))


@pytest.mark.parametrize("region", ["us-east-1", "aws", "aws:", "gcp:europe", ""])
def test_a_region_of_no_known_cloud_is_refused(region: str) -> None:
    assert "is no region such as aws:us-east-1" in str(region_problem(region))


def test_an_unknown_region_of_a_known_cloud_passes() -> None:
    assert region_problem("aws:mars-north-1") is None
