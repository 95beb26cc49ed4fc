#!/usr/bin/env bash
# Holds every file of deploy/ against the program that will read it. Starts nothing, needs no network.
#
#   deploy/check.sh [SLOD]     the program to check with, target/debug/slod by default
#
# A tool that is missing is a failure where CI=true, and a skip that says so elsewhere.
set -euo pipefail
cd "$(dirname "$0")/.."
slod=$(realpath "${1:-target/debug/slod}")

have() {
    command -v "$1" >/dev/null && return
    if [ "${CI:-}" = true ]; then
        echo "$1 is needed in CI" >&2
        exit 1
    fi
    echo "skipped: $1 is not installed"
    return 1
}

fail() {
    printf '%s\n' "$@" >&2
    exit 1
}

route() { # RECEIVER LABEL=VALUE...
    local receiver=$1 told
    shift
    told=$(amtool config routes test --config.file=deploy/alertmanager/alertmanager.yml \
        --verify.receivers="$receiver" "$@" 2>&1) || fail "not to $receiver: $*" "$told"
}

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

echo "-- slod's config"
"$slod" check --config deploy/compose/slod.yaml

echo "-- Dockerfile"
if have hadolint; then
    hadolint deploy/docker/Dockerfile
fi

echo "-- compose"
if have docker-compose; then
    docker-compose -f deploy/compose/compose.yaml config -q
    # The version stands in Cargo.toml; the tag and the label repeat it.
    version=$("$slod" --version | cut -d ' ' -f 2)
    config=$(docker-compose -f deploy/compose/compose.yaml config)
    for line in "image: slod:$version" "VERSION: $version"; do
        grep -qF "$line" <<<"$config" || fail "compose.yaml lacks '$line'"
    done
    # A file that is mounted but does not exist becomes an empty folder in silence.
    sed -n 's/^ *source: \(\/.*\)$/\1/p' <<<"$config" | while read -r path; do
        [ -e "$path" ] || fail "compose.yaml mounts $path, which does not exist"
    done
fi

echo "-- Prometheus"
if have promtool; then
    promtool check config deploy/compose/prometheus.yml
fi

echo "-- Alertmanager"
if have amtool; then
    amtool check-config deploy/alertmanager/alertmanager.yml
    route page alertname=SlodBudgetBurnPage1h severity=critical kind=page tier=1 service=a slo=b
    route page alertname=SlodProbeFailing severity=critical kind=page service=a probe=b
    route nobody alertname=SlodBurnInhibitor severity=none tier=1 service=a slo=b
    route page alertname=SlodDown severity=critical job=slod
    route ticket alertname=SlodBudgetBurnTicket3d severity=warning kind=ticket tier=4 service=a slo=b
    route ticket alertname=SlodBlind severity=warning service=a slo=b
    route ticket alertname=OfSomebodyElse
fi

echo "-- systemd"
if have systemd-analyze; then
    # With a program that exists, or that alone would be a fault. Some faults are told with exit code 0.
    sed "s|^ExecStart=/usr/bin/slod |ExecStart=$slod |" deploy/systemd/slod.service >"$scratch/slod.service"
    told=$(systemd-analyze verify --recursive-errors=no "$scratch/slod.service" 2>&1 || true)
    [ -z "$told" ] || fail "$told"
    systemd-analyze security --offline=true --threshold=30 "$scratch/slod.service" | tail -n 1
fi
