#!/bin/sh
# A session over REST, call by call: template, session, repl, prompt, file, late output, cancel, export.
#
# Usage: examples/rest.sh [python], with a gateway that runs (`vm-gateway serve`); VM_GATEWAY_URL names another one.
# Python picks ids out of JSON, writes the notebook, and stands in for curl where there is none.
set -eu
cd "$(dirname "$0")"
PYTHON=${1:-python3}
URL=${VM_GATEWAY_URL:-http://127.0.0.1:3210}
# A gateway leaves its token in a file that only its user can read.
TOKEN=${VM_GATEWAY_TOKEN-$("$PYTHON" -c 'import sys; from vm_gateway import places; print(places.read_token(int(sys.argv[1])))' "${URL##*:}")}
FOLDER=$(mktemp -d)
trap 'rm -rf "$FOLDER"' EXIT

# send METHOD PATH [JSON]: prints the status of the answer, which is in $FOLDER/answer then.
if command -v curl >/dev/null; then
    send() {
        curl -sS -X "$1" "$URL/api/v1$2" -o "$FOLDER/answer" -w '%{http_code}' \
            -H "Authorization: Bearer $TOKEN" ${3+-H "Content-Type: application/json" -d "$3"}
    }
else
    send() {
        "$PYTHON" -c 'import sys, urllib.error, urllib.request
url, token, target, method, path, *body = sys.argv[1:]
headers = {"Authorization": "Bearer " + token, "Content-Type": "application/json"}
request = urllib.request.Request(url + "/api/v1" + path, "".join(body).encode() or None, headers, method=method)
try:
    answer = urllib.request.urlopen(request)
except urllib.error.HTTPError as error:
    answer = error
with open(target, "wb") as file:
    file.write(answer.read())
print(answer.status)' "$URL" "$TOKEN" "$FOLDER/answer" "$@"
    }
fi

# call METHOD PATH [JSON]: prints the call and its answer; one that is no 2xx is the end.
call() {
    printf '\n%s /api/v1%s %s\n' "$1" "$2" "${3-}"
    STATUS=$(send "$@") || { echo "no gateway answers at $URL: start one with \`vm-gateway serve\`" >&2; exit 1; }
    printf '    %s  %s\n' "$STATUS" "$(head -c 400 "$FOLDER/answer")"
    case $STATUS in 2*) ;; *) exit 1 ;; esac
}

# pick NAME: a member of the last answer.
pick() { "$PYTHON" -c 'import json, sys; print(json.load(open(sys.argv[1]))[sys.argv[2]])' "$FOLDER/answer" "$1"; }

printf "\n== a template, limits and a startup file; a session of it\n"
call POST /templates "{\"name\": \"rest-$$\", \"settings\": {\"limits\": {\"wall_ms\": 60000, \"cpu_ms\": 60000}}}"
TEMPLATE=$(pick id)
call POST "/templates/$TEMPLATE/startup-files" '{"path": "runtime/init.js", "order_index": 1}'
call POST /sessions "{\"template_id\": \"$TEMPLATE\", \"workspace_id\": \"rest\", \"base_commit_oid\": \"none\",
    \"worktree_path\": \"$PWD/worktree\"}"
SESSION=$(pick id)

printf "\n== run something; what prompt() asks for comes along; an error is a result\n"
call POST /executions/repl "{\"session_id\": \"$SESSION\", \"input\": \"price('pear') * 2\"}"
call POST /executions/repl "{\"session_id\": \"$SESSION\", \"input\": \"'for ' + prompt('who? ')\", \"stdin\": [\"Ada\"]}"
call POST /executions/run-file "{\"session_id\": \"$SESSION\", \"path\": \"app.js\", \"args\": {\"basket\": {\"plum\": 4}}}"
call POST /executions/repl "{\"session_id\": \"$SESSION\", \"input\": \"price('kiwi')\"}"
call GET "/executions/$(pick id)/events?after_seq=1"

printf "\n== do not wait: the events of what runs, then an end to it\n"
call POST "/executions/repl?wait=false" "{\"session_id\": \"$SESSION\", \"input\": \"console.log('begun'); for (;;);\"}"
RUNNING=$(pick id)
until grep -q begun "$FOLDER/answer" && [ "$(head -c 1 "$FOLDER/answer")" = "[" ]; do
    call GET "/executions/$RUNNING/events?after_seq=1"
done
call POST "/executions/$RUNNING/cancel" '{}'

printf "\n== all of it is on record\n"
call GET "/executions?session_id=$SESSION&limit=2"
call POST "/sessions/$SESSION/close" '{}'
"$PYTHON" -m vm_gateway --server-url "$URL" session export "$SESSION" --to "$FOLDER/rest.ipynb"
echo "The template stays, so that the session can be replayed; \`vm-gateway template delete $TEMPLATE\` removes it."
