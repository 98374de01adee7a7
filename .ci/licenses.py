"""Checks the licence of every crate in the tree against the list in deny.toml: for machines without cargo-deny."""

import json
import re
import subprocess
import sys
import tomllib

with open("deny.toml", "rb") as file:
    allowed = set(tomllib.load(file)["licenses"]["allow"])
command = ["cargo", "metadata", "--format-version", "1", "--locked", "--filter-platform", "x86_64-unknown-linux-gnu"]
packages = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)["packages"]


def fine(expression):
    """Whether an SPDX expression can be satisfied: AND needs all its parts, OR one of them."""
    expression = expression.replace("/", " OR ").strip()
    while "(" in expression:
        inner = re.search(r"\(([^()]*)\)", expression)
        verdict = "MIT" if fine(inner.group(1)) else "refused"
        expression = expression[: inner.start()] + verdict + expression[inner.end() :]
    choices = re.split(r"\s+OR\s+", expression)
    return any(all(part.strip() in allowed for part in re.split(r"\s+AND\s+", choice)) for choice in choices)


bad = [f"{p['name']} {p['version']}: {p['license']}" for p in packages if not p["license"] or not fine(p["license"])]
print(f"{len(packages)} crates, {len(bad)} with a licence that deny.toml does not allow")
print("\n".join(bad))
sys.exit(1 if bad else 0)
