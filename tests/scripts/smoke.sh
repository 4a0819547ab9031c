#!/bin/sh
# The shortest way through all of it: catalogue, template with module and startup file, session, repl, file, summary.
set -eu
. "$(dirname "$0")/gateway.sh"

printf 'console.log("startup");\nglobalThis.SMOKE_VALUE = 40;\n' >"$WORKTREE/startup.js"
printf 'console.log("app");\nSMOKE_VALUE + 2;\n' >"$WORKTREE/app.js"

step "the gateway starts and is healthy"
start_gateway

step "modules are listed"
contains "$(cli template list-available-modules)" '"id": "fs"'

step "a template is created"
TEMPLATE=$(template_id "$(cli template create --name smoke --engine v8)")
test -n "$TEMPLATE"

step "a module and a startup file are added"
contains "$(cli template add-module "$TEMPLATE" --name fs)" "Added module: fs to template $TEMPLATE"
contains "$(cli template add-startup "$TEMPLATE" --path startup.js --order 10 --mode eval)" \
    "Added startup file: startup.js (order: 10) to template $TEMPLATE"

step "a session is created"
SESSION=$(session_id "$(cli session create --template-id "$TEMPLATE" --workspace-id ws-smoke \
    --base-commit deadbeef --worktree-path "$WORKTREE")")
test -n "$SESSION"

step "a repl sees what the startup file defined"
contains "$(cli exec repl "$SESSION" 'SMOKE_VALUE + 2')" '"preview":"42"'

step "a file runs"
contains "$(cli exec run-file "$SESSION" app.js)" 'Execution ID:'

step "the summary counts one session"
contains "$(cli ops runtime-summary | tr -d ' \n')" '"active_sessions":1'
