#!/bin/sh
# The engine of these tests, by the contract of the engine `command`: plans two steps, executes one in about a second, and
# is content with everything. It leaves a child in a session of its own, as agent CLIs do.
read -r request
setsid sleep 3600 >/dev/null 2>&1 &

quoted() {
    printf '%s' "$request" | sed 's/.*"'"$1"'":"\([^"]*\)".*/\1/'
}

case $request in
'{"version":1,"phase":"plan"'*)
    sleep 0.5
    printf '{"type":"answer","json":{"plan_md":"# Plan\\n","context_md":"# Context\\n","log_md":"# Log\\n","step_files":['
    printf '{"filename":"00-setup.md","content":"# Prepare\\n"},'
    printf '{"filename":"01-parser.md","content":"# Write the parser\\n"},'
    printf '{"filename":"02-writer.md","content":"# Write the writer\\n"}]}}\n'
    ;;
'{"version":1,"phase":"quality"'*)
    sleep 0.3
    echo '{"type":"answer","json":{"verdict":"pass","summary":"It is fine.","findings":[]}}'
    ;;
'{"version":1,"phase":"execute"'*)
    step=$(quoted step)
    echo "{\"type\":\"message\",\"text\":\"working on $step\"}"
    # Two attempts never write the same, so that a commit of each would show.
    date +%s.%N >"work-$(quoted slug)-$step.txt"
    sleep 1
    echo '{"type":"answer","text":"Done."}'
    ;;
*)
    echo "not asked for anything known" >&2
    exit 1
    ;;
esac
