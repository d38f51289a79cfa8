from __future__ import annotations

import pytest

from dx_app_wizard.dxapp.instances import (
    _table,
    clouds,
    default_instance_type,
    find_instance_type,
    instance_type_problem,
    instance_types,
    known_regions,
    misspelt,
    region_problem,
    substitute,
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
    assert "is not a region such as aws:us-east-1" in str(region_problem(region))


def test_an_unknown_region_of_a_known_cloud_passes() -> None:
    assert region_problem("aws:mars-north-1") is None


@pytest.mark.parametrize(
    ("name", "figures"),
    [
        ("mem1_hdd2_x32", (32, 60.5, 3360)),
        ("azure:mem3_ssd3_x96", (96, 672.0, 61440)),
        ("mem1_ssd1_x2_fedramp", (2, 3.8, 32)),
        ("mem2_ssd1_v2_x48", (48, 192.0, 1800)),
        ("azure:mem3_ssd2_gpu4_x64", (64, 448.0, 2048)),
    ],
)
def test_types_from_beyond_the_completer(name: str, figures: tuple[int, float, int]) -> None:
    region = "azure:uksouth-ofh" if name.startswith("azure:") else "aws:us-east-1"
    found = find_instance_type(name, region)
    assert found
    assert (found.cores, found.memory_gib, found.storage_gb) == figures


def test_there_are_as_many_types_as_public_sources_name() -> None:
    counts = {cloud: len(_table()["clouds"][cloud]) for cloud in clouds()}
    assert counts == {"aws": 181, "azure": 70, "oci": 37}


@pytest.mark.parametrize(
    ("name", "region", "problem"),
    [
        ("mem1_hdd2_x32", "aws:us-east-1", "was retired (2026-03)"),
        ("mem1_ssd1_gpu2_x8", "aws:us-east-1", "was retired (before 2024)"),
        ("azure:mem2_ssd2_x4", "azure:westus", "only in azure:uksouth-ofh"),
        ("mem1_ssd1_x2_fedramp", "aws:eu-west-2", "only in aws:us-east-1"),
    ],
)
def test_types_that_cannot_be_had_are_neither_offered_nor_accepted(
    name: str, region: str, problem: str
) -> None:
    assert name not in [instance.name for instance in instance_types(region)]
    assert problem in str(instance_type_problem(name, region))


def test_types_of_some_organisations_are_accepted_but_not_offered() -> None:
    name, region = "mem1_ssd1_x2_fedramp", "aws:us-east-1"
    assert name not in [instance.name for instance in instance_types(region)]
    assert instance_type_problem(name, region) is None


@pytest.mark.parametrize(
    ("name", "region", "instead"),
    [
        ("mem1_ssd1_v2_x16", "azure:westus", "azure:mem1_ssd1_x16"),
        ("azure:mem1_ssd1_x4", "aws:us-east-1", "mem1_ssd1_v2_x4"),
        ("mem3_ssd1_gpu_x8", "aws:us-east-1", "mem2_ssd1_gpu_x16"),
        ("azure:mem3_ssd3_x96", "oci:us-ashburn-1", "oci:mem1_ssd1_v3i_x4"),
        ("mem9_new_x4", "azure:westus", "azure:mem1_ssd1_x4"),
        ("mem1_sd1_v2_x16", "aws:us-east-1", "mem1_ssd1_v2_x16"),
    ],
)
def test_the_substitute_is_the_smallest_as_large_or_the_default(name: str, region: str, instead: str) -> None:
    assert substitute(name, region) == instead


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("mem1_ssd1_v2_x4", None),
        ("mem1_ssd1_v2_x3", "mem1_ssd1_v2_x2"),
        ("mem1_sd1_v2_x4", "mem1_ssd1_v2_x4"),
        ("Mem1_ssd1-v2-x4", "mem1_ssd1_v2_x4"),
        ("mem1-sd1-v2_x4", None),
        ("azure:mem1_ssd1_x4", None),
    ],
)
def test_a_misspelt_type_is_within_two_edits(name: str, meant: str | None) -> None:
    assert misspelt(name, "aws:us-east-1") == meant
