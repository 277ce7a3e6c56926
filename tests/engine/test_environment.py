"""What torch's libraries are told before torch is there, and the engine that is made then."""

from __future__ import annotations

import subprocess
import sys
from importlib import resources
from pathlib import Path

import pytest
import torch

from duostyle.engine.environment import WISHES, check_start, create_engine, prepare, weights_sha256
from duostyle.engine.network.weights_file import SHA256, VGG16_FILE, shipped_bytes
from duostyle.engine.torch_engine import TorchEngine
from duostyle.errors import DeviceUnavailable, WeightsError
from duostyle.settings import Settings


def test_the_wishes_are_put_where_nothing_was() -> None:
    environ = {"HOME": "/home/someone"}
    prepare(environ)
    assert environ == {"HOME": "/home/someone"} | WISHES
    assert environ["OMP_WAIT_POLICY"] == "PASSIVE"


def test_what_the_user_has_set_stays() -> None:
    environ = {"OMP_WAIT_POLICY": "ACTIVE", "THP_MEM_ALLOC_ENABLE": ""}
    prepare(environ)
    assert environ == {"OMP_WAIT_POLICY": "ACTIVE", "THP_MEM_ALLOC_ENABLE": ""}


def test_it_can_be_imported_before_torch() -> None:
    code = "import sys, duostyle.engine.environment; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=60).returncode == 0


def test_the_engine_is_made_as_the_settings_say(tmp_path: Path) -> None:
    settings = Settings(
        device="cpu", precision="bfloat16", threads=3, weights="vgg19", memory_budget_mb=700, data_dir=tmp_path
    )
    made = create_engine(settings)
    assert isinstance(made, TorchEngine)
    assert (made.device, made.threads, made.weights, made.memory_budget_mb) == ("cpu", 3, "vgg19", 700)
    assert made.precision == "bfloat16"
    assert made.kernel_folder == settings.kernel_dir
    assert made.network is None


def test_the_weights_are_checked_before_torch_is_there() -> None:
    code = (
        "import sys, duostyle.engine.environment as e; from duostyle.settings import Settings; "
        "e.check_start(Settings()); sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=60).returncode == 0


@pytest.mark.parametrize("name", sorted(SHA256))
@pytest.mark.parametrize(("data", "said"), [(b"short", "damaged"), (None, "missing")])
def test_weights_that_are_missing_or_damaged_are_found_before_the_start(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str, data: bytes | None, said: str
) -> None:
    (tmp_path / "weights").mkdir()
    for other in SHA256.keys() - {name}:
        (tmp_path / "weights" / other).write_bytes(shipped_bytes(other))
    if data is not None:
        (tmp_path / "weights" / name).write_bytes(data)
    monkeypatch.setattr(resources, "files", lambda package: tmp_path)
    with pytest.raises(WeightsError, match=f"{name} are {said}; install duostyle again"):
        check_start(Settings(device="cpu"))


def test_a_device_by_name_is_checked_before_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(DeviceUnavailable):
        check_start(Settings(device="cuda"))
    check_start(Settings(device="auto"))


def test_the_hash_of_the_weights_needs_no_engine() -> None:
    assert weights_sha256("vgg16") == SHA256[VGG16_FILE]
    with pytest.raises(WeightsError):
        weights_sha256("vgg11")
