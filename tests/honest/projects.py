"""Twenty honest projects of the kinds that people really have, small, made of text: nothing of them is ever run."""
# ruff: noqa: E501  # one file a line reads as a table

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass

from tests.metamorphic.seeds import safetensors

_HASH = "--hash=sha256:" + "ab12" * 16
_COMMIT = "3f786850e387550fdab836ed7e6dc881de23001b"
_PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + zlib.compress(bytes(60)) + b"IEND\xaeB`\x82"


@dataclass(frozen=True, slots=True)
class Project:
    """A project, the AI providers that its owner has approved, and the one thing that is truly open (in its reason)."""

    name: str
    files: Mapping[str, str | bytes]
    providers: tuple[str, ...] = ()
    open: str = ""


def _pins(**packages: str) -> str:
    return "".join(f"{name.replace('_', '-')}=={version} {_HASH}\n" for name, version in packages.items())


def _notebook(*cells: str) -> str:
    rows = [
        {"cell_type": "code", "execution_count": 1, "metadata": {}, "outputs": [], "source": cell.splitlines(True)}
        for cell in cells
    ]
    return json.dumps({"cells": rows, "metadata": {}, "nbformat": 4, "nbformat_minor": 5})


def _npm(**packages: str) -> str:
    rows = {
        f"node_modules/{name}": {
            "version": version, "resolved": f"https://registry.npmjs.org/{name}/-/{name}-{version}.tgz",
            "integrity": "sha512-" + "A" * 86 + "==",
        }
        for name, version in packages.items()
    }  # fmt: skip
    root = {"": {"name": "app", "dependencies": packages}}
    return json.dumps({"name": "app", "lockfileVersion": 3, "requires": True, "packages": root | rows})


_PACKAGE = json.dumps({"name": "app", "version": "1.0.0", "private": True, "dependencies": {"express": "4.21.2"}})
_OPENAI = "from openai import OpenAI\n\nclient = OpenAI()\n"
_CARD = "---\nlicense: apache-2.0\nlibrary_name: transformers\ntags: [text-classification]\n---\n# A classifier\n"
_CONFIG = json.dumps({"model_type": "bert", "architectures": ["BertForSequenceClassification"], "hidden_size": 8})
_CI = "name: ci\non: [push]\npermissions: {}\njobs:\n  test:\n    runs-on: ubuntu-latest\n    steps:\n"
_CI += f"      - uses: actions/checkout@{_COMMIT}\n      - run: make test\n"

PROJECTS = (
    Project("fastapi service", {
        "app/__init__.py": "", "app/main.py": "from fastapi import FastAPI\n\nfrom app.settings import Settings\n\napp = FastAPI()\n\n\n@app.get('/health')\ndef health():\n    return {'ok': True}\n",
        "app/settings.py": "from pydantic_settings import BaseSettings\n\n\nclass Settings(BaseSettings):\n    database_url: str = 'sqlite:///app.db'\n",
        "tests/test_main.py": "from app.main import health\n\n\ndef test_health():\n    assert health() == {'ok': True}\n",
        "requirements.txt": _pins(fastapi="0.121.3", pydantic="2.12.4", pydantic_settings="2.12.0"),
        "Dockerfile": "FROM python:3.13-slim@sha256:" + "ab12" * 16 + "\nCOPY . /app\nCMD [\"uvicorn\", \"app.main:app\"]\n",
        ".env.example": "DATABASE_URL=sqlite:///app.db\n", "README.md": "# Service\n",
    }),
    Project("langchain app", {
        "chat/chain.py": "from langchain_openai import ChatOpenAI\n\nllm = ChatOpenAI(model='gpt-4o-mini')\n\n\ndef answer(text):\n    return llm.invoke(text)\n",
        "chat/prompts/system.txt": "You answer questions about our handbook.\n",
        "requirements.txt": _pins(langchain_core="1.3.3", langchain_openai="1.1.14", openai="2.8.1"),
        "tests/test_chain.py": "def test_it():\n    assert True\n",
    }, ("openai", "langchain")),
    Project("hugging face fine-tuning", {
        "train.py": f"from transformers import AutoModelForSequenceClassification\n\nmodel = AutoModelForSequenceClassification.from_pretrained('google-bert/bert-base-uncased', revision='{_COMMIT}')\n",
        "output/model.safetensors": safetensors(), "output/config.json": _CONFIG, "output/README.md": _CARD,
        "output/tokenizer_config.json": json.dumps({"model_max_length": 512, "tokenizer_class": "BertTokenizer"}),
        "data/train.jsonl": '{"text": "good", "label": 1}\n{"text": "bad", "label": 0}\n',
        "requirements.txt": _pins(transformers="5.3.0", safetensors="0.7.0"),
    }, ("huggingface",)),
    Project("data science notebooks", {
        "notebooks/01-load.ipynb": _notebook("import pandas as pd\n\ndf = pd.read_csv('../data/sales.csv')\ndf.head()"),
        "notebooks/02-fit.ipynb": _notebook("%matplotlib inline\n!ls data", "from sklearn.linear_model import LinearRegression\n\nLinearRegression().fit(X, y)"),
        "data/sales.csv": "month,sales\n1,10\n2,12\n", "data/sales.csv.gz": gzip.compress(b"month,sales\n1,10\n" * 50),
        "requirements.txt": _pins(pandas="2.3.3", scikit_learn="1.7.2"),
    }),
    Project("typescript app", {
        "src/index.ts": "import express from 'express'\n\nconst app = express()\napp.get('/', (_, res) => res.send('ok'))\n",
        "src/client.ts": "export const load = (id: string) => fetch(`/api/items/${id}`).then((r) => r.json())\n",
        "package.json": _PACKAGE, "package-lock.json": _npm(express="4.21.2"), "tsconfig.json": "{\n  // strict\n  \"compilerOptions\": {\"strict\": true},\n}\n",
        "public/logo.png": _PNG,
    }, open="no advisory feed covers"),
    Project("monorepo", {
        "services/api/main.py": "print('api')\n", "services/api/requirements.txt": _pins(flask="3.1.2"),
        "services/web/package.json": _PACKAGE, "services/web/package-lock.json": _npm(express="4.21.2"), "services/web/index.js": "require('express')()\n",
        "libs/shared/pyproject.toml": "[project]\nname = 'shared'\nversion = '1.0'\ndependencies = []\n", "libs/shared/shared/__init__.py": "",
        "Makefile": "test:\n\tpytest\n",
    }, open="no advisory feed covers"),
    Project("dockerised service", {
        "Dockerfile": "FROM debian:12-slim@sha256:" + "ab12" * 16 + " AS build\nRUN apt-get update && apt-get install -y make\nCOPY src /src\nFROM scratch\nCOPY --from=build /src /src\n",
        "compose.yaml": "services:\n  app:\n    build: .\n    environment:\n      LOG_LEVEL: info\n  db:\n    image: postgres:17@sha256:" + "ab12" * 16 + "\n",
        "src/app.py": "import os\n\nprint(os.environ['LOG_LEVEL'])\n", ".dockerignore": "*.md\n", "requirements.txt": _pins(psycopg="3.2.12"),
    }),
    Project("helm chart", {
        "Chart.yaml": "apiVersion: v2\nname: app\nversion: 1.0.0\n", "values.yaml": "image:\n  repository: ghcr.io/acme/app\n  tag: 1.2.3\nreplicas: 2\n",
        "templates/deployment.yaml": "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: {{ .Release.Name }}\nspec:\n  replicas: {{ .Values.replicas }}\n  template:\n    spec:\n      containers:\n        - name: app\n          image: \"{{ .Values.image.repository }}:{{ .Values.image.tag }}\"\n",
        "templates/_helpers.tpl": "{{- define \"app.name\" -}}app{{- end -}}\n", "README.md": "# Chart\n",
    }),
    Project("docs-heavy repository", {
        "mkdocs.yml": "site_name: Handbook\nnav:\n  - index.md\n", **{f"docs/chapter-{n}.md": f"# Chapter {n}\n\nCall `curl https://api.openai.com/v1/models` to see the models.\n" for n in range(12)},
        "docs/index.md": "# Handbook\n", "docs/img/a.png": _PNG, "requirements.txt": _pins(mkdocs="1.6.1"), "src/build.py": "print('built')\n",
    }),
    Project("go service", {
        "go.mod": "module example.org/app\n\ngo 1.23\n\nrequire github.com/go-chi/chi/v5 v5.2.3\n", "go.sum": "github.com/go-chi/chi/v5 v5.2.3 h1:AAAA=\ngithub.com/go-chi/chi/v5 v5.2.3/go.mod h1:AAAA=\n",
        "main.go": "package main\n\nimport (\n\t\"net/http\"\n\n\t\"github.com/go-chi/chi/v5\"\n)\n\nfunc main() {\n\thttp.ListenAndServe(\":8080\", chi.NewRouter())\n}\n",
    }, open="no advisory feed covers"),
    Project("rust crate", {
        "Cargo.toml": "[package]\nname = \"app\"\nversion = \"0.1.0\"\nedition = \"2021\"\n\n[dependencies]\nserde = \"1\"\n",
        "Cargo.lock": "version = 4\n\n[[package]]\nname = \"app\"\nversion = \"0.1.0\"\ndependencies = [\"serde\"]\n\n[[package]]\nname = \"serde\"\nversion = \"1.0.228\"\nsource = \"registry+https://github.com/rust-lang/crates.io-index\"\nchecksum = \"" + "ab12" * 16 + "\"\n",
        "src/main.rs": "fn main() {\n    println!(\"hello\");\n}\n",
    }, open="no advisory feed covers"),
    Project("maven project", {
        "pom.xml": "<project><modelVersion>4.0.0</modelVersion><groupId>org.example</groupId><artifactId>app</artifactId><version>1</version><dependencies><dependency><groupId>org.slf4j</groupId><artifactId>slf4j-api</artifactId><version>2.0.17</version></dependency></dependencies></project>\n",
        "src/main/java/org/example/App.java": "package org.example;\n\npublic class App {\n    public static void main(String[] args) {}\n}\n",
        "src/test/java/org/example/AppTest.java": "package org.example;\n\nclass AppTest {}\n",
    }, open="no advisory feed covers"),
    Project("r analysis", {
        "DESCRIPTION": "Package: sales\nVersion: 0.1\nTitle: Sales\n", "R/fit.R": "fit <- function(d) lm(y ~ x, data = d)\n", "analysis.Rmd": "---\ntitle: Sales\n---\n\n```{r}\nsummary(cars)\n```\n",
        "data/cars.csv": "x,y\n1,2\n",
    }),
    Project("static site", {
        "index.html": "<!doctype html>\n<title>Acme</title>\n<link rel=stylesheet href=style.css>\n<script src=app.js></script>\n<p>Hello\n",
        "style.css": "body { margin: 0 }\n", "app.js": "document.title = 'Acme'\n", "img/logo.png": _PNG, "robots.txt": "User-agent: *\n", "favicon.ico": b"\0\0\1\0\1\0\x10\x10\0\0\1\0\x20\0" + bytes(60),
    }),
    Project("mlflow project", {
        "MLproject": "name: churn\nentry_points:\n  main:\n    command: python train.py\n", "train.py": "import mlflow\n\nwith mlflow.start_run():\n    mlflow.log_metric('auc', 0.9)\n",
        "conda.yaml": "name: churn\ndependencies:\n  - python=3.13\n  - pip:\n      - scikit-learn==1.7.2\n", "requirements.txt": _pins(mlflow="3.11.0"),
    }),
    Project("dvc project", {
        "dvc.yaml": "stages:\n  train:\n    cmd: python train.py\n    deps: [data/train.csv]\n    outs: [model.safetensors]\n", "train.py": "print('train')\n",
        ".dvc/config": "[core]\n    remote = store\n", "data/train.csv.dvc": "outs:\n- md5: d41d8cd98f00b204e9800998ecf8427e\n  path: train.csv\n",
        "model.safetensors": safetensors(), "requirements.txt": _pins(dvc="3.64.0"),
    }),
    Project("vllm deployment", {
        "k8s/deployment.yaml": "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: vllm\nspec:\n  template:\n    spec:\n      containers:\n        - name: vllm\n          image: vllm/vllm-openai:v0.11.2@sha256:" + "ab12" * 16 + "\n          args: [\"--model\", \"/models/chat\"]\n",
        "client.py": "from openai import OpenAI\n\nclient = OpenAI(base_url='http://vllm:8000/v1', api_key='unused')\n", "requirements.txt": _pins(openai="2.8.1"),
    }, ("openai", "vllm", "local")),
    Project("gradio space", {
        "app.py": f"import gradio as gr\nfrom transformers import pipeline\n\npipe = pipeline('sentiment-analysis', model='distilbert/distilbert-base-uncased', revision='{_COMMIT}')\ngr.Interface(pipe, 'text', 'label').launch()\n",
        "README.md": "---\ntitle: Mood\nsdk: gradio\nsdk_version: 5.49.1\napp_file: app.py\nlicense: mit\n---\n", "requirements.txt": _pins(gradio="6.16.0", transformers="5.3.0"),
    }, ("huggingface", "gradio")),
    Project("command line tool", {
        "pyproject.toml": "[project]\nname = 'tool'\nversion = '1.0'\ndependencies = ['click==8.3.1']\n\n[project.scripts]\ntool = 'tool.cli:main'\n",
        "tool/__init__.py": "", "tool/cli.py": "import click\n\n\n@click.command()\ndef main():\n    click.echo('hello')\n", "tests/test_cli.py": "from tool.cli import main\n",
        "requirements.txt": _pins(click="8.3.1"), "LICENSE": "MIT\n",
    }),
    Project("github actions heavy", {
        **{f".github/workflows/{name}.yml": _CI.replace("ci", name, 1) for name in ("ci", "release", "nightly", "codeql", "docs")},
        ".github/dependabot.yml": "version: 2\nupdates: []\n", ".github/CODEOWNERS": "* @acme/team\n", "action.yml": "name: act\nruns:\n  using: composite\n  steps: []\n",
        "scripts/build.sh": "#!/bin/sh\nset -eu\nmake\n", "src/lib.py": "x = 1\n", "requirements.txt": _pins(pytest="9.0.1"),
    }),
)  # fmt: skip
