"""A workflow of ComfyUI in API format: its nodes, and their inputs by name.

A binding names an input by the id of its node (`6.text`) or by the node's title (`title:Positive.text`).
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sdeval._utils.files import parse_json, read_bytes
from sdeval._utils.validation import preview
from sdeval.errors import SdevalError, unknown

LARGEST = 16 * 2**20
"""Bytes of a workflow file."""
CONSTANTS = ("value", "int", "string", "text", "number", "seed", "noise_seed")
"""What a node that holds a single value calls it."""
OUTPUTS = ("SaveImage", "PreviewImage")
"""How the classes of nodes begin that end a workflow."""


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """An input of a node."""

    node: str
    input: str

    def __str__(self) -> str:
        return f"{self.node}.{self.input}"


class Workflow:
    """The nodes of a workflow by id.

    Args:
        nodes: as ComfyUI exports them for its API.
    """

    def __init__(self, nodes: Mapping[str, Any]) -> None:
        self.nodes = nodes

    @classmethod
    def read(cls, path: Path) -> Workflow:
        """A workflow from a file.

        Raises:
            SdevalError: there is none, or it is not in API format.
        """
        try:
            content = parse_json(read_bytes(path, LARGEST))
        except (ValueError, RecursionError) as error:
            raise SdevalError(f"{path}: is no JSON: {error}") from None
        if isinstance(content, Mapping) and isinstance(content.get("nodes"), list):
            raise SdevalError(f"{path}: is what the editor of ComfyUI saves; export it again with Export (API)")
        if not isinstance(content, Mapping) or not content or not all(map(_is_node, content.values())):
            raise SdevalError(f"{path}: is no workflow in API format: nodes by id, with class_type and inputs")
        return cls(content)

    def inputs(self, node: str) -> Mapping[str, Any]:
        """Inputs of a node: values, and links to other nodes."""
        inputs: Mapping[str, Any] = self.nodes[node]["inputs"]
        return inputs

    def class_of(self, node: str) -> str:
        """The class of a node."""
        return str(self.nodes[node]["class_type"])

    def place(self, text: str) -> Place:
        """The input that a binding names.

        Raises:
            SdevalError: there is no such node or input, or several nodes have the title.
        """
        name, dot, input_name = text.rpartition(".")
        if not dot or not name or not input_name:
            raise SdevalError(f"must be NODE.INPUT or title:TITLE.INPUT, got {preview(text)}")
        node = self.node(name)
        if input_name not in self.inputs(node):
            raise SdevalError(unknown(f"input of node {node} ({self.class_of(node)})", input_name, self.inputs(node)))
        return Place(node, input_name)

    def node(self, text: str) -> str:
        """The id of a node that is named by its id or its title.

        Raises:
            SdevalError: there is no such node, or several have the title.
        """
        if not text.startswith("title:"):
            if text not in self.nodes:
                raise SdevalError(unknown("node", text, self.nodes))
            return text
        titles = {node: self._title(node) for node in self.nodes}
        title = text.removeprefix("title:").strip()
        nodes = [node for node, name in titles.items() if name == title]
        if len(nodes) != 1:
            if nodes:
                raise SdevalError(f"nodes {', '.join(nodes)} are all called {preview(title)}; name one by its id")
            raise SdevalError(unknown("title", title, set(filter(None, titles.values()))))
        return nodes[0]

    def _title(self, node: str) -> str:
        meta = self.nodes[node].get("_meta")
        return str(meta.get("title", "")) if isinstance(meta, Mapping) else ""

    def output(self, stated: str = "") -> str:
        """The node whose image counts.

        Raises:
            SdevalError: none is stated, and there is none or more than one.
        """
        if stated:
            return self.node(stated)
        for begin in OUTPUTS:
            nodes = [node for node in self.nodes if self.class_of(node).startswith(begin)]
            if len(nodes) == 1:
                return nodes[0]
            if nodes:
                raise SdevalError(f"nodes {', '.join(nodes)} all give images; say which counts: server.output")
        raise SdevalError("no SaveImage node in it; say which node gives the image: server.output")

    def upstream(self, node: str) -> list[str]:
        """A node and all that it depends on."""
        order: dict[str, None] = {}
        pending = [node]
        while pending:
            name = pending.pop()
            if name in order:
                continue
            order[name] = None
            pending += [link[0] for link in self.links(name).values()]
        return list(order)

    def links(self, node: str) -> dict[str, tuple[str, int]]:
        """Inputs of a node that come from other nodes: which, and which of their outputs."""
        return {
            name: (str(value[0]), int(value[1]))
            for name, value in self.inputs(node).items()
            if isinstance(value, list) and len(value) == 2 and str(value[0]) in self.nodes and isinstance(value[1], int)
        }

    def value_place(self, place: Place) -> Place | None:
        """Where the value of an input is: there, or in a node that holds nothing else; None where it is computed."""
        for _ in range(len(self.nodes) + 1):
            link = self.links(place.node).get(place.input)
            if link is None:
                return None if isinstance(self.inputs(place.node)[place.input], list) else place
            names = [name for name in CONSTANTS if name in self.inputs(link[0])]
            if len(names) != 1:
                return None
            place = Place(link[0], names[0])
        return None

    def filled(self, values: Iterable[tuple[Place, Any]]) -> dict[str, Any]:
        """A copy with values in their places."""
        nodes: dict[str, Any] = copy.deepcopy(dict(self.nodes))
        for place, value in values:
            nodes[place.node]["inputs"][place.input] = value
        return nodes


def _is_node(value: Any) -> bool:
    return (
        isinstance(value, Mapping)
        and isinstance(value.get("class_type"), str)
        and isinstance(value.get("inputs"), dict)
    )
