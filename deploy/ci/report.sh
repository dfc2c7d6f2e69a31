#!/bin/sh
# Tells TasksGodzilla how a stage of CI went. Copy it to scripts/ci/report.sh of the repository; docs/ci.md of the bot says
# how to use it in GitHub Actions, GitLab CI and elsewhere.
#
#   scripts/ci/report.sh [success|failure|pending] [last|later]
#
# `last`: no other stage of this pipeline comes after it. `later`: others do. Say one of the two in every stage, or neither:
# then the forge's own results say when CI is over. Outside GitHub Actions and GitLab CI, where the forge may show none, a
# stage that says neither is taken for `later`.
#
# Environment, each name after TASKSGODZILLA_CI_:
#   API_BASE          the bot's address; without it nothing is told
#   WEBHOOK_TOKEN     the bot's CI token, or the webhook's secret
#   PROVIDER          github or gitlab; default: gitlab within GitLab CI, else github
#   BRANCH, SHA       what was tested, where this script cannot know
#   REPOSITORY        owner/name, where this script cannot know
#   REPOSITORY_ID     its numeric id on the forge, likewise
#   PIPELINE, STAGE   names of what ran; the stage's must be unique within the pipeline
#   ATTEMPT           which try of the pipeline: told twice with one attempt, a stage is told once
#   TARGET_URL        where people see it
#   LAST              `last` or `later`, as the second argument
#   PROTOCOL_RUN_ID   the protocol's number in the bot's addresses, if several repositories share a branch's name
#
# Needs curl, openssl and a POSIX shell. Ends with 0 whatever happens, within a minute; what happened is a line on stderr. No
# secret is ever an argument of a program, where other users of the machine could read it.

LC_ALL=C
export LC_ALL

say() {
    printf 'report.sh: %s\n' "$*" >&2
}

first() {
    for candidate in "$@"; do
        if [ -n "$candidate" ]; then
            printf %s "$candidate"
            return
        fi
    done
}

# A JSON string of anything; control characters become blanks.
quoted() {
    printf '"%s"' "$(printf %s "$1" | tr '\000-\037\177' ' ' | sed 's/[\\"]/\\&/g')"
}

# `,"name":"text"`, or nothing without a text.
member() {
    if [ -n "$2" ]; then
        printf ',"%s":%s' "$1" "$(quoted "$2")"
    fi
}

# The same for a number; what is none is left out.
number() {
    case $2 in
        '' | *[!0-9]*) ;;
        *) printf ',"%s":%s' "$1" "$2" ;;
    esac
}

# The head that was tested. In a pull request GITHUB_SHA is a trial merge, whose second parent is the head.
tested_sha() {
    case ${GITHUB_EVENT_NAME:-} in
        pull_request)
            if [ "$(git rev-parse HEAD 2>/dev/null)" = "${GITHUB_SHA:-}" ]; then
                git cat-file commit HEAD 2>/dev/null | sed -n '/^$/q; s/^parent //p' | sed -n 2p
            else
                git rev-parse HEAD 2>/dev/null
            fi
            ;;
        *)
            first "${CI_MERGE_REQUEST_SOURCE_BRANCH_SHA:-}" "${CI_COMMIT_SHA:-}" "${GITHUB_SHA:-}" \
                "$(git rev-parse HEAD 2>/dev/null)"
            ;;
    esac
}

hex() {
    od -An -v -tx1 | tr -d ' \n'
}

# The 64 bytes of the key in hexadecimal, each exclusive-or $2.
padded_key() {
    rest=$1
    place=0
    while [ "$place" -lt 64 ]; do
        byte=${rest%"${rest#??}"}
        rest=${rest#??}
        # shellcheck disable=SC2059 # The format is an octal escape of our own making.
        printf "\\$(printf %03o $((0x${byte:-00} ^ $2)))"
        place=$((place + 1))
    done
}

# HMAC-SHA256 of $2 with the key $1 (RFC 2104), from plain digests: `openssl dgst -hmac` takes the key as an argument.
signature() {
    key=$(printf %s "$1" | hex)
    if [ "${#key}" -gt 128 ]; then
        key=$(printf %s "$1" | openssl dgst -sha256 -binary | hex)
    fi
    {
        padded_key "$key" 92
        {
            padded_key "$key" 54
            printf %s "$2"
        } | openssl dgst -sha256 -binary
    } | openssl dgst -sha256 -binary | hex
}

# Sends $2 to $1 with the headers on stdin; prints the answer and its status.
post() {
    curl --silent --show-error --connect-timeout 5 --max-time 10 --retry 2 --retry-max-time 20 \
        --header 'Content-Type: application/json' --header @- --data-binary "$2" --write-out ' (%{http_code})' "$1" 2>&1
}

tell() {
    base=${TASKSGODZILLA_CI_API_BASE:-}
    if [ -z "$base" ]; then
        say 'TASKSGODZILLA_CI_API_BASE is not set; nothing is told'
        return
    fi
    status=${1:-success}
    provider=$(first "${TASKSGODZILLA_CI_PROVIDER:-}" "${GITLAB_CI:+gitlab}" github)
    case $provider in
        github | gitlab) ;;
        *)
            say "TASKSGODZILLA_CI_PROVIDER is '$provider'; set it to github or gitlab; nothing is told"
            return
            ;;
    esac
    branch=$(first "${TASKSGODZILLA_CI_BRANCH:-}" "${CI_MERGE_REQUEST_SOURCE_BRANCH_NAME:-}" "${CI_COMMIT_REF_NAME:-}" \
        "${GITHUB_HEAD_REF:-}" "${GITHUB_REF_NAME:-}" "$(git rev-parse --abbrev-ref HEAD 2>/dev/null)")
    sha=${TASKSGODZILLA_CI_SHA:-$(tested_sha)}
    run_url=${GITHUB_RUN_ID:+${GITHUB_SERVER_URL:-}/${GITHUB_REPOSITORY:-}/actions/runs/$GITHUB_RUN_ID}
    url=$(first "${TASKSGODZILLA_CI_TARGET_URL:-}" "${CI_JOB_URL:-}" "$run_url")
    pipeline=$(first "${TASKSGODZILLA_CI_PIPELINE:-}" "${CI_PIPELINE_NAME:-}" "${GITHUB_WORKFLOW:-}")
    stage=$(first "${TASKSGODZILLA_CI_STAGE:-}" "${CI_JOB_NAME:-}" "${GITHUB_JOB:-}")
    attempt=$(first "${TASKSGODZILLA_CI_ATTEMPT:-}" "${CI_JOB_ID:-}" "${GITHUB_RUN_ID:+$GITHUB_RUN_ID.${GITHUB_RUN_ATTEMPT:-1}}")
    repository=$(first "${TASKSGODZILLA_CI_REPOSITORY:-}" "${CI_PROJECT_PATH:-}" "${GITHUB_REPOSITORY:-}")
    repository_id=$(first "${TASKSGODZILLA_CI_REPOSITORY_ID:-}" "${CI_PROJECT_ID:-}" "${GITHUB_REPOSITORY_ID:-}")
    last=$(first "${2:-}" "${TASKSGODZILLA_CI_LAST:-}")
    if [ -z "$last${GITHUB_ACTIONS:-}${GITLAB_CI:-}" ]; then
        last=later
    fi
    case $last in
        last) last=',"last":true' ;;
        later) last=',"last":false' ;;
        *) last= ;;
    esac
    query=${TASKSGODZILLA_CI_PROTOCOL_RUN_ID:+?protocol_run_id=$TASKSGODZILLA_CI_PROTOCOL_RUN_ID}
    about="$(member sha "$sha")$(member pipeline "$pipeline")$(member attempt "$attempt")$last"
    id=$(number id "$repository_id")
    case $provider in
        gitlab)
            if [ "$status" = failure ]; then
                status=failed
            fi
            project="{\"path_with_namespace\":$(quoted "$repository")$id}"
            body="{\"object_kind\":\"pipeline\",\"object_attributes\":{\"status\":$(quoted "$status"),\"ref\":$(quoted "$branch")"
            body="$body$(member stage "$stage")$(member url "$url")$about}${repository:+,\"project\":$project}}"
            headers="X-Gitlab-Event: Pipeline Hook
X-Gitlab-Token: ${TASKSGODZILLA_CI_WEBHOOK_TOKEN:-}"
            ;;
        github)
            project="{\"full_name\":$(quoted "$repository")$id}"
            body="{\"state\":$(quoted "$status"),\"branches\":[{\"name\":$(quoted "$branch")}],\"ref\":$(quoted "$branch")"
            body="$body$(member context "$stage")$(member target_url "$url")$about${repository:+,\"repository\":$project}}"
            headers="X-GitHub-Event: status
X-Hub-Signature-256: sha256=$(signature "${TASKSGODZILLA_CI_WEBHOOK_TOKEN:-}" "$body")"
            ;;
    esac
    answer=$(printf '%s\n' "$headers" | post "${base%/}/webhooks/$provider$query" "$body")
    # A proxy may answer with a page of its own.
    short=$(printf %s "${answer% (*}" | tr '\r\n\t' '   ' | cut -c 1-300)
    case $answer in
        *'"error":'*) said="could not tell" ;;
        *' (2'??')') said="told" ;;
        *) said="could not tell" ;;
    esac
    say "$said $status: $short (${answer##*(}"
}

tell "$@"
exit 0
