# Run by `make demo` inside the dev cluster: one agent that attests, one that is refused.
set -euo pipefail
attest=$1

echo "An agent of pod spire/agent-1 attests:"
"$attest" "$DEVCLUSTER_CONFIG" "$DEVCLUSTER_PAYLOAD"

echo
echo "An agent of another service account is refused:"
if "$attest" "$DEVCLUSTER_CONFIG" "$DEVCLUSTER_PAYLOAD_REFUSED"; then
    echo "demo: it was not refused" >&2
    exit 1
fi
