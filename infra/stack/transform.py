"""Transforms templates as AWS does, for infra/stack's tests: a line of JSON {"files": {path: text}, "parameters": {name: value}} comes in, a line
{path: template} goes out. Run it with the Python beside sam, which has sam's own translator."""

import functools
import json
import sys

from samcli.yamlhelper import yaml_parse
from samtranslator.public.translator import ManagedPolicyLoader
from samtranslator.translator.transform import transform


class Names(ManagedPolicyLoader):
    """Would look managed policies up in an account; the templates name them in full."""

    def load(self):
        return {}


@functools.cache  # most come again
def read(text):
    return json.dumps(yaml_parse(text), default=str)


@functools.cache  # a test that breaks one template leaves the others
def transformed(text, given):
    template, parameters = json.loads(read(text)), json.loads(given)
    if "Transform" not in template:
        return template
    for name, resource in template["Resources"].items():  # the upload comes before the transform
        code = {"AWS::Serverless::Function": "CodeUri", "AWS::Serverless::LayerVersion": "ContentUri"}.get(resource["Type"])
        if code:
            resource["Properties"][code] = "s3://bucket/" + name
    return transform(template, parameters, Names(None))


for line in sys.stdin:
    request = json.loads(line)
    try:
        answer = {path: transformed(text, json.dumps(request["parameters"])) for path, text in request["files"].items()}
    except Exception as e:
        answer = {"error": str(e) or getattr(e, "message", repr(e))}
    print(json.dumps(answer, default=str), flush=True)
