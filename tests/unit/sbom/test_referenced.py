"""What a project uses without holding it: what its code names, and what packagers' files do."""

from __future__ import annotations

import json
from pathlib import Path

from secpipe.api.inventories import Asked, inventory_of
from secpipe.core.inventory import Component, ComponentKind
from secpipe.formats.huggingface import read_card
from secpipe.sbom.cyclonedx import emit
from secpipe.sbom.sources.cards import card_facts
from secpipe.sbom.validate import validate
from secpipe.scan.shadow_ai.scan import scan
from secpipe.system.tree import open_tree
from tests.unit.gate_builders import NOW

PROGRAM = """
from datasets import load_dataset
from langchain import hub
from langchain.chat_models import init_chat_model
from peft import PeftModel
from transformers import AutoModel

REVISION = "0123456789abcdef0123456789abcdef01234567"
base = AutoModel.from_pretrained("meta-llama/Llama-3.2-1B", revision=REVISION)
tuned = PeftModel.from_pretrained(base, "acme/lora-llama")
tuned.load_adapter("acme/second")
train = load_dataset("squad_v2", split="train")
mine = load_dataset("json", data_files="data/x.json")
same = load_dataset("csv", data_files=["a.csv", "b.csv"])
chat = init_chat_model("gpt-4o", model_provider="openai")
asked = hub.pull("rlm/rag-prompt")
local = AutoModel.from_pretrained("./weights")
"""


def made(folder: Path) -> dict[str, Component]:
    inventory, _ = inventory_of(str(folder), NOW, Asked())
    for spec in ("1.6", "1.7"):
        assert validate(emit(inventory, name="x", now=NOW, spec=spec)) == ()
    return {item.name: item for item in inventory.components}


def test_what_code_names_is_referenced_with_its_place(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(PROGRAM)
    found = {name: item for name, item in made(tmp_path).items() if item.kind is not ComponentKind.SERVICE}
    assert {name: (item.kind, item.line) for name, item in found.items()} == {
        "meta-llama/Llama-3.2-1B": (ComponentKind.MODEL, 9),
        "acme/lora-llama": (ComponentKind.MODEL, 10),
        "acme/second": (ComponentKind.MODEL, 11),
        "squad_v2": (ComponentKind.DATASET, 12),
        "gpt-4o": (ComponentKind.MODEL, 15),
        "rlm/rag-prompt": (ComponentKind.PROMPT, 16),
    }
    assert all("referenced" in item.facts and not item.purl and not item.digests for item in found.values())
    assert {name for name, item in found.items() if "adapter" in item.facts} == {"acme/lora-llama", "acme/second"}
    assert {name for name, item in found.items() if item.facts["pinned"].value == "yes"} == {"meta-llama/Llama-3.2-1B"}


def test_a_test_of_the_project_uses_nothing(tmp_path: Path) -> None:
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "test_app.py").write_text(PROGRAM)
    (tmp_path / "app.py").write_text("print(1)\n")
    assert "squad_v2" not in made(tmp_path)


def test_a_name_of_the_tree_is_no_second_component(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text('from datasets import load_dataset\nload_dataset("acme-notes")\n')
    (tmp_path / "acme-notes").mkdir()
    (tmp_path / "acme-notes" / "README.md").write_text("---\nconfigs: []\n---\n# Notes\n")
    (tmp_path / "acme-notes" / "a.jsonl").write_text("{}\n")
    found = made(tmp_path)
    assert "referenced" not in found["acme-notes"].facts


def test_a_spacy_pipeline_is_one_model_with_what_its_meta_says(tmp_path: Path) -> None:
    folder = tmp_path / "en_tiny"
    folder.mkdir()
    meta = {"lang": "en", "name": "tiny", "version": "3.7.0", "license": "MIT", "spacy_version": ">=3.7",
            "pipeline": ["ner"], "performance": {"ents_f": 0.8, "x": None}}  # fmt: skip
    (folder / "meta.json").write_text(json.dumps(meta))
    (folder / "model").write_bytes(b"\0\1")
    found = made(tmp_path)
    assert (found["en_tiny"].version, found["en_tiny"].licenses) == ("3.7.0", ("MIT",))
    assert found["en_tiny"].facts["metrics"].value == '[{"dataset": "", "task": "", "type": "ents_f", "value": "0.8"}]'
    assert {"meta.json", "model"} <= set(found)


def test_other_files_of_that_name_are_none(tmp_path: Path) -> None:
    (tmp_path / "meta.json").write_text('{"lang": "en", "title": "a page"}')
    assert made(tmp_path) == {}


def test_a_kitfile_describes_what_is_there_and_names_what_is_not(tmp_path: Path) -> None:
    (tmp_path / "Kitfile").write_text(
        "manifestVersion: 1.0.0\npackage: {name: kit, version: 1.0.0, license: Apache-2.0}\n"
        "model: {name: m, path: ./m.gguf, license: MIT}\n"
        "datasets:\n- {name: notes, path: data/notes.csv}\n- {name: gone, path: ../../etc/passwd}\n"
    )
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "notes.csv").write_text("a\n")
    found = made(tmp_path)
    assert found["notes.csv"].licenses == ("Apache-2.0",)
    assert "referenced" not in found["notes.csv"].facts
    assert {"gone", "m"} == {name for name, item in found.items() if "referenced" in item.facts}


def test_dvc_names_data_by_the_digest_that_they_must_have(tmp_path: Path) -> None:
    (tmp_path / "data.csv.dvc").write_text(
        "outs:\n- md5: d41d8cd98f00b204e9800998ecf8427e\n  size: 12\n  hash: md5\n  path: data.csv\n"
    )
    (tmp_path / "dvc.lock").write_text(
        "schema: '2.0'\nstages:\n  train:\n    cmd: python train.py\n    deps:\n    - path: train.py\n      md5: aa\n"
        "    outs:\n    - path: model.bin\n      md5: 0cc175b9c0f1b6a831c399e269772661\n"
    )
    found = made(tmp_path)
    assert [(one.algorithm, one.value) for one in found["data.csv"].digests] == [
        ("md5", "d41d8cd98f00b204e9800998ecf8427e")
    ]
    assert found["model.bin"].kind is ComponentKind.MODEL
    assert "train.py" not in found


def test_the_hub_s_template_gives_what_was_filled_in_and_nothing_else() -> None:
    card = read_card(
        b"---\nlicense: mit\n---\n# Model Card for tiny\n\n## Model Details\n\n### Model Description\n\n"
        b"<!-- Provide a longer summary. -->\n\n- **Developed by:** Acme Research\n"
        b"- **Funded by [optional]:** [More Information Needed]\n- **Language(s) (NLP):** English\n\n"
        b"## Uses\n\n### Direct Use\n\nAnswering questions about invoices.\n\n"
        b"## Bias, Risks, and Limitations\n\n[More Information Needed]\n\n## Training Details\n\n### Training Data\n\n"
        b"[More Information Needed]\n"
    )
    facts = {name: fact.value for name, fact in card_facts(card, "README.md").items()}
    assert facts["supplier"] == "Acme Research"
    assert facts["intended-use"] == "Answering questions about invoices."
    assert "limitations" not in facts
    assert "training" not in facts
    assert "More Information" not in str(facts)


LIBRARIES = """
import timm
from fastembed import TextEmbedding
from haystack.components.embedders import SentenceTransformersTextEmbedder
from huggingface_hub import snapshot_download
from langchain.chat_models import init_chat_model
from mlx_lm import load
from smolagents import TransformersModel
from unsloth import FastLanguageModel

snapshot_download(repo_id="acme/corpus", repo_type="dataset")
snapshot_download("acme/weights")
made, tokens = load("acme/for-mlx")
agent = TransformersModel("acme/agent")
fast = FastLanguageModel.from_pretrained(model_name="acme/fast")
text = SentenceTransformersTextEmbedder(model="acme/embedder")
more = TextEmbedding("acme/onnx-embedder")
seen = timm.create_model("vit_base_patch16_224", pretrained=True)
bare = timm.create_model("resnet18")
chat = init_chat_model("openai:gpt-4o-mini")
"""


def test_each_library_s_own_way_to_name_a_model_is_known(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(LIBRARIES)
    found = made(tmp_path)
    models = {name for name, item in found.items() if item.kind is ComponentKind.MODEL}
    assert models == {
        "acme/weights", "acme/for-mlx", "acme/agent", "acme/fast", "acme/embedder", "acme/onnx-embedder",
        "vit_base_patch16_224", "gpt-4o-mini",
    }  # fmt: skip
    assert found["acme/corpus"].kind is ComponentKind.DATASET


def test_an_example_in_a_readme_is_nothing_that_is_used(tmp_path: Path) -> None:
    text = (
        "Name: x\nVersion: 1\n\n```python\nfrom openai import OpenAI\nOpenAI().responses.create(model='gpt-4o')\n```\n"
    )
    (tmp_path / "x.egg-info").mkdir()
    for place in ("README.md", "PKG-INFO", "x.egg-info/PKG-INFO"):
        (tmp_path / place).write_text(text)
    assert not [item for item in made(tmp_path).values() if item.kind is ComponentKind.MODEL]


def test_a_name_in_a_list_of_names_is_told_from_one_that_is_used(tmp_path: Path) -> None:
    names = 'NAMES = {"openai/gpt-4o": 1, "openai/o3": 2}\n'
    (tmp_path / "app.py").write_text(f'import litellm\nlitellm.completion(model="anthropic/claude-3-haiku")\n{names}')
    told = {name: item.facts["referenced"].value for name, item in made(tmp_path).items() if "referenced" in item.facts}
    assert told["anthropic/claude-3-haiku"] == "named in code, not part of this release"
    assert told["openai/gpt-4o"] == told["openai/o3"] == "a name in code, not seen in use"


def test_a_page_about_prompts_is_none(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    for name in ("docs/prompt_caching.md", "docs/system-prompt.md", "docs/qa_prompt_v2.md", "prompt_notes.md"):
        (tmp_path / name).write_text("You are a helpful assistant.")
    prompts = {item.path for item in made(tmp_path).values() if item.kind is ComponentKind.PROMPT}
    assert prompts == {"docs/system-prompt.md", "docs/qa_prompt_v2.md", "prompt_notes.md"}


OWN_NAMES = """
import clip, open_clip, spacy, torch, torchvision, whisper
import gensim.downloader as words
from bertopic import BERTopic
from faster_whisper import WhisperModel
from flair.models import SequenceTagger
from keras.applications import ResNet50, VGG16
from llama_cpp import Llama
from torchvision.models import resnet50
from ultralytics import YOLO

torch.hub.load("pytorch/vision:v0.10.0", "resnet18")
whisper.load_model("large-v3")
WhisperModel("small")
words.load("glove-wiki-gigaword-50")
words.load("text8")
spacy.load("en_core_web_sm")
spacy.load("./here")
spacy.blank("en")
SequenceTagger.load("flair/ner-english")
resnet50(weights="DEFAULT")
torchvision.models.resnet18(pretrained=True)
torchvision.models.resnet34()
torchvision.models.resnet101(weights=None)
ResNet50()
VGG16(weights=None)
open_clip.create_model_and_transforms("ViT-B-32", pretrained="openai")
clip.load("ViT-B/32")
YOLO("yolov8n.pt")
YOLO("mine/best.pt")
BERTopic(embedding_model="all-MiniLM-L6-v2")
Llama.from_pretrained(repo_id="Qwen/Qwen2-0.5B-Instruct-GGUF", filename="*q8_0.gguf")
"""


def test_the_names_of_a_library_s_own_models_are_told(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(OWN_NAMES)
    (tmp_path / "mine").mkdir()
    found = [item for item in made(tmp_path).values() if "referenced" in item.facts]
    assert {item.name for item in found if item.kind is ComponentKind.MODEL} == {
        "pytorch/vision:v0.10.0 resnet18", "whisper-large-v3", "faster-whisper-small", "glove-wiki-gigaword-50",
        "en_core_web_sm", "flair/ner-english", "resnet50", "resnet18", "ResNet50", "open_clip-ViT-B-32",
        "clip-ViT-B/32", "yolov8n.pt", "mine/best.pt", "all-MiniLM-L6-v2", "Qwen/Qwen2-0.5B-Instruct-GGUF",
    }  # fmt: skip
    assert {item.name for item in found if item.kind is ComponentKind.DATASET} == {"text8"}


def test_such_a_name_is_neither_a_use_of_a_provider_nor_a_finding(tmp_path: Path) -> None:
    text = 'import spacy, whisper\nspacy.load("en_core_web_sm")\nwhisper.load_model("base")\n'
    (tmp_path / "app.py").write_text(text + 'p.add_argument("--model", default="acme/big")\n')
    evidence = scan(open_tree(tmp_path))
    assert (evidence.facts["uses"], evidence.findings) == ([], ())
    assert {one["name"] for one in evidence.facts["references"]} == {"en_core_web_sm", "whisper-base", "acme/big"}


OPTIONS = """
import argparse, click
from dataclasses import dataclass, field

DEFAULT_MODEL_ID = "acme/constant"
ALIGN_MODELS = {"ja": "acme/align-ja", "de": "acme/align-de", "x": 3}
parser = argparse.ArgumentParser()
parser.add_argument("--model", default="meta-llama/Llama-3.2-1B")
parser.add_argument("--model_name_or_path", type=str, default="bert-base-uncased")
parser.add_argument("-m", "--llm", default="gpt-4o-mini")
parser.add_argument("--dataset", default="acme/questions")
parser.add_argument("--base_model", default="./weights")
parser.add_argument("--model-dir", default="models/out")
parser.add_argument("--checkpoint-model", default="checkpoints/last")
parser.add_argument("--model", default="unet")
parser.add_argument("--output", default="acme/no-model")
parser.add_argument("--content-type", default="application/json")


@click.option("--embedding-model", default="BAAI/bge-small-en")
def run(embedding_model): ...


@dataclass
class Arguments:
    model_name_or_path: str = field(default="acme/field")
    reward_model: str = "acme/reward"
    dataset_name: str = "acme/notes"
"""


def test_the_default_of_an_option_names_what_runs_when_nobody_says_otherwise(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(OPTIONS)
    found = {item.name: item for item in made(tmp_path).values() if "referenced" in item.facts}
    assert {name for name, item in found.items() if item.kind is ComponentKind.MODEL} == {
        "acme/align-ja", "acme/align-de", "acme/constant", "meta-llama/Llama-3.2-1B", "bert-base-uncased",
        "gpt-4o-mini", "BAAI/bge-small-en", "acme/field", "acme/reward",
    }  # fmt: skip
    assert {name for name, item in found.items() if item.kind is ComponentKind.DATASET} == {
        "acme/questions",
        "acme/notes",
    }
    assert found["acme/constant"].facts["referenced"].value == "a name in code, not seen in use"


def test_settings_and_commands_name_models_too(tmp_path: Path) -> None:
    (tmp_path / "train.yaml").write_text("base_model: acme/base\nembedding_model: acme/embed\nmodel_path: models/a\n")
    (tmp_path / "compose.yaml").write_text(
        "services:\n  v:\n    image: vllm/vllm-openai:v0.5.0\n    command: --model acme/served --port 8000\n"
        '  t:\n    image: ghcr.io/huggingface/text-generation-inference:2.0\n    command: ["--model-id", "acme/tgi"]\n'
    )
    (tmp_path / "run.sh").write_text(
        "# --model acme/old\npython train.py \\\n    --model_name_or_path acme/tuned \\\n"
        "    --teacher-model=acme/teacher --output_dir out/dir\n"
    )
    found = {item.name for item in made(tmp_path).values() if item.kind is ComponentKind.MODEL}
    assert found == {"acme/base", "acme/embed", "acme/served", "acme/tgi", "acme/tuned", "acme/teacher"}


def test_a_model_of_a_hub_or_gateway_is_its_organisation_s(tmp_path: Path) -> None:
    (tmp_path / "hub.py").write_text(
        'from huggingface_hub import InferenceClient\nInferenceClient(model="anthropic/claude-3-haiku")\n'
    )
    (tmp_path / "gateway.py").write_text(
        'from openai import OpenAI\nclient = OpenAI(base_url="https://openrouter.ai/api/v1")\n'
        'client.chat.completions.create(model="anthropic/claude-3.5-sonnet")\n'
    )
    found = [item for item in made(tmp_path).values() if item.kind is ComponentKind.MODEL]
    assert {(item.facts["supplier"].value, item.facts["served-by"].value) for item in found} == {
        ("anthropic", "huggingface"), ("anthropic", "openrouter"),
    }  # fmt: skip
