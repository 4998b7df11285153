"""The compiled fabrics that are deployed with a function: a broken one is told by its file and its mend."""

from collections.abc import Callable
from pathlib import Path

import pytest

from pointsman.adapters.files.compiled import write_compiled
from pointsman.boot.artefact import fabrics, home_project, home_region
from pointsman.boot.settings import Settings
from pointsman.core.errors import ConfigError
from pointsman.core.fabric import AwsSite, Fabric, GcpSite
from pointsman.core.values import canonical, replace


def written(path: Path, fabric: Fabric) -> str:
    path.write_bytes(write_compiled(fabric))
    return str(path)


def test_the_current_and_the_next_fabric_are_loaded_in_this_order(tmp_path: Path, lite: Fabric) -> None:
    following = replace(lite, desks=())
    settings = Settings(fabric=written(tmp_path / "a.json", lite), fabric_next=written(tmp_path / "b.json", following))
    assert [fabric.hash for fabric in fabrics(settings)] == [lite.hash, following.hash]


def test_a_next_fabric_of_another_name_is_refused(tmp_path: Path, lite: Fabric) -> None:
    settings = Settings(fabric=written(tmp_path / "a.json", lite), fabric_next=written(tmp_path / "b.json", replace(lite, name="borealis")))
    with pytest.raises(ConfigError, match=r"POINTSMAN_FABRIC_NEXT is a fabric of another name.*keeps its name"):
        fabrics(settings)


@pytest.mark.parametrize("make", [lambda _: None, lambda path: path.mkdir()], ids=["missing", "folder"])
def test_a_file_that_cannot_be_read_is_named_with_the_mend(tmp_path: Path, make: Callable[[Path], None]) -> None:
    make(tmp_path / "fabric.json")
    with pytest.raises(ConfigError, match=r"fabric\.json: cannot be read .*pointsman compile"):
        fabrics(Settings(fabric=str(tmp_path / "fabric.json")))


@pytest.mark.parametrize("content", [b"", b"{}", b"\xff\xfe", b'{"version": 1, "fabric": "atlas"}', b"fabric: atlas", b"null", b"[" * 5000])
def test_a_file_that_is_no_compiled_fabric_is_named_with_the_mend(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "fabric.json").write_bytes(content)
    with pytest.raises(ConfigError, match=r"fabric\.json: not a compiled fabric of this version .*compile it again"):
        fabrics(Settings(fabric=str(tmp_path / "fabric.json")))


def test_a_fabric_that_lacks_a_key_or_has_a_newer_one_is_refused_whole(tmp_path: Path, lite: Fabric) -> None:
    for broken in (canonical(lite).replace(b'"version"', b'"revision"'), canonical(lite).replace(b'"flows"', b'"novelty":1,"flows"')):
        (tmp_path / "fabric.json").write_bytes(broken)
        with pytest.raises(ConfigError, match="not a compiled fabric of this version"):
            fabrics(Settings(fabric=str(tmp_path / "fabric.json")))


def test_home_is_the_first_site_of_each_cloud(lite: Fabric) -> None:
    assert (home_region(lite), home_project(lite)) == ("us-east-1", "weft-prod-1")


def test_a_fabric_without_a_site_of_a_cloud_says_where_to_declare_one(lite: Fabric) -> None:
    aws = tuple(site for site in lite.sites if isinstance(site, AwsSite))
    gcp = tuple(site for site in lite.sites if isinstance(site, GcpSite))
    with pytest.raises(ConfigError, match="no AWS site: declare one under 'sites'"):
        home_region(replace(lite, sites=gcp))
    with pytest.raises(ConfigError, match="no Google site: declare one under 'sites'"):
        home_project(replace(lite, sites=aws))
