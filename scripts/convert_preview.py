"""Write the weights of the preview and of the person's mask, and the answers of the original files that the tests use.

    python scripts/convert_preview.py FOLDER

FOLDER holds `arbitrary_predict.onnx`, `arbitrary_transform.onnx` and `selfie_segmentation.tflite`; where they come
from is in server/duostyle/data/weights/README.md. Needs the packages onnx, onnxruntime and ai-edge-litert.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter
from onnx import helper, numpy_helper
from PIL import Image
from safetensors.numpy import save_file

ROOT = Path(__file__).parents[1]
WEIGHTS = ROOT / "server/duostyle/data/weights"
GALLERY = ROOT / "server/duostyle/data/gallery"
ANSWERS = ROOT / "tests/engine/preview/answers.safetensors"
ORIGINALS = {
    "arbitrary_predict.onnx": "d832a92a6afc170510252cc5b65836fcf8354909e6f17cf02f8960f4e054a20d",
    "arbitrary_transform.onnx": "866c80c340bee8d1c72f5237476244ccd9a6c1b11afdb9e7de37591b7a2345cd",
    "selfie_segmentation.tflite": "8d13b7fae74af625c641226813616a2117bd6bca19eb3b75574621fc08557f27",
}
TRANSFORM_PX, STYLE_PX, PERSON_PX = 384, 256, 256
# the pictures of the gallery that the recorded answers are about
CONTENT = "astronaut.jpg"
STYLES = ("starry.jpg", "mosaic.jpg")

Array = np.ndarray


def main(folder: Path) -> None:
    """Convert all three networks and record their answers."""
    for name, sha256 in ORIGINALS.items():
        if hashlib.sha256((folder / name).read_bytes()).hexdigest() != sha256:
            sys.exit(f"{name} is another file than the one that the README describes")
    instant = dict(predict(folder / "arbitrary_predict.onnx")) | dict(transform(folder / "arbitrary_transform.onnx"))
    save_file(halves(instant), WEIGHTS / "instant-fp16.safetensors")
    save_file(halves(dict(person(folder / "selfie_segmentation.tflite"))), WEIGHTS / "person-fp16.safetensors")
    ANSWERS.parent.mkdir(exist_ok=True)
    save_file(answers(folder), ANSWERS)
    for path in (WEIGHTS / "instant-fp16.safetensors", WEIGHTS / "person-fp16.safetensors", ANSWERS):
        print(path.relative_to(ROOT), path.stat().st_size, hashlib.sha256(path.read_bytes()).hexdigest())


def halves(tensors: dict[str, Array]) -> dict[str, Array]:
    """Weights as float16; biases are few and stay float32."""
    return {
        name: np.ascontiguousarray(x.astype(np.float32 if name.endswith("bias") else np.float16))
        for name, x in tensors.items()
    }


def constants(path: Path) -> dict[str, Array]:
    """All weights of an ONNX file, dequantised, by the name of what they become."""
    graph = onnx.load(path).graph
    raw = {one.name: numpy_helper.to_array(one) for one in graph.initializer}
    found = {}
    for node in graph.node:
        if node.op_type == "DequantizeLinear" and node.input[0] in raw:
            values, scale, zero = (raw[name].astype(np.float64) for name in node.input)
            shape = (-1,) + (1,) * (values.ndim - 1) if scale.ndim else ()
            found[node.output[0]] = (values - zero.reshape(shape)) * scale.reshape(shape)
    return found


def convolutions(path: Path) -> Iterator[tuple[str, Array, Array]]:
    """Name, weight and bias of each convolution of an ONNX file, in order."""
    known = constants(path)
    for node in onnx.load(path).graph.node:
        if node.op_type == "Conv":
            name = node.input[1].removesuffix("weights_dequant").rstrip("/_")
            yield name, known[node.input[1]], known[node.input[2]]


def predict(path: Path) -> Iterator[tuple[str, Array]]:
    """The network of the style vector: MobileNetV2, `stem`, 17 blocks, `head`, `vector`."""
    names = {"MobilenetV2/Conv": "stem", "MobilenetV2/Conv_1": "head", "mobilenet_conv/Conv": "vector"}
    for name, weight, bias in convolutions(path):
        short = names.get(name)
        if short is None:
            block, part = name.removesuffix("/depthwise").split("/")[1:3]
            short = f"block{block.removeprefix('expanded_conv').removeprefix('_') or '0'}.{part}"
        yield f"predict.{short}.weight", weight
        yield f"predict.{short}.bias", bias


def transform(path: Path) -> Iterator[tuple[str, Array]]:
    """The network that paints: its convolutions, and one matrix from the style vector to all shifts and scales."""
    shifts, scales = {}, {}
    for name, weight, bias in convolutions(path):
        place = name.removeprefix("style_params/").removeprefix("transformer/")
        place = place.replace("/conv/", "/").removesuffix("/conv")
        if "/StyleNorm/" in place:
            place, _, which = place.partition("/StyleNorm/")
            (shifts if which == "Conv" else scales)[place] = weight[:, :, 0, 0], bias
            continue
        short = place.removeprefix("residual/").replace("/", ".")
        yield f"transform.{short}.weight", weight
        # a bias before a normalisation has no effect
        if place.startswith("contract"):
            yield f"transform.{short}.bias", bias
    order = [f"residual/residual{i}/conv{j}" for i in range(1, 6) for j in (1, 2)]
    order += [f"expand/conv{i}" for i in (1, 2, 3)]
    for kind, found in (("shift", shifts), ("scale", scales)):
        yield f"transform.{kind}.weight", np.concatenate([found[place][0] for place in order])
        yield f"transform.{kind}.bias", np.concatenate([found[place][1] for place in order])


def person(path: Path) -> Iterator[tuple[str, Array]]:
    """The network of the person's mask; its convolutions keep the names and numbers of the original."""
    model = schema.ModelT.InitFromPackedBuf(path.read_bytes(), 0)
    graph = model.subgraphs[0]
    for tensor in graph.tensors:
        name = tensor.name.decode()
        if not name.endswith(("/Kernel", "/Bias")):
            continue
        data = model.buffers[tensor.buffer].data
        values = np.frombuffer(bytes(data), dtype=np.float16).reshape(tensor.shape)
        layer, kind = name.split("/")
        if kind == "Bias":
            yield f"{layer}.bias", values
        elif layer.startswith("depthwise"):
            yield f"{layer}.weight", values.transpose(3, 0, 1, 2)  # [channels, 1, h, w]
        else:
            yield f"{layer}.weight", values.transpose(0, 3, 1, 2)  # [out, in, h, w]


def picture(name: str, side_px: int) -> Array:
    """A picture of the gallery, squeezed to a square, [1, side, side, 3] in 0..1."""
    image = Image.open(GALLERY / name).convert("RGB").resize((side_px, side_px), Image.Resampling.BICUBIC)
    return np.asarray(image, dtype=np.float32)[None] / 255


def unrounded(path: Path) -> bytes:
    """The same ONNX file with its activations left as they are; the original rounds each of them to 8 bits."""
    model = onnx.load(path)
    kept, nodes = {one.name for one in model.graph.initializer}, []
    for node in model.graph.node:
        if node.op_type == "QuantizeLinear" or (node.op_type == "DequantizeLinear" and node.input[0] not in kept):
            nodes.append(helper.make_node("Identity", node.input[:1], node.output))
        else:
            nodes.append(node)
    del model.graph.node[:], model.graph.value_info[:]
    model.graph.node.extend(nodes)
    return bytes(model.SerializeToString())


def answers(folder: Path) -> dict[str, Array]:
    """What the original files answer: vectors, painted pictures and the mask, both as bytes.

    `exact` is what they answer with unrounded activations, `rounded` as they are.
    """
    onnxruntime.set_default_logger_severity(3)
    content = picture(CONTENT, TRANSFORM_PX)
    found: dict[str, Array] = {}
    paths = [folder / f"arbitrary_{name}.onnx" for name in ("predict", "transform")]
    for kind, models in (("exact", map(unrounded, paths)), ("rounded", map(Path.read_bytes, paths))):
        predictor, transformer = (onnxruntime.InferenceSession(model) for model in models)
        (entry,) = (one.name for one in predictor.get_inputs())
        vectors = [predictor.run(None, {entry: picture(style, STYLE_PX)})[0] for style in STYLES]
        names = [one.name for one in transformer.get_inputs()]
        for index, vector in enumerate([*vectors, (vectors[0] + vectors[1]) / 2]):
            found[f"{kind}.vector{index}"] = vector.reshape(1, 100)
            (painted,) = transformer.run(None, dict(zip(names, (content, vector.reshape(1, 1, 1, 100)), strict=True)))
            # every third pixel: all places of what enlarging by 2 twice can do differently
            found[f"{kind}.painted{index}"] = in_bytes(painted[0, ::3, ::3])  # [128, 128, 3]
            found[f"{kind}.means{index}"] = painted[0].reshape(48, 8, 48, 8, 3).mean((1, 3))  # of 8 x 8 px
    interpreter = Interpreter(str(folder / "selfie_segmentation.tflite"))
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], picture(CONTENT, PERSON_PX))
    interpreter.invoke()
    mask = interpreter.get_tensor(interpreter.get_output_details()[0]["index"])
    found["person"] = in_bytes(mask[0, :, :, 0])  # [256, 256]
    return found


def in_bytes(x: Array) -> Array:
    """Numbers in 0..1 as bytes."""
    rounded: Array = np.rint(np.ascontiguousarray(x) * 255).astype(np.uint8)
    return rounded


if __name__ == "__main__":
    main(Path(sys.argv[1]))
