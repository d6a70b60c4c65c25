"""What generators write is read as claims: images of ComfyUI and webui, adapters of sd-scripts, JSON of diffusers."""

from __future__ import annotations

import io
import json
import random
import struct
from pathlib import Path

import pytest

from secpipe.cli.main import run
from secpipe.core.artifact import Digest
from secpipe.formats import images
from secpipe.lineage import beside
from secpipe.lineage.importers.file import read
from secpipe.lineage.record import Grade, Input, Role
from tests.unit.lineage.pictures import A1111, chunk, comment, exif, graph, jpeg, png, webp


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    "data",
    [
        png(parameters=A1111), png(z_parameters=A1111), png(i_parameters=A1111),
        jpeg(exif(0x9286, comment(A1111))), webp(exif(0x9286, comment(A1111), "<")),
        jpeg(exif(0x9286, b"ASCII\0\0\0" + A1111.encode())),
    ],
)  # fmt: skip
def test_webuis_text_is_read_from_every_kind_of_image(data: bytes) -> None:
    found, problem = read(io.BytesIO(data), len(data))
    assert found is not None
    assert (found.source, problem) == ("a1111", "")
    assert found.inputs == (
        Input("v1-5-pruned", Role.MODEL, (Digest("sha256-prefix", "6ce0161689"),)),
        Input("style", Role.ADAPTER, (Digest("sha256-data-prefix", "0123456789ab"),), 0.8),
    )
    assert {one.name: one.value for one in found.parameters} == {
        "steps": 20, "sampler": "Euler a", "cfg": 7.5, "seed": 2**64 - 1, "size": "512x768",
    }  # fmt: skip
    assert found.prompts == (
        (Role.PROMPT, "a cat on a mat, <lora:style:0.8>\nsecond line"), (Role.NEGATIVE_PROMPT, "blurry, low quality"),
    )  # fmt: skip
    assert found.tool is not None
    assert found.tool.version == "v1.10.0"


@pytest.mark.parametrize(
    "data", [png(prompt=graph(), workflow="{}"), webp(exif(0x0110, b"prompt:" + graph().encode() + b"\0"))]
)
def test_comfys_graph_is_followed_back_to_the_texts(data: bytes) -> None:
    found, _ = read(io.BytesIO(data), len(data))
    assert found is not None
    assert {(one.name, one.role, one.weight) for one in found.inputs} == {
        ("sdxl_base.safetensors", "model", None), ("style.safetensors", "adapter", 0.6),
        ("pose.png", "reference", None),
    }  # fmt: skip
    assert {one.name: one.value for one in found.parameters} == {
        "seed": 7, "steps": 20, "cfg": 8.0, "sampler_name": "euler", "scheduler": "normal", "denoise": 1,
    }  # fmt: skip
    assert set(found.prompts) == {(Role.PROMPT, "a cat"), (Role.NEGATIVE_PROMPT, "blurry")}


def test_an_adapter_of_sd_scripts_names_its_base_and_data() -> None:
    metadata = {
        "ss_sd_model_name": "/home/me/sdxl.safetensors", "ss_new_sd_model_hash": "AB" * 32, "ss_seed": "42",
        "ss_sd_model_hash": "e577480d", "ss_network_dim": "16", "ss_dataset_dirs": '{"10_cat": {"n_repeats": 10}}',
        "ss_tag_frequency": '{"private captions": {}}', "ss_vae_name": "None",
    }  # fmt: skip
    head = json.dumps({"__metadata__": metadata}).encode()
    data = len(head).to_bytes(8, "little") + head
    found, _ = read(io.BytesIO(data), len(data))
    assert found is not None
    assert (found.source, found.operation) == ("ss", "train")
    assert [(one.name, one.role) for one in found.inputs] == [("sdxl.safetensors", "model"), ("10_cat", "dataset")]
    assert found.inputs[0].digest("sha256") == "ab" * 32
    assert {one.name: one.value for one in found.parameters} == {"seed": 42, "rank": 16}


def test_dumps_of_diffusers_are_read() -> None:
    index = {"_class_name": "FluxPipeline", "_diffusers_version": "0.42.1", "_name_or_path": "black/flux",
             "vae": ["diffusers", "AutoencoderKL"]}  # fmt: skip
    call = {"prompt": ["a", "b"], "negative_prompt": "c", "num_inference_steps": 4, "guidance_scale": 3.5, "seed": 1,
            "model": "black/flux", "loras": ["/x/style.safetensors"]}  # fmt: skip
    for document, operation in ((index, "assemble"), (call, "generate")):
        data = json.dumps(document).encode()
        found, _ = read(io.BytesIO(data), len(data))
        assert found is not None
        assert (found.operation, found.inputs[0]) == (operation, Input("black/flux", Role.MODEL))
    assert found is not None
    assert [role for role, _ in found.prompts] == ["prompt", "prompt", "negative-prompt"]


def test_an_import_writes_claims_and_keeps_prompts_private(capsys: pytest.CaptureFixture[str]) -> None:
    Path("cat.png").write_bytes(png(parameters=A1111))
    Path("none.png").write_bytes(png(Title="holiday"))
    assert run(["lineage", "import", "cat.png"]) == 0
    record = beside.read(Path("cat.png"))
    assert set(record.grades.values()) == {Grade.CLAIMED}
    assert record.source == "a1111"
    for text in (Path("cat.png.derivation.json").read_text(), capsys.readouterr().out):
        assert "on a mat" not in text
        assert "blurry" not in text
    assert run(["lineage", "reveal", "cat.png"]) == 0
    assert run(["lineage", "import", "none.png"]) == 3
    Path("call.json").write_text('{"num_inference_steps": 4, "prompt": "x", "model": "m"}')
    assert run(["lineage", "import", "call.json", "--for", "none.png"]) == 0
    assert beside.read(Path("none.png")).source == "diffusers"


def test_a_text_that_unpacks_to_too_much_is_told_and_left() -> None:
    import zlib

    bomb = zlib.compress(b"a" * (64 << 20))
    data = b"\x89PNG\r\n\x1a\n" + chunk(b"zTXt", b"parameters\0\0" + bomb) + chunk(b"IEND", b"")
    found = images.read(io.BytesIO(data), len(data))
    assert found.texts == {}
    assert "unpack" in found.problem


@pytest.mark.parametrize(
    "data",
    [
        b"\x89PNG\r\n\x1a\n" + b"\xff\xff\xff\xfftEXt",
        png(parameters=A1111)[:-30],
        png(parameters=A1111).replace(b"a cat", b"a dog"),  # the sum no longer holds
        png(parameters=A1111, z_parameters=A1111),
        jpeg(b"")[:8],
        webp(b"x" * 9)[:-4],
    ],
)  # fmt: skip
def test_damage_is_told(data: bytes) -> None:
    assert images.read(io.BytesIO(data), len(data)).problem


def test_exif_that_points_into_itself_or_away_ends() -> None:
    loop = b"MM\0*" + struct.pack(">IHHHIII", 8, 1, 0x8769, 4, 1, 8, 0)
    away = b"MM\0*" + struct.pack(">IHHHIII", 8, 1, 0x010F, 2, 2**31, 2**31, 0)
    for block in (loop, away, b"MM\0*\xff\xff\xff\xff", b"II*\0"):
        data = webp(block)
        assert images.read(io.BytesIO(data), len(data)).texts == {}


def test_a_graph_that_bites_its_tail_ends() -> None:
    nodes = {str(nth): {"class_type": "CLIPTextEncode", "inputs": {"text": [str(nth), 0]}} for nth in range(3)}
    nodes["s"] = {"class_type": "KSampler", "inputs": {"positive": ["0", 0], "negative": [[], {}]}}
    data = png(prompt=json.dumps(nodes))
    found, _ = read(io.BytesIO(data), len(data))
    assert found is not None
    assert found.prompts == ()


@pytest.mark.parametrize(
    "sample",
    [
        png(prompt=graph()),
        png(z_parameters=A1111),
        jpeg(exif(0x9286, comment(A1111))),
        webp(exif(0x0110, b"prompt:{}\0")),
    ],
)
def test_rubbish_gets_an_answer(sample: bytes) -> None:
    pick = random.Random(7)
    for _ in range(400):
        data = bytearray(sample)
        for _ in range(pick.randrange(1, 12)):
            data[pick.randrange(len(data))] = pick.randrange(256)
        cut = bytes(data[: pick.randrange(len(data)) + 1])
        for part in (bytes(data), cut):
            read(io.BytesIO(part), len(part))
