# Owns a gateway for one shell flow: its own port, ledger, worktree and runtime folder, all gone at the end.
# To be sourced after `set -eu`; PYTHON names the Python that has the package (default python3).

ROOT=$(cd "$(dirname "$0")/../.." && pwd)
FLOW=$(basename "$0" .sh)
FOLDER=$(mktemp -d)
WORKTREE="$FOLDER/worktree"
GATEWAY=
STEP="start"
mkdir "$WORKTREE"

finish() {
    code=$?
    trap - EXIT
    if [ -n "$GATEWAY" ]; then
        kill -TERM "$GATEWAY" 2>/dev/null || true
        wait "$GATEWAY" 2>/dev/null || true
    fi
    if [ "$code" -ne 0 ]; then
        echo "$FLOW: failed at: $STEP" >&2
        tail -n 20 "$FOLDER/log" >&2 || true
    else
        echo "$FLOW: passed"
    fi
    rm -rf "$FOLDER"
    exit "$code"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

export JUPYTER_RUNTIME_DIR="$FOLDER/jupyter" XDG_RUNTIME_DIR="$FOLDER"
unset VM_GATEWAY_TOKEN || true
export PYTHONPATH="$ROOT${PYTHONPATH:+:$PYTHONPATH}"

cli() {
    "${PYTHON:-python3}" -m vm_gateway "$@"
}

# The words of a step are what a failure names.
step() {
    STEP=$1
    echo "-- $1"
}

# contains TEXT PART: fails with both when the part is missing.
contains() {
    case $1 in
        *"$2"*) ;;
        *)
            printf 'expected %s in:\n%s\n' "$2" "$1" >&2
            return 1
            ;;
    esac
}

# Starts the gateway on a free port and waits until /health answers.
start_gateway() {
    "${PYTHON:-python3}" -m vm_gateway serve --db "$FOLDER/flow.ledger" --listen 127.0.0.1:0 \
        >"$FOLDER/ready" 2>"$FOLDER/log" &
    GATEWAY=$!
    tries=0
    until grep -q ' is ready at ' "$FOLDER/ready"; do
        tries=$((tries + 1))
        if [ "$tries" -gt 600 ] || ! kill -0 "$GATEWAY" 2>/dev/null; then
            return 1
        fi
        sleep 0.1
    done
    VM_GATEWAY_URL=$(sed -n 's/.* is ready at //p' "$FOLDER/ready")
    export VM_GATEWAY_URL
    contains "$(cli ops health)" '"status": "ok"'
}

# The ids in the two lines that scripts read.
template_id() {
    printf '%s\n' "$1" | sed -n 's/.*(ID: \(.*\)).*/\1/p'
}

session_id() {
    printf '%s\n' "$1" | awk '/Created session:/ {print $3}'
}
