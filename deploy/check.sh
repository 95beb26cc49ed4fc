#!/usr/bin/env bash
# Checks every file in deploy/ with the program that reads it. Starts no services and needs no network.
#
#   deploy/check.sh [SLOD]     SLOD is the slod binary to use, target/debug/slod by default
#
# A missing tool is an error if CI=true; otherwise its checks are skipped with a message.
set -euo pipefail
cd "$(dirname "$0")/.."
slod=$(realpath "${1:-target/debug/slod}")

have() {
    command -v "$1" >/dev/null && return
    if [ "${CI:-}" = true ]; then
        echo "$1 is required in CI" >&2
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
    local receiver=$1 output
    shift
    output=$(amtool config routes test --config.file=deploy/alertmanager/alertmanager.yml \
        --verify.receivers="$receiver" "$@" 2>&1) || fail "not routed to $receiver: $*" "$output"
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
    # The version is defined in Cargo.toml; the tag and the label repeat it.
    version=$("$slod" --version | cut -d ' ' -f 2)
    config=$(docker-compose -f deploy/compose/compose.yaml config)
    for line in "image: slod:$version" "VERSION: $version"; do
        grep -qF "$line" <<<"$config" || fail "compose.yaml lacks '$line'"
    done
    # Docker silently creates an empty directory for a mounted file that does not exist.
    sed -n 's/^ *source: \(\/.*\)$/\1/p' <<<"$config" | while read -r path; do
        [ -e "$path" ] || fail "compose.yaml mounts $path, which does not exist"
    done
fi

echo "-- Kubernetes"
version=$("$slod" --version | cut -d ' ' -f 2)
for file in deploy/kubernetes/*.yaml; do
    grep -qF "image: slod:$version" "$file" || fail "$file lacks 'image: slod:$version'"
done
# The config of each pod, as the comment at the top of the file describes it. slod replaces the variable, not the shell.
# shellcheck disable=SC2016
{
    echo 'shard: "${POD_NAME}/3"'
    echo 'alerts: { address: "http://${POD_NAME}.slod:9771" }'
    grep -vE '^(listen|alerts):' deploy/compose/slod.yaml
} >"$scratch/slod.yaml"
replicas=$(sed -n 's/^  replicas: \([0-9]*\) .*/\1/p' deploy/kubernetes/shards.yaml)
for ((pod = 0; pod < replicas; pod++)); do
    POD_NAME=slod-$pod "$slod" check --config "$scratch/slod.yaml" | tail -n 1
done

echo "-- software bill of materials"
deploy/sbom.py --check

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
    # Use a program that exists; a missing one is an error. Some errors are reported with exit code 0.
    sed "s|^ExecStart=/usr/bin/slod |ExecStart=$slod |" deploy/systemd/slod.service >"$scratch/slod.service"
    output=$(systemd-analyze verify --recursive-errors=no "$scratch/slod.service" 2>&1 || true)
    [ -z "$output" ] || fail "$output"
    systemd-analyze security --offline=true --threshold=30 "$scratch/slod.service" | tail -n 1
fi
