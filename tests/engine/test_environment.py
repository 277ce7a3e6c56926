"""What torch's libraries are told before torch is there, and the engine that is made then."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from duostyle.engine.environment import WISHES, create_engine, prepare, weights_sha256
from duostyle.engine.network.weights import VGG16_SHA256
from duostyle.engine.torch_engine import TorchEngine
from duostyle.errors import WeightsError
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


def test_the_hash_of_the_weights_needs_no_engine() -> None:
    assert weights_sha256("vgg16") == VGG16_SHA256
    with pytest.raises(WeightsError):
        weights_sha256("vgg11")
