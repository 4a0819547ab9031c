#!/bin/sh
# Order of startup files, state from startup to repl to file, lists, errors that are results, errors that are refusals.
set -eu
. "$(dirname "$0")/gateway.sh"

mkdir "$WORKTREE/runtime"
printf 'console.log("init");\nglobalThis.steps = ["init"];\n' >"$WORKTREE/runtime/init.js"
printf 'console.log("bootstrap");\nsteps.push("bootstrap");\n' >"$WORKTREE/runtime/bootstrap.js"
printf 'const joined = steps.join("+");\nconsole.log("steps:", joined);\njoined\n' >"$WORKTREE/test.js"

step "the gateway starts and is healthy"
start_gateway

step "a template with two startup files, added in the wrong order"
TEMPLATE=$(template_id "$(cli template create --name end-to-end)")
cli template add-startup "$TEMPLATE" --path runtime/bootstrap.js --order 20 >/dev/null
cli template add-startup "$TEMPLATE" --path runtime/init.js --order 10 >/dev/null
contains "$(cli template list-startup "$TEMPLATE" | tail -n 2 | tr -s ' \n' ' ')" \
    '10 eval runtime/init.js 20 eval runtime/bootstrap.js'

step "a session runs them in their order"
SESSION=$(session_id "$(cli session create --template-id "$TEMPLATE" --workspace-id ws-e2e \
    --base-commit abc123 --worktree-path "$WORKTREE")")
contains "$(cli exec repl "$SESSION" 'steps.join()')" '"preview":"init,bootstrap"'

step "1 + 2"
contains "$(cli exec repl "$SESSION" '1 + 2')" 'Result: {"type":"number","preview":"3","json":3}'

step "code from standard input"
contains "$(printf 'let fromInput = 6;\nfromInput * 7\n' | cli exec repl "$SESSION" -)" '"preview":"42"'

step "a file with a top-level const that uses what startup defined, twice"
for turn in 1 2; do
    OUTPUT=$(cli exec run-file "$SESSION" test.js)
    contains "$OUTPUT" 'Status: ok'
    contains "$OUTPUT" '"text":"steps: init+bootstrap"'
done

step "an error in JavaScript is a result"
contains "$(cli exec repl "$SESSION" 'throw new Error("boom")')" 'Error: {"message":"Error: boom'

step "a path out of the worktree is refused"
if OUTPUT=$(cli exec run-file "$SESSION" ../outside.js 2>&1); then
    echo "exit code 0 for a path outside" >&2
    exit 1
fi
contains "$OUTPUT" 'api error (status=422, code=INVALID_PATH):'

step "lists"
contains "$(cli session list --status ready)" "$SESSION"
test "$(cli exec list "$SESSION" | grep -c ' run_file ')" -eq 2
test "$(cli exec list "$SESSION" | grep -c ' startup ')" -eq 2

step "summary before and after the end of the session"
contains "$(cli ops runtime-summary | tr -d ' \n')" '"active_sessions":1'
contains "$(cli session close "$SESSION")" "Closed session: $SESSION"
contains "$(cli ops runtime-summary | tr -d ' \n')" '"active_sessions":0'
