#!/bin/sh
# Prints the path of the Node that the user installed: the first on PATH outside any node_modules.
set -eu
IFS=:
for folder in $PATH; do
  case "$folder" in
    */node_modules/*) continue ;;
  esac
  if [ -x "$folder/node" ] && [ ! -d "$folder/node" ]; then
    printf '%s\n' "$folder/node"
    exit 0
  fi
done
echo 'machine-node: no node on PATH outside node_modules' >&2
exit 1
