#!/bin/sh
# Answers with what it was run with.
token=$(printf '{"arguments":"%s","variables":"%s %s","terminal":"%s","info":%s}' \
    "$*" "$ONE" "$TWO" "$(test -t 0 && echo yes)" "$KUBERNETES_EXEC_INFO" | base64 | tr -d '\n')
printf '{"apiVersion":"%s","kind":"ExecCredential","status":{"token":"%s"}}\n' \
    "${VERSION:-client.authentication.k8s.io/v1}" "$token"
