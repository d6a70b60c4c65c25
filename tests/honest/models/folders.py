"""Honest folders as teams keep them: templates of known families, other template languages, configurations, pickles.

Of these 6 of 107 were flagged at first sight (2026-11-30). Nothing of them is ever loaded or rendered.
"""

# ruff: noqa: E501  # one folder a line reads as a table
from __future__ import annotations

import base64
import bz2
import gzip
import struct
import zipfile
from typing import Any

from tests.metamorphic.models.siblings.common import Files, N, array, pickled, tarred, written, zipped
from tests.metamorphic.models.siblings.formats import npy
from tests.metamorphic.models.siblings.fourth import gguf
from tests.metamorphic.models.siblings.graphs import graph, saved
from tests.metamorphic.models.siblings.second import CARD, CFG, ST, folder
from tests.metamorphic.models.writing import Do

#: Name -> its files.
FOLDERS: dict[str, Files] = {}


def f(name: str, files: Files) -> None:
    """Enter a folder."""
    FOLDERS[name] = files


J = "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
# templates of known families
T = {}
T["llama3"] = (
    '{{ bos_token }}{% if custom_tools is defined %}{% set tools = custom_tools %}{% endif %}{% if not tools_in_user_message is defined %}{% set tools_in_user_message = true %}{% endif %}{% if not date_string is defined %}{% if strftime_now is defined %}{% set date_string = strftime_now("%d %b %Y") %}{% else %}{% set date_string = "26 Jul 2024" %}{% endif %}{% endif %}{% if messages[0][\'role\'] == \'system\' %}{% set system_message = messages[0][\'content\']|trim %}{% set messages = messages[1:] %}{% else %}{% set system_message = "" %}{% endif %}{{ "<|start_header_id|>system<|end_header_id|>\\n\\n" }}{% if tools is not none %}{{ "Environment: ipython\\n" }}{% endif %}{{ "Cutting Knowledge Date: December 2023\\n" }}{{ "Today Date: " + date_string + "\\n\\n" }}{% if tools is not none and not tools_in_user_message %}{{ "You have access to the following functions. To call a function, please respond with JSON for a function call." }}{{ \'Respond in the format {"name": function name, "parameters": dictionary of argument name and its value}.\' }}{{ "Do not use variables.\\n\\n" }}{% for t in tools %}{{ t | tojson(indent=4) }}{{ "\\n\\n" }}{% endfor %}{% endif %}{{ system_message }}{{ "<|eot_id|>" }}{% for message in messages %}{% if not (message.role == \'ipython\' or message.role == \'tool\' or \'tool_calls\' in message) %}{{ \'<|start_header_id|>\' + message[\'role\'] + \'<|end_header_id|>\\n\\n\'+ message[\'content\'] | trim + \'<|eot_id|>\' }}{% elif \'tool_calls\' in message %}{% if not message.tool_calls|length == 1 %}{{ raise_exception("This model only supports single tool-calls at once!") }}{% endif %}{% set tool_call = message.tool_calls[0].function %}{{ tool_call.arguments | tojson }}{% endif %}{% endfor %}'
)
T["qwen3"] = (
    "{%- if tools %}\n    {{- '<|im_start|>system\\n' }}\n    {%- if messages[0].role == 'system' %}\n        {{- messages[0].content + '\\n\\n' }}\n    {%- endif %}\n    {{- \"# Tools\\n\\nYou may call one or more functions to assist with the user query.\\n\\nYou are provided with function signatures within <tools></tools> XML tags:\\n<tools>\" }}\n    {%- for tool in tools %}\n        {{- \"\\n\" }}\n        {{- tool | tojson }}\n    {%- endfor %}\n    {{- \"\\n</tools>\\n\\nFor each function call, return a json object with function name and arguments within <tool_call></tool_call> XML tags:\\n<tool_call>\\n{\\\"name\\\": <function-name>, \\\"arguments\\\": <args-json-object>}\\n</tool_call><|im_end|>\\n\" }}\n{%- endif %}\n{%- set ns = namespace(multi_step_tool=true, last_query_index=messages|length - 1) %}\n{%- for message in messages[::-1] %}\n    {%- set index = (messages|length - 1) - loop.index0 %}\n    {%- if ns.multi_step_tool and message.role == \"user\" and message.content is string and not(message.content.startswith('<tool_response>') and message.content.endswith('</tool_response>')) %}\n        {%- set ns.multi_step_tool = false %}\n        {%- set ns.last_query_index = index %}\n    {%- endif %}\n{%- endfor %}\n{%- for message in messages %}\n    {%- set content = message.content if message.content is string else '' %}\n    {%- if message.role == \"assistant\" %}\n        {%- set reasoning_content = '' %}\n        {%- if message.reasoning_content is string %}\n            {%- set reasoning_content = message.reasoning_content %}\n        {%- else %}\n            {%- if '</think>' in content %}\n                {%- set reasoning_content = content.split('</think>')[0].rstrip('\\n').split('<think>')[-1].lstrip('\\n') %}\n                {%- set content = content.split('</think>')[-1].lstrip('\\n') %}\n            {%- endif %}\n        {%- endif %}\n        {{- '<|im_start|>' + message.role + '\\n<think>\\n' + reasoning_content.strip('\\n') + '\\n</think>\\n\\n' + content }}\n    {%- else %}\n        {{- '<|im_start|>' + message.role + '\\n' + content + '<|im_end|>' + '\\n' }}\n    {%- endif %}\n{%- endfor %}\n{%- if add_generation_prompt %}\n    {{- '<|im_start|>assistant\\n' }}\n    {%- if enable_thinking is defined and enable_thinking is false %}\n        {{- '<think>\\n\\n</think>\\n\\n' }}\n    {%- endif %}\n{%- endif %}"
)
T["mistral_v3"] = (
    "{{ bos_token }}{% for message in messages %}{% if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}{{ raise_exception('Conversation roles must alternate user/assistant/user/assistant/...') }}{% endif %}{% if message['role'] == 'user' %}{{ '[INST] ' + message['content'] + ' [/INST]' }}{% elif message['role'] == 'assistant' %}{{ message['content'] + eos_token}}{% else %}{{ raise_exception('Only user and assistant roles are supported!') }}{% endif %}{% endfor %}"
)
T["gemma"] = (
    "{{ bos_token }}{%- if messages[0]['role'] == 'system' -%}{%- if messages[0]['content'] is string -%}{%- set first_user_prefix = messages[0]['content'] + '\n\n' -%}{%- else -%}{%- set first_user_prefix = messages[0]['content'][0]['text'] + '\n\n' -%}{%- endif -%}{%- set loop_messages = messages[1:] -%}{%- else -%}{%- set first_user_prefix = \"\" -%}{%- set loop_messages = messages -%}{%- endif -%}{%- for message in loop_messages -%}{%- if (message['role'] == 'assistant') -%}{%- set role = \"model\" -%}{%- else -%}{%- set role = message['role'] -%}{%- endif -%}{{ '<start_of_turn>' + role + '\n' + (first_user_prefix if loop.first else \"\") }}{%- if message['content'] is iterable and message['content'] is not string -%}{%- for item in message['content'] -%}{%- if item['type'] == 'image' -%}{{ '<start_of_image>' }}{%- elif item['type'] == 'text' -%}{{ item['text'] | trim }}{%- endif -%}{%- endfor -%}{%- else -%}{{ message['content'] | trim }}{%- endif -%}{{ '<end_of_turn>\n' }}{%- endfor -%}{%- if add_generation_prompt -%}{{'<start_of_turn>model\n'}}{%- endif -%}"
)
T["deepseek_r1"] = (
    "{% if not add_generation_prompt is defined %}{% set add_generation_prompt = false %}{% endif %}{% set ns = namespace(is_first=false, is_tool=false, is_output_first=true, system_prompt='') %}{%- for message in messages %}{%- if message['role'] == 'system' %}{% set ns.system_prompt = message['content'] %}{%- endif %}{%- endfor %}{{bos_token}}{{ns.system_prompt}}{%- for message in messages %}{%- if message['role'] == 'user' %}{%- set ns.is_tool = false -%}{{'<|User|>' + message['content']}}{%- endif %}{%- if message['role'] == 'assistant' and message['content'] is not none %}{% set content = message['content'] %}{% if '</think>' in content %}{% set content = content.split('</think>')[-1] %}{% endif %}{{'<|Assistant|>' + content + '<|end_of_sentence|>'}}{%- endif %}{%- endfor -%}{% if add_generation_prompt and not ns.is_tool %}{{'<|Assistant|><think>\\n'}}{% endif %}"
)
T["smollm3"] = (
    "{%- set system_message = messages[0]['content'] if messages[0]['role'] == 'system' else '' -%}{%- if '/no_think' in system_message -%}{%- set reasoning_mode = '/no_think' -%}{%- elif '/think' in system_message -%}{%- set reasoning_mode = '/think' -%}{%- endif -%}{%- set custom_instructions = system_message.replace('/no_think', '').replace('/think', '').rstrip() -%}{{- '<|im_start|>system\n' -}}{%- if '/system_override' in system_message -%}{{- custom_instructions.replace('/system_override', '').rstrip() -}}{{- '<|im_end|>\n' -}}{%- else -%}{{- '## Metadata\n\nKnowledge Cutoff Date: June 2025\n' -}}{%- set today = strftime_now('%d %B %Y') -%}{{- 'Today Date: ' ~ today ~ '\n' -}}{{- 'Reasoning Mode: ' + reasoning_mode + '\n\n' -}}{%- if custom_instructions -%}{{- custom_instructions + '\n\n' -}}{%- else -%}{{- 'You are a helpful AI assistant named SmolLM, trained by Hugging Face.\n\n' -}}{%- endif -%}{%- endif -%}"
    + J
)
T["gpt_oss"] = (
    '{%- macro render_typescript_type(param_spec, required_params, is_nullable=false) -%}\n    {%- if param_spec.type == "array" -%}\n        {%- if param_spec[\'items\'] -%}{{- render_typescript_type(param_spec[\'items\'], required_params) + \'[]\' }}{%- else -%}{{- "any[]" }}{%- endif -%}\n    {%- elif param_spec.type is defined and param_spec.type is iterable and param_spec.type is not string and param_spec.type is not mapping and param_spec.type[0] is defined -%}\n        {{- param_spec.type | join(" | ") }}\n    {%- else -%}{{- "any" }}{%- endif -%}\n{%- endmacro -%}\n{%- macro build_system_message() -%}\n    {%- if model_identity is not defined %}{%- set model_identity = "You are ChatGPT, a large language model trained by OpenAI." %}{%- endif %}\n    {{- model_identity + "\\n" }}{{- "Knowledge cutoff: 2024-06\\n" }}{{- "Current date: " + strftime_now("%Y-%m-%d") + "\\n\\n" }}\n    {%- if reasoning_effort is not defined %}{%- set reasoning_effort = "medium" %}{%- endif %}\n    {{- "Reasoning: " + reasoning_effort + "\\n\\n" }}{{- "# Valid channels: analysis, commentary, final. Channel must be included for every message." }}\n{%- endmacro -%}\n{{- "<|start|>system<|message|>" }}{{- build_system_message() }}{{- "<|end|>" }}{%- for message in messages -%}\n{%- if message.role == \'assistant\' -%}{%- if "<|channel|>analysis<|message|>" in message.content or "<|channel|>final<|message|>" in message.content %}{{- raise_exception("You have passed a message containing <|channel|> tags in the content field.") }}{%- endif %}{{- "<|start|>assistant<|channel|>final<|message|>" + message.content + "<|end|>" }}{%- else -%}{{- "<|start|>" + message.role + "<|message|>" + message.content + "<|end|>" }}{%- endif -%}{%- endfor -%}{%- if add_generation_prompt -%}<|start|>assistant{%- endif -%}'
)
T["phi3"] = (
    "{% for message in messages %}{% if message['role'] == 'system' and message['content'] %}{{'<|system|>\n' + message['content'] + '<|end|>\n'}}{% elif message['role'] == 'user' %}{{'<|user|>\n' + message['content'] + '<|end|>\n'}}{% elif message['role'] == 'assistant' %}{{'<|assistant|>\n' + message['content'] + '<|end|>\n'}}{% endif %}{% endfor %}{% if add_generation_prompt %}{{ '<|assistant|>\n' }}{% else %}{{ eos_token }}{% endif %}"
)
T["llama2"] = (
    "{% if messages[0]['role'] == 'system' %}{% set loop_messages = messages[1:] %}{% set system_message = messages[0]['content'] %}{% else %}{% set loop_messages = messages %}{% set system_message = false %}{% endif %}{% for message in loop_messages %}{% if loop.index0 == 0 and system_message != false %}{% set content = '<<SYS>>\\n' + system_message + '\\n<</SYS>>\\n\\n' + message['content'] %}{% else %}{% set content = message['content'] %}{% endif %}{% if message['role'] == 'user' %}{{ bos_token + '[INST] ' + content.strip() + ' [/INST]' }}{% elif message['role'] == 'assistant' %}{{ ' '  + content.strip() + ' ' + eos_token }}{% endif %}{% endfor %}"
)
T["vicuna"] = (
    "{% if messages[0]['role'] == 'system' %}{{ messages[0]['content'] }}{% else %}A chat between a curious user and an artificial intelligence assistant. The assistant gives helpful, detailed, and polite answers to the user's questions. {% endif %}{% for m in messages %}{% if m['role'] == 'user' %}USER: {{ m['content'] }} {% elif m['role'] == 'assistant' %}ASSISTANT: {{ m['content'] }}</s>{% endif %}{% endfor %}"
)
T["alpaca"] = (
    "{% for m in messages %}{% if m['role'] == 'user' %}### Instruction:\n{{ m['content'] }}\n\n{% elif m['role']=='assistant' %}### Response:\n{{ m['content'] }}\n\n{% endif %}{% endfor %}{% if add_generation_prompt %}Below is an instruction that describes a task. Write a response that appropriately completes the request.\n\n### Response:\n{% endif %}"
)
T["command_r"] = (
    "{{ bos_token }}{% if messages[0]['role'] == 'system' %}{% set loop_messages = messages[1:] %}{% set system_message = messages[0]['content'] %}{% elif false == true %}{% set loop_messages = messages %}{% set system_message = 'You are Command-R, a brilliant, sophisticated, AI-assistant trained to assist human users by providing thorough responses. You are trained by Cohere.' %}{% else %}{% set loop_messages = messages %}{% set system_message = false %}{% endif %}{% if system_message != false %}{{ '<|START_OF_TURN_TOKEN|><|SYSTEM_TOKEN|>' + system_message + '<|END_OF_TURN_TOKEN|>' }}{% endif %}{% for message in loop_messages %}{% set content = message['content'] %}{% if message['role'] == 'user' %}{{ '<|START_OF_TURN_TOKEN|><|USER_TOKEN|>' + content.strip() + '<|END_OF_TURN_TOKEN|>' }}{% endif %}{% endfor %}"
)
T["exaone"] = (
    "{% for message in messages %}{% if loop.first and message['role'] != 'system' %}{{ '[|system|][|endofturn|]\n' }}{% endif %}{{ '[|' + message['role'] + '|]' + message['content'] }}{% if message['role'] == 'user' %}{{ '\n' }}{% else %}{{ '[|endofturn|]\n' }}{% endif %}{% endfor %}"
)
T["length_check"] = (
    "{% for m in messages %}{% if m.content|length == 0 %}{{ raise_exception('Message content must not be empty, please fix the conversation.') }}{% endif %}{{ m.content }}{% endfor %}"
)
T["vl_default_system"] = (
    "{% set image_count = namespace(value=0) %}{% for message in messages %}{% if loop.first and message['role'] != 'system' %}<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n{% endif %}<|im_start|>{{ message['role'] }}\n{% if message['content'] is string %}{{ message['content'] }}<|im_end|>\n{% else %}{% for content in message['content'] %}{% if content['type'] == 'image' or 'image' in content or 'image_url' in content %}{% set image_count.value = image_count.value + 1 %}{% if add_vision_id %}Picture {{ image_count.value }}: {% endif %}<|vision_start|><|image_pad|><|vision_end|>{% elif 'text' in content %}{{ content['text'] }}{% endif %}{% endfor %}<|im_end|>\n{% endif %}{% endfor %}"
)
T["granite"] = (
    "{%- if messages[0]['role'] == 'system' %}{%- set system_message = messages[0]['content'] %}{%- set loop_messages = messages[1:] %}{%- else %}{%- set system_message = \"Knowledge Cutoff Date: April 2024.\\nToday's Date: \" + strftime_now('%B %d, %Y') + \".\\nYou are Granite, developed by IBM.\" %}{%- if tools and documents %}{%- set system_message = system_message + \" You are a helpful assistant with access to the following tools. When a tool is required to answer the user's query, respond only with <|tool_call|> followed by a JSON list of tools used.\" %}{%- elif thinking %}{%- set system_message = system_message + \" You are a helpful AI assistant.\\nRespond to every user query in a comprehensive and detailed way.\" %}{%- endif %}{%- set loop_messages = messages %}{%- endif %}{{- '<|start_of_role|>system<|end_of_role|>' + system_message + '<|end_of_text|>\\n' }}{%- for message in loop_messages %}{{- '<|start_of_role|>' + message['role'] + '<|end_of_role|>' + message['content'] + '<|end_of_text|>\\n' }}{%- endfor %}"
)
T["comment"] = "<!-- Copyright 2025 The Authors. Licensed under the Apache License. -->\n" + J
T["emoji_zwj"] = J + "{# family 👨‍👩‍👧 #}"
T["range_small"] = (
    "{% for i in range(messages|length) %}{{ messages[i].content }}{% endfor %}{% for i in range(8) %}<pad>{% endfor %}"
)
T["dashes"] = "{{ '-' * 40 }}\n" + J
T["zw"] = "{% for m in messages %}{{ m.role }}:\u200b {{ m.content }}{% endfor %}"
for n, t in T.items():
    f(
        "tpl_" + n,
        {
            "chat_template.jinja": t.encode(),
            "tokenizer_config.json": written({"chat_template": t, "tokenizer_class": "X"}),
        },
    )
# other template languages
f(
    "ollama_go",
    {
        "Modelfile": b'FROM ./m.gguf\nTEMPLATE """{{- if .System }}<|system|>\n{{ .System }}{{ end }}{{ range $i, $_ := .Messages }}{{ .Content }}{{ end }}"""\nPARAMETER stop "x"\n',
        "template.json": written({"template": "{{ if .System }}{{ .System }}{{ end }}{{ .Prompt }}"}),
    },
)
f(
    "helm_big",
    {
        "chart/Chart.yaml": b"apiVersion: v2\nname: x\nversion: 1.0.0\n",
        "chart/templates/_helpers.tpl": b'{{- define "x.name" -}}\n{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}\n{{- end }}\n',
        "chart/templates/cm.yaml": b'apiVersion: v1\nkind: ConfigMap\ndata:\n  chat_template: |\n    {{ .Values.chatTemplate | nindent 4 }}\n  model_type: {{ .Values.m | quote }}\n  x: {{ include "x.name" . }}\n{{- with .Values.a }}\n{{ toYaml . }}\n{{- end }}\n',
        "chart/values.yaml": b"chatTemplate: ''\nimage:\n  repository: vllm/vllm-openai\n",
    },
)
f(
    "workflow",
    {
        ".github/workflows/ci.yml": b"name: ci\non: push\nenv:\n  MODEL: ${{ vars.MODEL }}\njobs:\n  t:\n    runs-on: ubuntu-latest\n    strategy:\n      matrix: {py: ['3.11']}\n    steps:\n    - uses: actions/setup-python@v5\n      with: {python-version: \"${{ matrix.py }}\"}\n    - run: echo ${{ secrets.X }} && python train.py --chat_template x\n"
    },
)
f(
    "dbt",
    {
        "models/a.sql": b"select * from {{ ref('x') }} where a = '{{ var(\"d\") }}'",
        "dbt_project.yml": b"name: x\nmodels:\n  +materialized: \"{{ 'table' if target.name == 'prod' else 'view' }}\"\n",
    },
)
f(
    "ansible",
    {
        "play.yml": b'- hosts: all\n  tasks:\n  - template: {src: a.j2, dest: /etc/a}\n    when: x is defined\n  - shell: "{{ cmd }}"\n',
        "templates/a.j2": b"{% for h in groups['all'] %}{{ hostvars[h]['ansible_host'] }}{% endfor %}\n",
    },
)
f(
    "cookiecutter",
    {
        "cookiecutter.json": written({"project": "x", "slug": "{{ cookiecutter.project|lower }}"}),
        "{{cookiecutter.slug}}/setup.py": b"from setuptools import setup\nsetup(name='{{ cookiecutter.slug }}')\n",
    },
)
f(
    "django_html",
    {
        "templates/chat.html": b"{% extends 'base.html' %}{% load static %}{% block body %}{{ request.user.username }}{% url 'x' %}{% endblock %}"
    },
)
f(
    "flask_j2",
    {
        "templates/index.jinja": b"{% extends 'base.html' %}{% block b %}{{ url_for('static', filename='a.css') }}{{ config.TITLE }}{% endblock %}"
    },
)
f(
    "mustache",
    {"prompts/a.mustache": b"{{#items}}{{name}}{{/items}}", "prompts/b.hbs": b"{{#each items}}{{this.name}}{{/each}}"},
)
f("erb", {"config/database.yml": b"production:\n  url: <%= ENV['DATABASE_URL'] %>\n"})
f(
    "promptfoo",
    {
        "promptfooconfig.yaml": b"prompts:\n- 'Tell me {{topic}}'\nproviders:\n- openai:gpt-4o\ntests:\n- vars: {topic: x}\n"
    },
)
f("langfuse_prompt", {"prompt.json": written({"template": "Hello {{name}}, {{#if x}}y{{/if}}"})})
# configs that look alike
f(
    "k8s_target",
    {
        "hpa.yaml": b"spec:\n  metrics:\n  - type: Resource\n    resource:\n      name: cpu\n      target:\n        type: Utilization\n        averageUtilization: 50\n  params: {a: 1}\n"
    },
)
f(
    "tsconfig",
    {"tsconfig.json": b'{\n // comment\n "compilerOptions": {"target": "es2022", "module": "node16.x"},\n}\n'},
)
f(
    "argo",
    {
        "wf.yaml": b"apiVersion: argoproj.io/v1alpha1\nkind: Workflow\nspec:\n  templates:\n  - name: a\n    script: {image: python, source: 'print({{inputs.parameters.x}})'}\n"
    },
)
f(
    "swagger",
    {
        "openapi.json": written(
            {
                "openapi": "3.0",
                "components": {"schemas": {"X": {"type": "object", "properties": {"handler": {"type": "string"}}}}},
            }
        )
    },
)
f(
    "autogen_builtin",
    {
        "team.json": written(
            {
                "provider": "autogen_agentchat.teams.RoundRobinGroupChat",
                "component_type": "team",
                "version": 1,
                "config": {
                    "participants": [
                        {
                            "provider": "autogen_agentchat.agents.AssistantAgent",
                            "component_type": "agent",
                            "config": {
                                "model_client": {
                                    "provider": "autogen_ext.models.openai.OpenAIChatCompletionClient",
                                    "component_type": "model",
                                    "config": {},
                                }
                            },
                        }
                    ]
                },
            }
        )
    },
)
f(
    "terraform_provider",
    {
        "x.tf.json": written({"provider": {"aws": {"region": "x"}}, "type": "a.b"}),
        "c.json": written({"provider": "google.cloud", "config": {"a": 1}}),
    },
)
f(
    "logging_conf",
    {
        "logging.yaml": b"version: 1\nformatters:\n  j:\n    (): pythonjsonlogger.jsonlogger.JsonFormatter\nhandlers:\n  c: {class: logging.StreamHandler, stream: 'ext://sys.stdout'}\n  f: {class: logging.handlers.RotatingFileHandler, filename: x.log}\nroot: {handlers: [c]}\n"
    },
)
f(
    "serverless_handler",
    {
        "serverless.yml": b"functions:\n  a:\n    handler: src/handler.main\n    events: []\n",
        "template.json": written({"Resources": {"F": {"Properties": {"Handler": "app.handler", "CodeUri": "src/"}}}}),
    },
)
f(
    "lightning_hparams",
    {"hparams.yaml": b"lr: 0.1\nmodel: resnet\nactivation: !!python/name:torch.nn.functional.relu ''\n"},
)
f(
    "hydra_app",
    {
        "conf/config.yaml": b"defaults:\n- _self_\n- model: a\nhydra:\n  run:\n    dir: outputs/${now:%Y-%m-%d}\nmodel:\n  _target_: torchvision.models.resnet18\n  num_classes: ${data.n}\nopt:\n  _target_: torch.optim.AdamW\n  _partial_: true\n  lr: ${oc.env:LR,0.1}\n"
    },
)
f(
    "ldm",
    {
        "v1.yaml": b"model:\n  base_learning_rate: 1.0e-04\n  target: ldm.models.diffusion.ddpm.LatentDiffusion\n  params:\n    unet_config:\n      target: ldm.modules.diffusionmodules.openaimodel.UNetModel\n      params: {image_size: 32}\n    cond_stage_config:\n      target: ldm.modules.encoders.modules.FrozenCLIPEmbedder\n"
    },
)
f(
    "mlflow_ok",
    {
        "m/MLmodel": b"artifact_path: model\nflavors:\n  python_function:\n    env: {conda: conda.yaml, virtualenv: python_env.yaml}\n    loader_module: mlflow.sklearn\n    model_path: model.pkl\n    predict_fn: predict\n    python_version: 3.11.0\n  sklearn:\n    code: null\n    pickled_model: model.pkl\n    serialization_format: cloudpickle\n    sklearn_version: 1.5.0\nmlflow_version: 2.16\nmodel_uuid: abc\n"
    },
)
f(
    "coco_json",
    {
        "annotations.json": written(
            {"images": [{"id": 1, "file_name": "../images/a.jpg"}], "annotations": [], "categories": []}
        )
    },
)
f("package_json", {"package.json": written({"name": "x", "scripts": {"build": "tsc && node x.js"}, "type": "module"})})
f(
    "sbert_folder",
    {
        "modules.json": written(
            [
                {"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"},
                {"idx": 1, "name": "1", "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"},
                {"idx": 2, "name": "2", "path": "2_Normalize", "type": "sentence_transformers.models.Normalize"},
            ]
        ),
        "config.json": written({"model_type": "bert", "_name_or_path": "nreimers/MiniLM-L6-H384-uncased"}),
        "config_sentence_transformers.json": written(
            {"__version__": {"sentence_transformers": "3"}, "prompts": {}, "similarity_fn_name": "cosine"}
        ),
        "1_Pooling/config.json": written({"word_embedding_dimension": 384}),
        "model.safetensors": ST,
        "README.md": CARD,
    },
)
f(
    "peft_lora",
    {
        "adapter_config.json": written(
            {
                "alpha_pattern": {},
                "auto_mapping": None,
                "base_model_name_or_path": "Qwen/Qwen3-8B",
                "bias": "none",
                "corda_config": None,
                "eva_config": None,
                "fan_in_fan_out": False,
                "inference_mode": True,
                "init_lora_weights": True,
                "layer_replication": None,
                "loftq_config": {},
                "lora_alpha": 16,
                "lora_dropout": 0.1,
                "megatron_config": None,
                "megatron_core": "megatron.core",
                "modules_to_save": None,
                "peft_type": "LORA",
                "r": 8,
                "rank_pattern": {},
                "revision": "main",
                "target_modules": ["q_proj", "v_proj"],
                "task_type": "CAUSAL_LM",
                "use_dora": False,
                "use_rslora": False,
            }
        ),
        "adapter_model.safetensors": ST,
        "README.md": CARD,
    },
)
f(
    "hub_card",
    folder(
        **{
            "README.md": CARD
            + b"## Usage\n```bash\npip install -U transformers accelerate\nhuggingface-cli download org/x --local-dir x\n```\n```python\nfrom transformers import pipeline\npipe = pipeline('text-generation', model='org/x')\n```\nRun `python app.py` for the demo. Start vLLM with `vllm serve org/x`.\n```bash\ncurl http://localhost:8000/v1/chat/completions -H 'Content-Type: application/json' -d '{}'\n```\n"
        }
    ),
)
f(
    "hub_card_curl",
    folder(
        **{
            "README.md": CARD
            + b"Install Ollama:\n```bash\ncurl -fsSL https://ollama.com/install.sh | sh\nollama run x\n```\nOr uv: `curl -LsSf https://astral.sh/uv/install.sh | sh`\nOr `pip install git+https://github.com/huggingface/transformers`.\n"
        }
    ),
)
f(
    "modeling_code",
    folder(
        **{
            "modeling_x.py": b"import math, os\nimport importlib.util\nimport torch\nfrom torch import nn\nfrom transformers.utils import logging\nlogger = logging.get_logger(__name__)\nif importlib.util.find_spec('flash_attn'):\n    from flash_attn import flash_attn_func\nclass M(nn.Module):\n    def forward(self, x):\n        return torch.compile(self.f)(x)\n    @classmethod\n    def load(cls, path):\n        sd = torch.load(os.path.join(path, 'x.bin'), map_location='cpu')\n        return sd\nm = M(); m.eval()\n",
            "tokenization_x.py": b"import re, json, requests\nPAT = re.compile(r'x')\nwith open('v.json') as f: v = json.load(f)\nimg = requests.get('https://example.com/a.png', stream=True).raw\n",
            "train.sh": b"#!/bin/bash\nexport CUDA_VISIBLE_DEVICES=0\ntorchrun --nproc_per_node 8 train.py --lr 1e-4\n",
            "setup.py": b"import os, subprocess\nfrom setuptools import setup\nsha = subprocess.check_output(['git','rev-parse','HEAD']).decode()\nexec(open('x/version.py').read())\nsetup(name='x')\n",
            "convert.py": b"import pickle, sys\nd = pickle.load(open(sys.argv[1],'rb'))\nprint(os.environ.get('HOME'))\n",
        }
    ),
)
f(
    "onnx_genai",
    {
        "genai_config.json": written(
            {
                "model": {
                    "type": "phi3",
                    "decoder": {"filename": "model.onnx", "session_options": {"provider_options": []}},
                }
            }
        ),
        "tokenizer_config.json": written({"chat_template": J}),
    },
)
# archives
f(
    "zip_docs",
    {
        "docs.zip": zipped({"a/readme.md": b"# hi\n", "a/b.json": b"{}"}, zipfile.ZIP_DEFLATED),
        "data.tar.gz": gzip.compress(tarred({"a.csv": b"a,b\n1,2\n"})),
        "whl-1.0-py3-none-any.whl": zipped({"x/__init__.py": b"", "x-1.0.dist-info/METADATA": b"Name: x\n"}),
    },
)
f(
    "sfx_text_b64",
    {
        "cert.pem": b"-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n",
        "a.b64": base64.encodebytes(b"hello world" * 20),
    },
)
f(
    "other_endings",
    {
        "a.param": b"name=value\n",
        "a.ms": b"hello text\n",
        "a.nb": b"(* Mathematica notebook *)\nNotebook[{}]\n",
        "a.air": b"text",
        "a.ser": b"text only\n",
        "data.bson": struct.pack("<i", 5) + b"\0",
        "a.tensors": b"text\n",
        "locale.mo": b"\xde\x12\x04\x95\0\0\0\0",
        "a.enc": b"Salted__" + bytes(range(40)),
        "b.gpg": b"\x8c\x0d\x04\x07" + bytes(range(99)),
        "x.br": b"\x8b\x02\x80hello\x03",
        "notes.Z": b"\x1f\x9d\x90" + bytes(range(60)),
    },
)
f("mongodump", {"dump/db/users.bson": (lambda d: struct.pack("<i", len(d) + 5) + d + b"\0")(b"\x02tag\0\x02\0\0\0x\0")})
f("matlab", {"data.mat": b"MATLAB 5.0 MAT-file, Platform: GLNXA64".ljust(124) + b"\0\1IM" + b"\0" * 64})
f(
    "java_class",
    {
        "A.class": b"\xca\xfe\xba\xbe\0\0\0\x34" + bytes(range(99)),
        "lib.jar": zipped(
            {"META-INF/MANIFEST.MF": b"Manifest-Version: 1.0\n", "A.class": b"\xca\xfe\xba\xbe\0\0\0\x34"}
        ),
    },
)


# pickles
def hp(name: str, value: Any) -> None:
    """Enter a pickle."""
    f(name, {"model.pkl": pickled(value)})


hp(
    "state_ordereddict",
    Do(
        N("torch.nn.modules.linear.Linear"),
        (),
        "new",
        state={"_parameters": Do(N("collections.OrderedDict"), (), items=(("w", 1),)), "training": False},
    ),
)
hp(
    "state_od_itself",
    Do(N("omegaconf.dictconfig.DictConfig"), (), "new", state=Do(N("collections.OrderedDict"), (), items=(("a", 1),))),
)
hp("namedtuple_optax", Do(N("optax._src.base.EmptyState"), (), "new"))
hp(
    "set_frozenset",
    {
        "a": Do(N("builtins.frozenset"), ([1, 2],)),
        "b": Do(N("builtins.set"), ([1],)),
        "c": Do(N("builtins.slice"), (0, 10, None)),
    },
)
hp(
    "datetime_tz",
    Do(
        N("datetime.datetime"),
        (b"\x07\xe9\x01\x02\x03\x04\x05\0\0\0", Do(N("datetime.timezone"), (Do(N("datetime.timedelta"), (0,)),))),
    ),
)
hp(
    "decimal_fraction",
    [
        Do(N("decimal.Decimal"), ("3.14",)),
        Do(N("fractions.Fraction"), ("22/7",)),
        Do(N("fractions.Fraction"), (1, 3)),
        Do(N("decimal.Decimal"), ("1E+30",)),
    ],
)
hp("ranges", {"r": Do(N("builtins.range"), (0, 5000000, 1)), "n": 10**6})
hp("big_range", Do(N("builtins.range"), (0, 2000000000, 1)))
hp(
    "pandas_rangeindex",
    Do(
        N("pandas.core.indexes.base._new_Index"),
        (N("pandas.core.indexes.range.RangeIndex"), {"name": None, "start": 0, "stop": 50000000, "step": 1}),
    ),
)
hp(
    "huge_int_setting",
    Do(
        N("sklearn.ensemble._forest.RandomForestClassifier"),
        (),
        "new",
        state={"random_state": 2**31 - 1, "max_leaf_nodes": None},
    ),
)
hp("ipnet", {"nets": [Do(N("ipaddress.IPv4Network"), ("10.0.0.0/8",))]})
hp("chainmap", Do(N("collections.ChainMap"), ({"a": 1}, {"b": 2})))
hp("userdict", Do(N("collections.UserDict"), (), "new", state={"data": {"a": 1}}))
hp("defaultdict_items", Do(N("collections.defaultdict"), (N("builtins.int"),), items=(("a", 1),)))
hp("counter", Do(N("collections.Counter"), ({"a": 1, "b": 2},)))
hp("enum_member", Do(N("transformers.trainer_utils.IntervalStrategy"), ("epoch",)))
hp(
    "recarray",
    Do(
        N("numpy._core.multiarray._reconstruct"),
        (N("numpy.recarray"), (0,), b"b"),
        state=(
            1,
            (1,),
            Do(
                N("numpy.dtype"),
                ("V12", False, True),
                state=(
                    3,
                    "|",
                    None,
                    ("a", "b"),
                    {
                        "a": (
                            Do(N("numpy.dtype"), ("f8", False, True), state=(3, "<", None, None, None, -1, -1, 0)),
                            0,
                        ),
                        "b": (
                            Do(N("numpy.dtype"), ("i4", False, True), state=(3, "<", None, None, None, -1, -1, 0)),
                            8,
                        ),
                    },
                    12,
                    1,
                    16,
                ),
            ),
            False,
            b"\0" * 12,
        ),
    ),
)
hp(
    "void_scalar",
    Do(
        N("numpy._core.multiarray.scalar"),
        (Do(N("numpy.dtype"), ("V4", False, True), state=(3, "|", None, None, None, 4, 1, 0)), b"abcd"),
    ),
)
hp(
    "xgb_booster",
    Do(
        N("xgboost.sklearn.XGBClassifier"),
        (),
        "new",
        state={
            "n_estimators": 100,
            "_Booster": Do(N("xgboost.core.Booster"), (), "new", state={"handle": b"{L\0\0\0\0\0\0\0\x10", "_prev": 1}),
        },
    ),
)
hp(
    "gym_space",
    Do(
        N("gymnasium.spaces.box.Box"),
        (),
        "new",
        state={"dtype": Do(N("numpy.dtype"), ("f4", False, True)), "_shape": (3,), "low": array()},
    ),
)
hp("polars_df", Do(N("polars.dataframe.frame.DataFrame"), (), "new", state=b"ARROW1\0\0" + b"\0" * 40))
hp("polars_series", Do(N("polars.series.series.Series"), (), "new", state=b"\xff\xff\xff\xff" + b"\0" * 40))
hp(
    "sb3_rms",
    Do(N("stable_baselines3.common.running_mean_std.RunningMeanStd"), (), "new", state={"mean": array(), "count": 1}),
)
hp("networkx", Do(N("networkx.classes.graph.Graph"), (), "new", state={"_adj": {}, "_node": {}}))
hp(
    "np_random",
    Do(
        N("numpy.random._pickle.__generator_ctor"),
        (
            Do(
                N("numpy.random._pickle.__bit_generator_ctor"),
                (N("numpy.random._pcg64.PCG64"),),
                state={"bit_generator": "PCG64", "state": {"state": 1, "inc": 3}, "has_uint32": 0, "uinteger": 0},
            ),
        ),
    ),
)
hp("tokenizers", Do(N("tokenizers.Tokenizer"), (), "new", state=b'{"version":"1.0","model":{"type":"BPE"}}'))
hp(
    "lambdalr",
    Do(
        N("torch.optim.lr_scheduler.LambdaLR"),
        (),
        "new",
        state={"lr_lambdas": [None], "base_lrs": [1], "last_epoch": 0},
    ),
)
hp("path_dict", {"ckpt": Do(N("pathlib.PosixPath"), ("/", "home", "u", "m.pt")), "cwd": "/home/u"})
# npy
f("npy_two_saves", {"a.npy": npy("'<f4'", b"\0" * 4) + npy("'<f8'") + npy("'<i8'")})
f(
    "npy_ok",
    {"a.npy": npy("[('x','<f4'),('name','<U8')]", b"\0" * 36), "b.npy": npy("'<M8[ns]'"), "c.npy": npy("'|V8'")},
)
f(
    "tar_models",
    {
        "model.tar": tarred({"model.safetensors": ST, "config.json": CFG}),
        "m.tar.gz": gzip.compress(tarred({"model.safetensors": ST})),
    },
)
f(
    "gz_multi",
    {
        "a.jsonl.gz": gzip.compress(b'{"a":1}\n') + gzip.compress(b'{"a":2}\n'),
        "corpus.txt.bz2": bz2.compress(b"x\n") + bz2.compress(b"y\n"),
    },
)
f(
    "keras_dir",
    {
        "m.keras": zipped(
            {
                "metadata.json": b'{"keras_version":"3.6.0","date_saved":"x"}',
                "config.json": written(
                    {
                        "module": "keras",
                        "class_name": "Sequential",
                        "config": {
                            "name": "s",
                            "trainable": True,
                            "dtype": {
                                "module": "keras",
                                "class_name": "DTypePolicy",
                                "config": {"name": "float32"},
                                "registered_name": None,
                            },
                            "layers": [
                                {
                                    "module": "keras.layers",
                                    "class_name": "Dense",
                                    "config": {
                                        "units": 1,
                                        "activation": "relu",
                                        "kernel_initializer": {
                                            "module": "keras.initializers",
                                            "class_name": "GlorotUniform",
                                            "config": {"seed": None},
                                            "registered_name": None,
                                        },
                                    },
                                    "registered_name": None,
                                    "build_config": {"input_shape": [None, 3]},
                                }
                            ],
                        },
                        "registered_name": None,
                        "compile_config": {
                            "optimizer": {
                                "module": "keras.optimizers",
                                "class_name": "Adam",
                                "config": {"learning_rate": 0.001},
                                "registered_name": None,
                            },
                            "loss": {
                                "module": "keras.losses",
                                "class_name": "MeanSquaredError",
                                "config": {"name": "mse"},
                                "registered_name": None,
                            },
                            "metrics": ["mae"],
                        },
                    }
                ),
            }
        )
    },
)
f(
    "savedmodel_ops",
    {
        "sm/saved_model.pb": saved(
            [
                "Placeholder",
                "VarHandleOp",
                "ReadVariableOp",
                "AssignVariableOp",
                "SaveV2",
                "RestoreV2",
                "MergeV2Checkpoints",
                "ShardedFilename",
                "StaticRegexFullMatch",
                "StringJoin",
                "Pack",
                "HashTableV2",
                "LookupTableFindV2",
                "LookupTableImportV2",
                "InitializeTableFromTextFileV2",
                "StatefulPartitionedCall",
                "ParseExampleV2",
                "DecodeJpeg",
                "TensorListReserve",
                "While",
                "If",
                "Assert",
                "NoOp",
                "RaggedTensorToVariant",
                "BoostedTreesBucketize",
                "XlaCallModule",
                "IteratorGetNext",
                "RandomUniform",
                "TensorArrayWriteV3",
                "TensorArrayReadV3",
                "SparseToDense",
                "HistogramSummary",
                "ScalarSummary",
                "MergeSummary",
            ]
        )
    },
)
f(
    "frozen_old_graph",
    {
        "frozen_inference_graph.pb": graph(
            "Placeholder",
            "TensorArrayV3",
            "TensorArrayScatterV3",
            "NonMaxSuppressionV3",
            "Switch",
            "Merge",
            "Enter",
            "Exit",
            "LoopCond",
            "Const",
        )
    },
)
f(
    "graph_v1_saver",
    {"g.pbtxt": b'node { name: "save/SaveV2" op: "SaveV2" }\nnode { name: "save/RestoreV2" op: "RestoreV2" }\n'},
)
f(
    "modelsettings",
    {
        "model-settings.json": written(
            {
                "name": "m",
                "implementation": "mlserver_sklearn.SKLearnModel",
                "parameters": {"uri": "./m.joblib", "version": "v1"},
            }
        )
    },
)
f(
    "triton_onnx",
    {
        "m/config.pbtxt": b'name: "m"\nplatform: "onnxruntime_onnx"\nmax_batch_size: 8\ninput [ { name: "x" data_type: TYPE_FP32 dims: [3] } ]\n'
    },
)
f(
    "timm",
    {
        "config.json": written(
            {
                "architecture": "vit_base_patch16_224",
                "num_classes": 1000,
                "pretrained_cfg": {
                    "tag": "augreg_in21k",
                    "custom_load": False,
                    "url": "https://storage.googleapis.com/vit_models/augreg/x.npz",
                    "input_size": [3, 224, 224],
                    "hf_hub_id": "timm/vit",
                    "first_conv": "patch_embed.proj",
                },
            }
        )
    },
)
f(
    "safetensors_meta",
    {
        "m.safetensors": (lambda h_: struct.pack("<Q", len(h_)) + h_)(
            written(
                {
                    "__metadata__": {
                        "format": "pt",
                        "modelspec.title": "x",
                        "ss_network_module": "networks.lora",
                        "ss_training_comment": "use (a) | b",
                        "modelspec.implementation": "https://github.com/Stability-AI/generative-models",
                        "ss_sd_scripts_commit_hash": "abc",
                        "prompt": '{"3":{"class_type":"KSampler"}}',
                    }
                }
            ).ljust(400)
        )
    },
)
f(
    "npz_in_folder",
    {"x.npz": zipped({"a.npy": npy("'<f4'", b"\0" * 4), "b.npy": npy("'|S3'", b"abc")}, zipfile.ZIP_DEFLATED)},
)
f(
    "gguf_ok",
    {
        "m.gguf": gguf(
            (b"general.architecture", 8, b"llama"),
            (b"tokenizer.chat_template", 8, T["qwen3"].encode()),
            (b"tokenizer.chat_template.tool_use", 8, T["llama3"].encode()),
            (
                b"tokenizer.ggml.tokens",
                9,
                struct.pack("<IQ", 8, 2) + struct.pack("<Q", 1) + b"a" + struct.pack("<Q", 12) + b"<|im_start|>",
            ),
        )
    },
)
f("go_embed", {"main.go": b"package main\n//go:embed x\nvar a string\n", "x.tmpl": b'{{ define "a" }}{{ . }}{{ end }}'})
f(
    "vocab_bin",
    {
        "index.faiss.json": b"{}",
        "vocab.txt": b"[PAD]\n[UNK]\n__class__\nos.system\neval\n",
        "merges.txt": b"#version: 0.2\n_ _\n__ init__\n",
        "vocab.json": written(
            {"__class__": 1, "os.system": 2, "{{": 3, "_target_": 4, "auto_map": 5, "chat_template": 6, "eval(": 7}
        ),
    },
)
f(
    "tokenizer_json_words",
    {
        "tokenizer.json": written(
            {
                "version": "1.0",
                "added_tokens": [],
                "model": {
                    "type": "BPE",
                    "vocab": {
                        "__globals__": 1,
                        "_target_": 2,
                        "class_name": 3,
                        "trust_remote_code": 4,
                        "os.system(": 5,
                        "chat_template": 6,
                        "target": 7,
                        "handler": 8,
                        "\u005fx": 9,
                    },
                    "merges": ["_ _", "auto _map"],
                },
            }
        )
    },
)
