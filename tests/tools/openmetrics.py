#!/usr/bin/env python3
"""Parses an OpenMetrics page from standard input with the reference parser; prints nothing if it is valid."""
import sys

from prometheus_client.openmetrics.parser import text_string_to_metric_families

families = list(text_string_to_metric_families(sys.stdin.read()))
if not families:
    sys.exit("no family")
