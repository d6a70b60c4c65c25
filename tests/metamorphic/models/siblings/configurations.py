"""Configurations: dialects of JSON, targets of Hydra and its kin, code of a repository."""

# ruff: noqa: E501  # one case a line reads as a table
from __future__ import annotations

import base64
import json

from tests.metamorphic.models.siblings.common import case, tarred, written, zipped

# ---- 3 JSON
lam = {
    "class_name": "Functional",
    "module": "keras",
    "config": {
        "layers": [
            {
                "class_name": "Lambda",
                "module": "keras.layers",
                "config": {
                    "function": {"class_name": "__lambda__", "config": {"code": base64.b64encode(b"\xe3abc").decode()}}
                },
                "registered_name": None,
            }
        ]
    },
}
dense = {
    "class_name": "Functional",
    "module": "keras",
    "config": {
        "layers": [{"class_name": "Dense", "module": "keras.layers", "config": {"units": 3}, "registered_name": None}]
    },
}


def keras(raw):
    return {"m.keras": zipped({"metadata.json": b'{"keras_version":"3.5.0"}', "config.json": raw})}
    return {
        "m.keras": zipped(
            {
                "metadata.json": b'{"keras_version":"3.5.0"}',
                "config.json": raw,
                "model.weights.h5": b"\x89HDF\r\n\x1a\n" + b"\0" * 56,
            }
            if False
            else {"metadata.json": b'{"keras_version":"3.5.0"}', "config.json": raw}
        )
    }


case("3", "keras_bom", keras(b"\xef\xbb\xbf" + written(lam)), keras(written(dense)))
case("3", "keras_utf32be", keras(json.dumps(lam).encode("utf-32-be")), keras(json.dumps(dense).encode("utf-8")))
case(
    "3",
    "keras_dup_key",
    keras(
        b'{"class_name":"Functional","module":"keras","config":{"layers":[]},"config":' + written(lam["config"]) + b"}"
    ),
    keras(written(dense)),
)
case(
    "3",
    "keras_long_int",
    keras(written({**lam, "x": 1})[:-1] + b', "n": ' + b"9" * 6000 + b"}"),
    keras(written({**dense, "n": 12345678901234567890})),
)
case(
    "3",
    "keras_surrogate",
    keras(written(lam)[:-1] + b', "k\\ud800": "\\udfff"}'),
    keras(written({**dense, "name": "m\u00e9"})),
)
case(
    "3",
    "tok_template_list_escaped",
    {
        "tokenizer_config.json": json.dumps(
            {
                "chat_template": [
                    {"name": "default", "template": "ok"},
                    {"name": "tool_use", "template": "{{ ''.__class__.__mro__[1].__subclasses__() }}"},
                ]
            }
        )
        .replace("__", "\\u005f\\u005f")
        .encode()
    },
    {
        "tokenizer_config.json": written(
            {
                "chat_template": [
                    {"name": "default", "template": "{% for m in messages %}{{ m.role }}: {{ m.content }}{% endfor %}"}
                ]
            }
        )
    },
)
case(
    "3",
    "processor_nan",
    {"processor_config.json": b'{"x": NaN, "chat_template": "{{ cycler.__init__.__globals__.os.popen(\'id\') }}"}'},
    {"processor_config.json": b'{"x": NaN, "image_token": "<image>"}'},
)
case(
    "3",
    "config_automap_utf16be_nobom",
    {
        "config.json": json.dumps({"model_type": "llama", "auto_map": {"AutoModel": "evil/repo--modeling_x.X"}}).encode(
            "utf-16-be"
        )
    },
    {"config.json": written({"model_type": "llama", "architectures": ["LlamaForCausalLM"]})},
)


def sk(mod, cls):
    return written(
        {
            "__class__": cls,
            "__module__": mod,
            "__loader__": "ObjectNode",
            "content": {
                "__class__": "dict",
                "__module__": "builtins",
                "__loader__": "DictNode",
                "content": {},
                "key_types": {"__class__": "list", "__module__": "builtins", "__loader__": "ListNode", "content": []},
            },
            "protocol": 2,
            "_skops_version": "0.13",
        }
    )


case(
    "3",
    "skops_method_node",
    {"m.skops": zipped({"schema.json": sk("os", "system").replace(b"ObjectNode", b"FunctionNode")})},
    {"m.skops": zipped({"schema.json": sk("sklearn.linear_model._base", "LinearRegression")})},
)


# ---- 6 configs
case(
    "6",
    "hydra_merge_anchor",
    {"config.yaml": b"base: &b\n  _target_: subprocess.check_output\n  args: [id]\nmodel:\n  <<: *b\n"},
    {"config.yaml": b"model:\n  _target_: torch.nn.Linear\n  in_features: 3\n  out_features: 4\n"},
)
case(
    "6",
    "yaml_python_name",
    {"config.yaml": b"%TAG !p! tag:yaml.org,2002:python/\n---\nx: !p!object/apply:os.system [id]\n"},
    {"config.yaml": b"%YAML 1.1\n---\nx: 1\n"},
)
case(
    "6",
    "diffusers_custom_module",
    {
        "model_index.json": written(
            {"_class_name": "X", "_diffusers_version": "0.30", "unet": ["my_evil_unet", "UNet"]}
        ),
        "my_evil_unet.py": b"import os\nos.system('id')\n",
    },
    {
        "model_index.json": written(
            {
                "_class_name": "StableDiffusionPipeline",
                "_diffusers_version": "0.30",
                "unet": ["diffusers", "UNet2DConditionModel"],
            }
        )
    },
)
case(
    "6",
    "custom_pipelines",
    {
        "config.json": written(
            {"model_type": "gpt2", "custom_pipelines": {"text-generation": {"impl": "pipe.P", "pt": ["AutoModel"]}}}
        )
    },
    {"config.json": written({"model_type": "gpt2", "task_specific_params": {"text-generation": {"do_sample": True}}})},
)
case(
    "6",
    "attn_kernel_repo",
    {"config.json": written({"model_type": "llama", "_attn_implementation": "evil-org/flash-kernel"})},
    {"config.json": written({"model_type": "llama", "_attn_implementation": "flash_attention_2"})},
)
case(
    "6",
    "sub_config_attn",
    {
        "config.json": written(
            {"model_type": "llava", "text_config": {"attn_implementation": "evil-org/kernels@main:f"}}
        )
    },
    {"config.json": written({"model_type": "llava", "text_config": {"attn_implementation": "sdpa"}})},
)
case(
    "6",
    "st_modules_type",
    {"modules.json": written([{"idx": 0, "name": "0", "path": "", "type": "my_code.Evil"}])},
    {
        "modules.json": written(
            [{"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"}]
        )
    },
)
case(
    "6",
    "st_activation",
    {
        "2_Dense/config.json": written(
            {"in_features": 3, "out_features": 3, "bias": True, "activation_function": "os.system"}
        )
    },
    {
        "2_Dense/config.json": written(
            {
                "in_features": 3,
                "out_features": 3,
                "bias": True,
                "activation_function": "torch.nn.modules.activation.Tanh",
            }
        )
    },
)
case(
    "6",
    "mlflow_loader",
    {
        "MLmodel": b"flavors:\n  python_function:\n    loader_module: evil_loader\n    code: code\n    python_version: 3.11\n",
        "code/evil_loader.py": b"import os\nos.system('id')\n",
    },
    {
        "MLmodel": b"flavors:\n  python_function:\n    loader_module: mlflow.sklearn\n    model_path: model.pkl\n    python_version: 3.11\n"
    },
)
case(
    "6",
    "spacy_cfg",
    {
        "config.cfg": b'[nlp]\nlang = "en"\n[initialize]\n[initialize.before_init]\n@callbacks = "evil.run.v1"\n',
        "meta.json": written({"lang": "en", "name": "x", "spacy_version": ">=3"}),
        "evil.py": b"import os\nos.system('id')\n",
    },
    {
        "config.cfg": b'[nlp]\nlang = "en"\npipeline = ["tagger"]\n',
        "meta.json": written({"lang": "en", "name": "x", "spacy_version": ">=3"}),
    },
)


case(
    "6",
    "nemo_target",
    {
        "m.nemo": tarred(
            {
                "./model_config.yaml": b"target: nemo.collections.asr.models.EncDecCTCModel\npreprocessor:\n  _target_: nemo.core.classes.common.import_class_by_path\n  path: os.system\n"
            }
        )
    },
    {
        "m.nemo": tarred(
            {
                "./model_config.yaml": b"target: nemo.collections.asr.models.EncDecCTCModel\npreprocessor:\n  _target_: nemo.collections.asr.modules.AudioToMelSpectrogramPreprocessor\n  sample_rate: 16000\n"
            }
        )
    },
)
case(
    "6",
    "ld_target_nested",
    {
        "v2.yaml": b"model:\n  target: ldm.models.diffusion.ddpm.LatentDiffusion\n  params:\n    first_stage_config:\n      target: os.system\n      params: {command: id}\n"
    },
    {
        "v2.yaml": b"model:\n  target: ldm.models.diffusion.ddpm.LatentDiffusion\n  params:\n    first_stage_config:\n      target: ldm.models.autoencoder.AutoencoderKL\n      params: {embed_dim: 4}\n"
    },
)
case(
    "6",
    "lightning_class_path",
    {"config.json": written({"model": {"class_path": "subprocess.Popen", "init_args": {"args": ["id"]}}})},
    {
        "config.json": written(
            {"model": {"class_path": "torch.nn.Linear", "init_args": {"in_features": 1, "out_features": 1}}}
        )
    },
)
