#!/bin/sh
# In place of carat-tool: runs what stands behind "--" and the tool's name, without a sandbox.
while [ "$1" != "--" ]; do
  shift
done
shift 2
exec "$@"
