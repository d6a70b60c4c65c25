"""What a Hugging Face repository holds: transformers, PEFT, sentence-transformers, tokenizers, chat templates."""

# ruff: noqa: E501  # one call a line reads as a table
from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import torch

from tests.honest.models.libraries.kinds import kind
from tests.honest.models.libraries.torches import tensor

SMALL = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16, "vocab_size": 99}


def tokenizer() -> Any:
    """Return a fast tokenizer of transformers over a few words."""
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    made = Tokenizer(models.BPE(unk_token="[UNK]"))
    made.pre_tokenizer = pre_tokenizers.Whitespace()
    made.train_from_iterator(
        ["the price of a model is a number"] * 3, trainers.BpeTrainer(vocab_size=60, special_tokens=["[UNK]", "[PAD]"])
    )
    return PreTrainedTokenizerFast(tokenizer_object=made, unk_token="[UNK]", pad_token="[PAD]")


def small(chance: random.Random, *only: str) -> Any:
    """Return a model of transformers with a few hundred numbers."""
    import transformers as t

    makers = {
        "bert": lambda: t.BertModel(t.BertConfig(**SMALL)), "llama": lambda: t.LlamaForCausalLM(t.LlamaConfig(**SMALL)),
        "gpt2": lambda: t.GPT2LMHeadModel(t.GPT2Config(n_embd=16, n_layer=1, n_head=2, vocab_size=99)), "qwen": lambda: t.Qwen2ForCausalLM(t.Qwen2Config(**SMALL, num_key_value_heads=2)),
        "t5": lambda: t.T5ForConditionalGeneration(t.T5Config(d_model=16, d_kv=8, d_ff=16, num_layers=1, num_heads=2, vocab_size=99)),
        "mistral": lambda: t.MistralForCausalLM(t.MistralConfig(**SMALL, num_key_value_heads=2)), "vit": lambda: t.ViTModel(t.ViTConfig(**{**SMALL, "image_size": 8, "patch_size": 4})),
    }  # fmt: skip
    return makers[chance.choice(only or tuple(makers))]()


@kind("transformers", 28)
def transformers(folder: Path, chance: random.Random) -> None:
    small(chance).to(chance.choice((torch.float32, torch.bfloat16, torch.float16))).save_pretrained(folder)


@kind("transformers.bin", 12)
def transformers_bin(folder: Path, chance: random.Random) -> None:
    model = small(chance)
    model.config.save_pretrained(folder)
    torch.save(model.state_dict(), folder / "pytorch_model.bin")


@kind("transformers.shards", 4)
def shards(folder: Path, chance: random.Random) -> None:
    small(chance, "llama", "bert").save_pretrained(folder, max_shard_size="5KB")


@kind("transformers.training", 5)
def training(folder: Path, chance: random.Random) -> None:
    from transformers import TrainingArguments

    torch.save(
        TrainingArguments(output_dir="out", learning_rate=chance.random(), use_cpu=True), folder / "training_args.bin"
    )


@kind("transformers.tokenizer", 6)
def tokenizers(folder: Path, chance: random.Random) -> None:
    made = tokenizer()
    made.chat_template = chance.choice(list(TEMPLATES.values()))
    made.save_pretrained(folder)


@kind("peft", 10)
def adapters(folder: Path, chance: random.Random) -> None:
    import peft

    config = chance.choice(
        (
            lambda: peft.LoraConfig(r=2, task_type="CAUSAL_LM"),
            lambda: peft.IA3Config(task_type="CAUSAL_LM"),
            lambda: peft.LoraConfig(r=4, target_modules=["q_proj"]),
        )
    )()
    peft.get_peft_model(small(chance, "llama", "qwen"), config).save_pretrained(folder)


@kind("sentence_transformers", 4)
def sentences(folder: Path, chance: random.Random) -> None:
    from sentence_transformers import SentenceTransformer, models

    (folder / "base").mkdir()
    small(chance, "bert").save_pretrained(folder / "base")
    tokenizer().save_pretrained(folder / "base")
    word = models.Transformer(str(folder / "base"))
    dense = models.Dense(
        16, 8, activation_function=chance.choice((torch.nn.Tanh(), torch.nn.GELU(), torch.nn.Identity()))
    )
    SentenceTransformer(modules=[word, models.Pooling(16), dense, models.Normalize()], device="cpu").save(
        str(folder / "st")
    )


@kind("safetensors", 40)
def safe(folder: Path, chance: random.Random) -> None:
    from safetensors.torch import save_file

    save_file(
        {f"w{n}": tensor(chance).contiguous() for n in range(chance.randrange(1, 7))},
        folder / "model.safetensors",
        metadata={"format": "pt"},
    )


#: Chat templates as the families' own repositories have them, shortened.
TEMPLATES: dict[str, str] = {
    "chatml": "{% for m in messages %}{{'<|im_start|>' + m['role'] + '\n' + m['content'] + '<|im_end|>' + '\n'}}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}",
    "llama2": "{% if messages[0]['role'] == 'system' %}{% set loop_messages = messages[1:] %}{% set system_message = messages[0]['content'] %}{% else %}{% set loop_messages = messages %}{% set system_message = false %}{% endif %}{% for message in loop_messages %}{% if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}{{ raise_exception('Conversation roles must alternate user/assistant/user/assistant/...') }}{% endif %}{% if loop.index0 == 0 and system_message != false %}{% set content = '<<SYS>>\\n' + system_message + '\\n<</SYS>>\\n\\n' + message['content'] %}{% else %}{% set content = message['content'] %}{% endif %}{% if message['role'] == 'user' %}{{ bos_token + '[INST] ' + content.strip() + ' [/INST]' }}{% elif message['role'] == 'assistant' %}{{ ' '  + content.strip() + ' ' + eos_token }}{% endif %}{% endfor %}",
    "llama3": "{{- bos_token }}\n{%- if not date_string is defined %}\n    {%- if strftime_now is defined %}\n        {%- set date_string = strftime_now(\"%d %b %Y\") %}\n    {%- else %}\n        {%- set date_string = \"26 Jul 2024\" %}\n    {%- endif %}\n{%- endif %}\n{%- if messages[0]['role'] == 'system' %}\n    {%- set system_message = messages[0]['content']|trim %}\n    {%- set messages = messages[1:] %}\n{%- else %}\n    {%- set system_message = \"\" %}\n{%- endif %}\n{{- \"<|start_header_id|>system<|end_header_id|>\\n\\n\" }}\n{%- if tools is not none %}\n    {{- \"Environment: ipython\\n\" }}\n{%- endif %}\n{{- \"Cutting Knowledge Date: December 2023\\n\" }}\n{{- \"Today Date: \" + date_string + \"\\n\\n\" }}\n{{- system_message }}\n{%- for message in messages %}\n    {{- '<|start_header_id|>' + message['role'] + '<|end_header_id|>\\n\\n'+ message['content'] | trim + '<|eot_id|>' }}\n{%- endfor %}",
    "qwen3": "{%- set ns = namespace(multi_step_tool=true, last_query_index=messages|length - 1) %}\n{%- for message in messages[::-1] %}\n    {%- set index = (messages|length - 1) - loop.index0 %}\n    {%- if ns.multi_step_tool and message.role == \"user\" and message.content is string and not(message.content.startswith('<tool_response>') and message.content.endswith('</tool_response>')) %}\n        {%- set ns.multi_step_tool = false %}\n        {%- set ns.last_query_index = index %}\n    {%- endif %}\n{%- endfor %}\n{%- for message in messages %}\n    {%- if message.content is string %}\n        {%- set content = message.content %}\n    {%- else %}\n        {%- set content = '' %}\n    {%- endif %}\n    {%- if message.role == \"assistant\" %}\n        {%- set reasoning_content = '' %}\n        {%- if '</think>' in content %}\n            {%- set reasoning_content = content.split('</think>')[0].rstrip('\\n').split('<think>')[-1].lstrip('\\n') %}\n            {%- set content = content.split('</think>')[-1].lstrip('\\n') %}\n        {%- endif %}\n        {{- '<|im_start|>' + message.role + '\\n<think>\\n' + reasoning_content.strip('\\n') + '\\n</think>\\n\\n' + content.lstrip('\\n') }}\n    {%- else %}\n        {{- '<|im_start|>' + message.role + '\\n' + content + '<|im_end|>' + '\\n' }}\n    {%- endif %}\n{%- endfor %}",
    "smollm3": "{%- if messages[0].role == \"system\" -%}\n{%- set system_message = messages[0].content -%}\n{%- if \"/no_think\" in system_message -%}\n{%- set reasoning_mode = \"/no_think\" -%}\n{%- elif \"/think\" in system_message -%}\n{%- set reasoning_mode = \"/think\" -%}\n{%- endif -%}\n{%- set custom_instructions = system_message.replace(\"/no_think\", \"\").replace(\"/think\", \"\").rstrip() -%}\n{%- endif -%}\n{{- \"<|im_start|>system\\n\" -}}\n{%- if custom_instructions -%}{{- custom_instructions -}}{%- else -%}{%- if reasoning_mode == \"/think\" -%}{{- \"You are a helpful AI assistant named SmolLM, trained by Hugging Face. Your role as an assistant involves thoroughly exploring questions through a systematic thinking process.\" -}}{%- else -%}{{- \"You are a helpful AI assistant named SmolLM, trained by Hugging Face.\" -}}{%- endif -%}{%- endif -%}\n{%- for message in messages -%}{{- \"<|im_start|>\" + message.role + \"\\n\" + message.content + \"<|im_end|>\\n\" -}}{%- endfor -%}",
    "gemma": "{{ bos_token }}{% if messages[0]['role'] == 'system' %}{{ raise_exception('System role not supported') }}{% endif %}{% for message in messages %}{% if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}{{ raise_exception('Conversation roles must alternate user/assistant/user/assistant/...') }}{% endif %}{% if (message['role'] == 'assistant') %}{% set role = 'model' %}{% else %}{% set role = message['role'] %}{% endif %}{{ '<start_of_turn>' + role + '\n' + message['content'] | trim + '<end_of_turn>\n' }}{% endfor %}{% if add_generation_prompt %}{{'<start_of_turn>model\n'}}{% endif %}",
    "deepseek": "{% if not add_generation_prompt is defined %}{% set add_generation_prompt = false %}{% endif %}{% set ns = namespace(is_first=false, is_tool=false, system_prompt='') %}{%- for message in messages %}{%- if message['role'] == 'system' %}{% set ns.system_prompt = message['content'] %}{%- endif %}{%- endfor %}{{bos_token}}{{ns.system_prompt}}{%- for message in messages %}{%- if message['role'] == 'user' %}{%- set ns.is_tool = false -%}{{'<｜User｜>' + message['content']}}{%- endif %}{%- if message['role'] == 'assistant' and message['content'] is not none %}{% set content = message['content'] %}{% if '</think>' in content %}{% set content = content.split('</think>')[-1] %}{% endif %}{{'<｜Assistant｜>' + content + '<｜end▁of▁sentence｜>'}}{%- endif %}{%- endfor -%}",
    "mistral": "{%- set today = strftime_now(\"%Y-%m-%d\") %}\n{%- set default_system_message = \"You are Mistral Small, a Large Language Model (LLM) created by Mistral AI.\\nThe current date is \" + today + \".\" %}\n{{- bos_token }}\n{%- if messages[0]['role'] == 'system' %}\n    {%- if messages[0]['content'] is string %}\n        {%- set system_message = messages[0]['content'] %}\n    {%- else %}\n        {%- set system_message = messages[0]['content'][0]['text'] %}\n    {%- endif %}\n    {%- set loop_messages = messages[1:] %}\n{%- else %}\n    {%- set system_message = default_system_message %}\n    {%- set loop_messages = messages %}\n{%- endif %}\n{{- '[SYSTEM_PROMPT]' + system_message + '[/SYSTEM_PROMPT]' }}\n{%- for message in loop_messages %}{{- '[INST]' + message['content'] + '[/INST]' }}{%- endfor %}",
    "phi": "{% for message in messages %}{% if message['role'] == 'system' and message['content'] %}{{'<|system|>\n' + message['content'] + '<|end|>\n'}}{% elif message['role'] == 'user' %}{{'<|user|>\n' + message['content'] + '<|end|>\n'}}{% elif message['role'] == 'assistant' %}{{'<|assistant|>\n' + message['content'] + '<|end|>\n'}}{% endif %}{% endfor %}{% if add_generation_prompt %}{{ '<|assistant|>\n' }}{% else %}{{ eos_token }}{% endif %}",
    "zephyr": "{% for message in messages %}\n{% if message['role'] == 'user' %}\n{{ '<|user|>\n' + message['content'] + eos_token }}\n{% elif message['role'] == 'system' %}\n{{ '<|system|>\n' + message['content'] + eos_token }}\n{% elif message['role'] == 'assistant' %}\n{{ '<|assistant|>\n'  + message['content'] + eos_token }}\n{% endif %}\n{% endfor %}",
    "command-r": "{{ bos_token }}{% if messages[0]['role'] == 'system' %}{% set loop_messages = messages[1:] %}{% set system_message = messages[0]['content'] %}{% elif false == true %}{% set loop_messages = messages %}{% set system_message = 'You are Command-R, a brilliant, sophisticated, AI-assistant trained to assist human users.' %}{% else %}{% set loop_messages = messages %}{% set system_message = false %}{% endif %}{% if system_message != false %}{{ '<|SYSTEM_TOKEN|>' + system_message }}{% endif %}{% for message in loop_messages %}{% set content = message['content'] %}{{ '<|TURN|>' + content.strip() }}{% endfor %}",
}  # fmt: skip


@kind("templates", 22)
def templates(folder: Path, chance: random.Random) -> None:
    name = chance.choice(list(TEMPLATES))
    (folder / "chat_template.jinja").write_text(TEMPLATES[name])
    (folder / "tokenizer_config.json").write_text(
        json.dumps({"tokenizer_class": "PreTrainedTokenizerFast", "chat_template": TEMPLATES[name]})
    )


@kind("tokenizers", 8)
def plain_tokenizers(folder: Path, chance: random.Random) -> None:
    tokenizer().backend_tokenizer.save(str(folder / "tokenizer.json"), pretty=chance.random() < 0.5)


@kind("transformers.generation", 6)
def generation(folder: Path, chance: random.Random) -> None:
    from transformers import GenerationConfig

    GenerationConfig(do_sample=True, temperature=0.1 + chance.random(), eos_token_id=[1, 2]).save_pretrained(folder)


@kind("transformers.quantized config", 6)
def quantized_config(folder: Path, chance: random.Random) -> None:
    import transformers

    config = transformers.LlamaConfig(**SMALL, attn_implementation=chance.choice(("eager", "sdpa")))
    config.quantization_config = {"quant_method": "gptq", "bits": 4, "group_size": 128, "desc_act": False}
    config.save_pretrained(folder)
