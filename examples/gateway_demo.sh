#!/bin/sh
# A gateway from start to end with the command line: template, session, repl, file, a broken limit, events, summary.
#
# Usage: examples/gateway_demo.sh [python [ledger]]. Of a ledger that a notebook has been recorded in, its newest session
# is exported and replayed first. Everything else is in one temporary folder, gone at the end.
set -eu
cd "$(dirname "$0")/.."
PYTHON=${1:-python3}
FOLDER=$(mktemp -d)
LEDGER=${2:-$FOLDER/demo.ledger}
GATEWAY=

finish() {
    if [ -n "$GATEWAY" ]; then
        kill -TERM "$GATEWAY" 2>/dev/null || true
        wait "$GATEWAY" 2>/dev/null || true
    fi
    rm -rf "$FOLDER"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# Token, sockets and connection files of this run only.
export JUPYTER_RUNTIME_DIR="$FOLDER/jupyter" XDG_RUNTIME_DIR="$FOLDER"
unset VM_GATEWAY_TOKEN || true
PYTHONPATH="$PWD${PYTHONPATH:+:$PYTHONPATH}"
export PYTHONPATH

# Prints the command as one types it, then what it answers.
show() {
    printf '\n$ vm-gateway'
    for word in "$@"; do
        case $word in
            *[!A-Za-z0-9_./:=-]*) printf " '%s'" "$word" ;;
            *) printf ' %s' "$word" ;;
        esac
    done
    echo
    "$PYTHON" -m vm_gateway "$@" >"$FOLDER/answer" 2>&1 || CODE=$?
    sed 's/^/    /' "$FOLDER/answer"
}

printf '\n== a gateway on a free port'
if [ $# -gt 1 ]; then echo ", with the ledger of the notebook above"; else echo ", with a ledger of its own"; fi
CODE=0
"$PYTHON" -m vm_gateway serve --listen 127.0.0.1:0 --ledger "$LEDGER" >"$FOLDER/ready" 2>"$FOLDER/log" &
GATEWAY=$!
tries=0
until grep -q ' is ready at ' "$FOLDER/ready"; do
    tries=$((tries + 1))
    if [ "$tries" -gt 300 ] || ! kill -0 "$GATEWAY" 2>/dev/null; then
        echo "the gateway did not start:" >&2
        cat "$FOLDER/log" >&2
        exit 1
    fi
    sleep 0.1
done
VM_GATEWAY_URL=$(sed -n 's/.* is ready at //p' "$FOLDER/ready")
export VM_GATEWAY_URL
sed 's/^/    /' "$FOLDER/ready"

if [ $# -gt 1 ]; then
    echo
    echo "== what the notebook ran is on record: as a notebook, late output included, and run once more"
    NOTEBOOK=$("$PYTHON" -m vm_gateway session list | awk 'NR == 3 {print $1}')
    show session export "$NOTEBOOK" --to "$(dirname "$LEDGER")/exported.ipynb"
    show session replay "$NOTEBOOK"
    if [ "$CODE" -ne 0 ]; then exit 1; fi
    echo
    echo "== a template with limits and a startup file, a session of it"
fi
show template create --name demo --set limits.wall_ms=1000 --set limits.max_events=200
TEMPLATE=$(sed -n 's/.*(ID: \(.*\)).*/\1/p' "$FOLDER/answer")
show template add-startup "$TEMPLATE" --path runtime/init.js
show session create --template-id "$TEMPLATE" --workspace-id demo --base-commit none --worktree-path examples/worktree
SESSION=$(awk '/^Created session:/ {print $3}' "$FOLDER/answer")
if [ "$CODE" -ne 0 ]; then exit 1; fi

show exec repl "$SESSION" 'price("pear") * 2'
show exec run-file "$SESSION" app.js --args '{"basket":{"plum":4,"apple":1}}'
if [ "$CODE" -ne 0 ]; then exit 1; fi

echo
echo "== limits: an endless loop, then too much output; the session goes on"
show exec repl "$SESSION" 'let turns = 0; while (true) turns++'
CODE=0
show exec repl "$SESSION" 'for (let n = 1; ; n++) console.log("line", n)'
if [ "$CODE" -ne 1 ]; then echo "a flood of output was not refused" >&2; exit 1; fi
FLOOD=$(sed -n 's/.*execution_id: *//p' "$FOLDER/answer")
CODE=0
"$PYTHON" -m vm_gateway exec events "$FLOOD" --after-seq 197 >"$FOLDER/answer"
printf '\n$ vm-gateway exec events %s --after-seq 197\n' "$FLOOD"
sed 's/^/    /' "$FOLDER/answer"
show exec repl "$SESSION" 'turns > 0'
show exec list "$SESSION"

echo
echo "== the end"
show ops runtime-summary
show session close "$SESSION"
if [ "$CODE" -ne 0 ]; then exit 1; fi
