#!/bin/sh
# Answers with the file that its argument names, beside the kubeconfig.
cat "$FOLDER/$1"
