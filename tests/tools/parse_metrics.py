#!/usr/bin/env python3
"""Parses pages with the reference parsers. Input: a JSON list of [format, page]. Output: a JSON list with the samples
of each page as [name, labels, value], or null for an invalid page."""
import json
import sys

from prometheus_client.openmetrics import parser as openmetrics
from prometheus_client import parser as text

PARSERS = {"text": text, "openmetrics": openmetrics}


def samples(kind, page):
    try:
        families = list(PARSERS[kind].text_string_to_metric_families(page))
    except Exception:  # whatever it is, the page is refused
        return None
    return [[s.name, s.labels, repr(float(s.value))] for f in families for s in f.samples]


json.dump([samples(kind, page) for kind, page in json.load(sys.stdin)], sys.stdout)
