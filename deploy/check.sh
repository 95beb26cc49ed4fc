#!/usr/bin/env bash
# Checks everything in deploy/ with the tools of those who will read it. A missing tool is told;
# where CI is set it is a fault.
#
#   deploy/check.sh [the slod binary]
set -euo pipefail
cd "$(dirname "$0")/.."
slod=$(realpath "${1:-target/debug/slod}")
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

fault() {
    printf 'deploy/check.sh: %s\n' "$*" >&2
    exit 1
}

# have TOOL: whether it is there.
have() {
    command -v "$1" >/dev/null && return
    [ -z "${CI:-}" ] || fault "$1 is needed"
    printf 'not checked, because %s is not installed\n' "$1"
    return 1
}

# silent COMMAND...: fails on any word, where a tool only warns of what it does not know.
silent() {
    local said
    said=$("$@" 2>&1) || fault "$* fails: $said"
    [ -z "$said" ] || fault "$* says: $said"
}

# routed RECEIVER LABEL=VALUE...: an alert with these labels must reach exactly this receiver.
routed() {
    local expected=$1 seen
    shift
    seen=$(amtool config routes test --config.file=deploy/alertmanager/alertmanager.yml "$@")
    [ "$seen" = "$expected" ] || fault "an alert with $* goes to $seen, not to $expected"
}

container() {
    have hadolint && hadolint deploy/docker/Dockerfile
    # Version 1 knows neither `name` nor today's keys.
    if docker compose version >/dev/null 2>&1; then
        docker compose -f deploy/compose/compose.yaml config --quiet
    else
        printf 'compose.yaml is not checked, because there is no docker compose v2\n'
    fi
    "$slod" check --config deploy/compose/slod.yaml
}

prometheus() {
    have promtool || return 0
    # As compose.yaml mounts them: beside each other.
    cp deploy/compose/prometheus.yml deploy/prometheus/slod.rules.yml "$scratch"
    promtool check config "$scratch/prometheus.yml"
    promtool check config deploy/prometheus/prometheus.yml
    promtool check rules --lint=all --lint-fatal deploy/prometheus/slod.rules.yml
    promtool test rules deploy/prometheus/tests/*.test.yml
}

alertmanager() {
    have amtool || return 0
    amtool check-config deploy/alertmanager/alertmanager.yml
    routed page alertname=SlodBudgetBurnPage1h severity=critical kind=page tier=1
    routed ticket alertname=SlodBudgetBurnTicket3d severity=warning kind=ticket tier=4
    routed page alertname=SlodDown severity=critical
    routed ticket alertname=SlodBlind severity=warning
}

unit() {
    have systemd-analyze || return 0
    # verify wants the program to be there, and threshold is the exposure times ten.
    sed "s|^ExecStart=/usr/bin/slod|ExecStart=$slod|" deploy/systemd/slod.service >"$scratch/slod.service"
    silent systemd-analyze verify "$scratch/slod.service"
    systemd-analyze security --offline=true --threshold=30 "$scratch/slod.service" | tail -n 1
}

container
prometheus
alertmanager
unit
