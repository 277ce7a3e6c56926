"""The files of deploy/ and the compose file: valid for the programs that read them, and true to the server's names.

nginx and Caddy are run with theirs in tests/integration/proxies, Prometheus in test_monitoring.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml  # type: ignore[import-untyped]

from duostyle.settings import Settings
from tests.support.real_server.programs import done

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
KUBERNETES = json.loads((ROOT / "tests" / "project" / "data" / "kubernetes-1.33.json").read_text("utf-8"))
MANIFESTS = {path.stem: yaml.safe_load(path.read_text("utf-8")) for path in (DEPLOY / "kubernetes").glob("*.yaml")}
ENVIRONMENT = {f"DUOSTYLE_{name.upper()}" for name in Settings.model_fields}
PROBES = ("startupProbe", "livenessProbe", "readinessProbe")


# --- Kubernetes


@pytest.mark.parametrize("name", sorted(set(MANIFESTS) - {"kustomization"}))
def test_the_manifest_fits_the_schema_of_its_kind(name: str) -> None:
    manifest = MANIFESTS[name]
    kind = KUBERNETES["kinds"][manifest["kind"]]
    jsonschema.validate(manifest, {"$ref": f"#/$defs/{kind}", "$defs": KUBERNETES["$defs"]})


def test_the_schema_is_strict() -> None:
    wrong = {"apiVersion": "v1", "kind": "Service", "spec": {"portz": []}}
    kind = KUBERNETES["kinds"]["Service"]
    with pytest.raises(jsonschema.ValidationError, match="portz"):
        jsonschema.validate(wrong, {"$ref": f"#/$defs/{kind}", "$defs": KUBERNETES["$defs"]})


def test_the_manifests_belong_together() -> None:
    assert {f"{name}.yaml" for name in MANIFESTS} - {"kustomization.yaml"} == set(
        MANIFESTS["kustomization"]["resources"]
    )
    pod = MANIFESTS["deployment"]["spec"]["template"]
    container = pod["spec"]["containers"][0]
    label = {"app.kubernetes.io/name": "duostyle"}
    assert pod["metadata"]["labels"] == MANIFESTS["service"]["spec"]["selector"] == label
    assert MANIFESTS["deployment"]["spec"]["selector"]["matchLabels"] == label
    claim = next(volume for volume in pod["spec"]["volumes"] if "persistentVolumeClaim" in volume)
    assert claim["persistentVolumeClaim"]["claimName"] == MANIFESTS["storage"]["metadata"]["name"]
    assert container["envFrom"][0]["configMapRef"]["name"] == MANIFESTS["settings"]["metadata"]["name"]
    backend = MANIFESTS["ingress"]["spec"]["rules"][0]["http"]["paths"][0]["backend"]["service"]
    service = MANIFESTS["service"]
    assert (backend["name"], backend["port"]["name"]) == (
        service["metadata"]["name"],
        service["spec"]["ports"][0]["name"],
    )
    assert MANIFESTS["kustomization"]["images"][0]["name"] == container["image"]


def test_the_pod_runs_as_the_image_expects_it() -> None:
    pod = MANIFESTS["deployment"]["spec"]["template"]["spec"]
    container = pod["containers"][0]
    image = (ROOT / "Dockerfile").read_text("utf-8")
    assert f"USER {pod['securityContext']['runAsUser']}" in image
    assert f"EXPOSE {container['ports'][0]['containerPort']}" in image
    assert {mount["mountPath"] for mount in container["volumeMounts"]} == {"/data", "/tmp"}  # noqa: S108
    # a service of this name would overwrite DUOSTYLE_PORT, which the image and the settings read
    assert pod["enableServiceLinks"] is False
    assert {"DUOSTYLE_PORT"} <= ENVIRONMENT
    # two never share a data folder, and the old one gets time to store its job
    assert (MANIFESTS["deployment"]["spec"]["replicas"], MANIFESTS["deployment"]["spec"]["strategy"]["type"]) == (
        1,
        "Recreate",
    )
    assert pod["terminationGracePeriodSeconds"] > Settings.model_fields["shutdown_grace_s"].default
    assert [container[probe]["httpGet"]["path"] for probe in PROBES] == ["/livez", "/livez", "/readyz"]


# --- settings in all these files


def environments() -> dict[str, dict[str, str]]:
    """The variables that each file sets, as the server would read them."""
    lines = (DEPLOY / "duostyle.env").read_text("utf-8").splitlines()
    pairs = [line.lstrip("#").split("=", 1) for line in lines if re.match(r"#?DUOSTYLE_\w+=", line)]
    services = compose()["services"]
    return {
        "duostyle.env": {name: value.strip("'") for name, value in pairs},
        "kubernetes": dict(MANIFESTS["settings"]["data"]),
        **{name: service["environment"] for name, service in services.items()},
    }


def test_every_variable_is_a_setting_and_has_a_good_value(monkeypatch: pytest.MonkeyPatch) -> None:
    for file, variables in environments().items():
        assert set(variables) <= ENVIRONMENT, file
        with monkeypatch.context() as patch:
            for name, value in variables.items():
                if value:
                    patch.setenv(name, value)
            settings = Settings()
        if file in ("duostyle.env", "kubernetes"):
            assert settings.allowed_hosts == ["paint.example.org"]
            assert settings.trusted_proxy


# --- Compose


def compose(**given: str) -> dict[str, Any]:
    """The file with its variables filled in, `given` or by default."""

    def value(found: re.Match[str]) -> str:
        return given.get(found[1], found[2])

    text = re.sub(r"\$\{(\w+):-([^}]*)\}", value, (ROOT / "compose.yaml").read_text("utf-8"))
    assert "${" not in text
    loaded: dict[str, Any] = yaml.safe_load(text)
    return loaded


def test_a_profile_starts_one_server() -> None:
    services = compose()["services"]
    assert {name: service["profiles"] for name, service in services.items()} == {"cpu": ["cpu"], "gpu": ["gpu"]}
    # so a port is taken once, and only by this machine unless told otherwise
    for service in services.values():
        assert service["ports"] == ["127.0.0.1:8000:8000"]
        assert service["environment"]["DUOSTYLE_NO_TOKEN"] == "true"
    assert compose(BIND="0.0.0.0", PORT="80")["services"]["cpu"]["ports"] == ["0.0.0.0:80:8000"]  # noqa: S104


def test_each_service_has_limits_and_few_rights() -> None:
    for service in compose(CPUS="2", MEMORY="3g")["services"].values():
        assert service["deploy"]["resources"]["limits"] == {"cpus": "2", "memory": "3g", "pids": 512}
        assert service["environment"]["DUOSTYLE_THREADS"] == "2"
        assert service["read_only"] is True
        assert (service["cap_drop"], service["security_opt"]) == (["ALL"], ["no-new-privileges:true"])
        assert int(service["stop_grace_period"].removesuffix("s")) > Settings.model_fields["shutdown_grace_s"].default
    gpu = compose()["services"]["gpu"]
    assert gpu["environment"]["DUOSTYLE_DEVICE"] == "cuda"
    assert gpu["deploy"]["resources"]["reservations"]["devices"][0]["capabilities"] == ["gpu"]
    # a machine with fewer processors than a default would refuse to start it
    assert compose()["services"]["cpu"]["deploy"]["resources"]["limits"]["cpus"] == "0"


# --- systemd


@pytest.fixture
def unit(tmp_path: Path) -> Path:
    """The unit with a program that is there, since systemd looks."""
    text = (DEPLOY / "duostyle.service").read_text("utf-8")
    assert "ExecStart=/opt/duostyle/bin/duostyle serve\n" in text
    path = tmp_path / "duostyle.service"
    path.write_text(text.replace("/opt/duostyle/bin/duostyle serve", "/bin/true"), "utf-8")
    return path


def test_systemd_understands_the_unit(unit: Path) -> None:
    told = done("systemd-analyze", "verify", unit)
    # of what it does not know it says only that it is ignored
    assert (told.returncode, told.stderr) == (0, "")


def test_the_unit_gives_the_server_little(unit: Path) -> None:
    # 0 is nothing at all and 10 everything; what is left is the network and the machine code of the engine
    told = done("systemd-analyze", "security", "--offline=true", "--threshold=20", unit)
    assert told.returncode == 0, told.stdout


def test_the_unit_fits_the_server() -> None:
    lines = (DEPLOY / "duostyle.service").read_text("utf-8").splitlines()
    keys = dict(line.split("=", 1) for line in lines if re.match(r"[A-Za-z]+=", line))
    assert f"/var/lib/{keys['StateDirectory']}" == keys["WorkingDirectory"]
    assert f"DUOSTYLE_DATA_DIR={keys['WorkingDirectory']}" in keys["Environment"]
    assert int(keys["TimeoutStopSec"]) > Settings.model_fields["shutdown_grace_s"].default
    # PyTorch makes machine code while it runs
    assert "MemoryDenyWriteExecute" not in keys


# --- words


def test_the_documentation_leads_to_every_file() -> None:
    text = (ROOT / "docs" / "deployment.md").read_text("utf-8")
    for path in DEPLOY.iterdir():
        assert f"deploy/{path.name}" in text, path.name
