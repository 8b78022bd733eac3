#!/bin/sh
# Says that it was run, by a file beside the name it was run by, and fails.
: >"$0.fired"
# Who checks a signature writes to it: gone too early, it would take git with it.
case $0 in *gpg*) cat >/dev/null ;; esac
exit 1
