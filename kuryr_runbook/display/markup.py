"""Serializes XML trees: JUnit reports, and drawings in SVG."""

from __future__ import annotations

from xml.etree.ElementTree import Element, tostring

from kuryr_runbook.model.visible import visible


def xml_text(root: Element) -> str:
    """The tree as text, all of it visible. XML does not allow control characters anyway."""
    for element in root.iter():
        element.text = element.text and visible(element.text)
        element.attrib = {name: visible(value) for name, value in element.attrib.items()}
    return tostring(root, encoding="unicode")
