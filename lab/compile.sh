#!/bin/bash
# What compiles in a guest: the machine that emulates it, see compiling.py. Its argument is the folder that both share.
name=$1/$$-$EPOCHREALTIME
cat >"$name.asked"
: >"$name.request"
until [[ -e $name.status ]]; do sleep 0.1; done
cat "$name.err" >&2
cat "$name.out"
exit "$(<"$name.status")"
