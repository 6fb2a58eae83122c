# Run by `make demo` inside the dev cluster: one agent that attests, one that is refused.
set -euo pipefail
attest=$1

# The program prints the document in one line, then what matters of it.
show() {
    "$attest" "$DEVCLUSTER_CONFIG" "$1" | {
        IFS= read -r document
        python3 -m json.tool --no-ensure-ascii <<<"$document"
        cat
    }
}

echo "An agent in the pod spire/agent-1 attests:"
show "$DEVCLUSTER_PAYLOAD"

echo
echo "An agent that runs as another service account is refused:"
if show "$DEVCLUSTER_PAYLOAD_REFUSED"; then
    echo "demo: it was not refused" >&2
    exit 1
fi
