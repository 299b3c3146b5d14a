"""Judges manifests: Kubernetes' kinds by its own schemas, the others by the definitions that their operators bring.

Every field must be known, and every kind but those that are named as unknown. Prints what is wrong.
"""

import argparse
import functools
import pathlib
import sys

import jsonschema
import yaml
from kubernetes_validate import utils


def load(path):
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    return [document for document in yaml.load_all(path.read_text(), loader) if document]


def strict(schema):
    """The same schema, which allows no other members than those that it names."""
    if isinstance(schema, list):
        return [strict(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    schema = {key: strict(value) for key, value in schema.items()}
    is_open = schema.get("x-kubernetes-preserve-unknown-fields") or "additionalProperties" in schema
    if isinstance(schema.get("properties"), dict) and schema.get("type") == "object" and not is_open:
        schema["additionalProperties"] = False
    if schema.get("x-kubernetes-int-or-string"):
        schema.pop("type", None)
    return schema


def definitions(folders):
    """The validator of each kind that the definitions in these folders have."""
    found = {}
    for path in (path for folder in folders for path in sorted(folder.glob("*.yaml"))):
        for definition in load(path):
            spec = definition["spec"]
            for version in spec["versions"]:
                schema = strict(version["schema"]["openAPIV3Schema"])
                # Kubernetes' own, as is all of it below.
                schema["properties"]["metadata"] = {"type": "object", "required": ["name"]}
                kind = f"{spec['group']}/{version['name']}", spec["names"]["kind"]
                found[kind] = jsonschema.Draft202012Validator(schema)
    return found


def complaints(manifest, own, versions):
    """What is wrong with a manifest."""
    validator = own.get((manifest["apiVersion"], manifest["kind"]))
    if validator:
        for error in validator.iter_errors(manifest):
            yield f"{'.'.join(map(str, error.path))}: {error.message}"
        return
    for version in versions:
        try:
            utils.validate(manifest, version, strict=True)
        except utils.ValidationError as error:
            yield f"Kubernetes {version}: {'.'.join(map(str, error.path))}: {error.message}"
        except utils.SchemaNotFoundError:
            yield f"Kubernetes {version}: there is no such kind"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--kubernetes", action="append", required=True)
    parser.add_argument("--definitions", action="append", type=pathlib.Path, default=[])
    parser.add_argument("--unknown", action="append", default=[])
    parser.add_argument("manifests", nargs="+", type=pathlib.Path)
    options = parser.parse_args()
    utils.schema_contents = functools.cache(utils.schema_contents)
    own = definitions(options.definitions)
    judged, wrong = 0, 0
    for path in options.manifests:
        for manifest in load(path):
            if manifest["kind"] in options.unknown:
                continue
            judged += 1
            for complaint in complaints(manifest, own, options.kubernetes):
                wrong += 1
                print(f"{path.stem}: {manifest['kind']} {manifest['metadata']['name']}: {complaint}")
    print(f"{judged} manifests, {wrong} mistakes")
    return 1 if wrong or not judged else 0


sys.exit(main())
