-- The first house: deliveries, projects, protocols, steps, jobs, runs, and what was posted.
-- Twin of the file with this name in the other folder. Times are milliseconds UTC, truth values 0 or 1, JSON is text.

CREATE TABLE delivery (
    delivery_id INTEGER PRIMARY KEY AUTOINCREMENT,
    forge TEXT NOT NULL,
    guid TEXT NOT NULL,
    event TEXT NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('stored', 'done', 'ignored', 'failed')),
    reason TEXT NOT NULL DEFAULT '',
    body BLOB,
    received_at BIGINT NOT NULL,
    finished_at BIGINT,
    UNIQUE (forge, guid)
);

CREATE TABLE project (
    project_id INTEGER PRIMARY KEY AUTOINCREMENT,
    forge TEXT NOT NULL,
    repo_id BIGINT NOT NULL,
    owner TEXT NOT NULL,
    name TEXT NOT NULL,
    installation BIGINT NOT NULL,
    default_branch TEXT NOT NULL,
    private BIGINT NOT NULL CHECK (private IN (0, 1)),
    access TEXT NOT NULL CHECK (access IN ('granted', 'lost', 'deleted')),
    has_seen_ci BIGINT NOT NULL DEFAULT 0 CHECK (has_seen_ci IN (0, 1)),
    created_at BIGINT NOT NULL,
    changed_at BIGINT NOT NULL,
    UNIQUE (forge, repo_id)
);
CREATE INDEX project_by_installation ON project (forge, installation);

CREATE TABLE protocol (
    protocol_id INTEGER PRIMARY KEY AUTOINCREMENT,
    project_id BIGINT NOT NULL CONSTRAINT protocol_project REFERENCES project (project_id),
    number BIGINT NOT NULL,
    slug TEXT NOT NULL,
    status TEXT NOT NULL CHECK (status IN
        ('pending', 'planning', 'planned', 'running', 'paused', 'blocked', 'failed', 'cancelled', 'completed')),
    work TEXT NOT NULL CHECK (work IN ('pending', 'planning', 'planned', 'running')),
    drive TEXT NOT NULL,
    reasons TEXT NOT NULL,
    pause TEXT,
    faulted BIGINT NOT NULL CHECK (faulted IN (0, 1)),
    ended TEXT,
    revision BIGINT NOT NULL,
    issue BIGINT NOT NULL,
    asked_on_pull BIGINT NOT NULL CHECK (asked_on_pull IN (0, 1)),
    pull_number BIGINT,
    pull TEXT,
    base TEXT NOT NULL,
    base_sha TEXT,
    base_moved BIGINT NOT NULL DEFAULT 0 CHECK (base_moved IN (0, 1)),
    head TEXT,
    adopted_from TEXT,
    request TEXT NOT NULL,
    requester TEXT NOT NULL,
    engine TEXT,
    model TEXT,
    plan_revision BIGINT NOT NULL DEFAULT 0,
    spec TEXT,
    spec_hash TEXT,
    plan TEXT NOT NULL DEFAULT '',
    merge TEXT,
    created_at BIGINT NOT NULL,
    changed_at BIGINT NOT NULL,
    UNIQUE (project_id, number)
);
CREATE INDEX protocol_by_issue ON protocol (project_id, issue);
CREATE INDEX protocol_by_pull ON protocol (project_id, pull_number);
CREATE INDEX protocol_by_head ON protocol (project_id, head);
CREATE INDEX protocol_open ON protocol (status) WHERE status NOT IN ('cancelled', 'completed');

CREATE TABLE step (
    step_id INTEGER PRIMARY KEY AUTOINCREMENT,
    protocol_id BIGINT NOT NULL CONSTRAINT step_protocol REFERENCES protocol (protocol_id),
    number BIGINT NOT NULL,
    status TEXT NOT NULL CHECK (status IN
        ('pending', 'running', 'needs_qa', 'completed', 'failed', 'cancelled', 'blocked')),
    spec TEXT NOT NULL,
    judged TEXT,
    approval TEXT,
    ended TEXT,
    ci TEXT NOT NULL CHECK (ci IN ('none', 'waiting', 'passed', 'failed', 'inconclusive')),
    commit_sha TEXT,
    pushed_at BIGINT,
    attempts BIGINT NOT NULL DEFAULT 0,
    tokens BIGINT NOT NULL DEFAULT 0,
    engine_ms BIGINT NOT NULL DEFAULT 0,
    summary TEXT NOT NULL DEFAULT '',
    started_at BIGINT,
    finished_at BIGINT,
    UNIQUE (protocol_id, number)
);
CREATE INDEX step_by_commit ON step (commit_sha);

CREATE TABLE job (
    job_id INTEGER PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL,
    payload TEXT NOT NULL,
    job_key TEXT NOT NULL,
    lane TEXT,
    protocol_id BIGINT,
    status TEXT NOT NULL CHECK (status IN ('queued', 'running', 'done', 'dead')),
    attempt BIGINT NOT NULL DEFAULT 0,
    next_run_at BIGINT NOT NULL,
    lease_until BIGINT,
    fence BIGINT NOT NULL DEFAULT 0,
    worker TEXT,
    process TEXT,
    error TEXT NOT NULL DEFAULT '',
    created_at BIGINT NOT NULL,
    changed_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX job_queued_once ON job (job_key) WHERE status = 'queued';
CREATE UNIQUE INDEX job_lane_alone ON job (lane) WHERE status = 'running';
CREATE INDEX job_due ON job (next_run_at, job_id) WHERE status = 'queued';
CREATE INDEX job_queued_by_lane ON job (lane, next_run_at, job_id) WHERE status = 'queued';
CREATE INDEX job_leased ON job (lease_until) WHERE status = 'running';
CREATE INDEX job_by_protocol ON job (protocol_id, job_id);

CREATE TABLE run (
    run_id INTEGER PRIMARY KEY AUTOINCREMENT,
    job_id BIGINT NOT NULL CONSTRAINT run_job REFERENCES job (job_id),
    attempt BIGINT NOT NULL,
    kind TEXT NOT NULL,
    protocol_id BIGINT NOT NULL CONSTRAINT run_protocol REFERENCES protocol (protocol_id),
    step_id BIGINT CONSTRAINT run_step REFERENCES step (step_id),
    status TEXT NOT NULL CHECK (status IN ('running', 'succeeded', 'failed', 'cancelled')),
    engine TEXT,
    model TEXT,
    prompt_hash TEXT,
    base_sha TEXT,
    commit_sha TEXT,
    pushed BIGINT NOT NULL DEFAULT 0 CHECK (pushed IN (0, 1)),
    usage TEXT,
    error TEXT NOT NULL DEFAULT '',
    log_path TEXT NOT NULL,
    log_bytes BIGINT NOT NULL DEFAULT 0,
    started_at BIGINT NOT NULL,
    finished_at BIGINT
);
CREATE INDEX run_by_protocol ON run (protocol_id, run_id);
CREATE INDEX run_by_step ON run (step_id, run_id);
CREATE INDEX run_by_job ON run (job_id);
CREATE INDEX run_by_commit ON run (commit_sha);

CREATE TABLE artifact (
    artifact_id INTEGER PRIMARY KEY AUTOINCREMENT,
    run_id BIGINT NOT NULL CONSTRAINT artifact_run REFERENCES run (run_id),
    name TEXT NOT NULL,
    kind TEXT NOT NULL,
    path TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    bytes BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    UNIQUE (run_id, name)
);

CREATE TABLE event (
    event_id INTEGER PRIMARY KEY AUTOINCREMENT,
    protocol_id BIGINT NOT NULL CONSTRAINT event_protocol REFERENCES protocol (protocol_id),
    step_id BIGINT CONSTRAINT event_step REFERENCES step (step_id),
    kind TEXT NOT NULL,
    message TEXT NOT NULL,
    facts TEXT NOT NULL,
    at BIGINT NOT NULL
);
CREATE INDEX event_by_protocol ON event (protocol_id, event_id);
CREATE INDEX event_by_step ON event (step_id);

CREATE TABLE command (
    command_id INTEGER PRIMARY KEY AUTOINCREMENT,
    project_id BIGINT NOT NULL CONSTRAINT command_project REFERENCES project (project_id),
    source TEXT NOT NULL,
    hash TEXT NOT NULL,
    ordinal BIGINT NOT NULL,
    delivery_id BIGINT NOT NULL CONSTRAINT command_delivery REFERENCES delivery (delivery_id),
    thread BIGINT NOT NULL,
    actor TEXT NOT NULL,
    line TEXT NOT NULL,
    outcome TEXT NOT NULL CHECK (outcome IN ('open', 'done', 'refused', 'mistake')),
    created_at BIGINT NOT NULL,
    finished_at BIGINT,
    UNIQUE (project_id, source, hash, ordinal)
);
CREATE INDEX command_by_delivery ON command (delivery_id);

CREATE TABLE effect (
    effect_id INTEGER PRIMARY KEY AUTOINCREMENT,
    effect_key TEXT NOT NULL UNIQUE,
    project_id BIGINT NOT NULL CONSTRAINT effect_project REFERENCES project (project_id),
    protocol_id BIGINT CONSTRAINT effect_protocol REFERENCES protocol (protocol_id),
    command_id BIGINT CONSTRAINT effect_command REFERENCES command (command_id),
    payload TEXT NOT NULL,
    topic TEXT,
    thread BIGINT,
    status TEXT NOT NULL CHECK (status IN ('open', 'sending', 'sent', 'refused')),
    forge_ref TEXT,
    hidden BIGINT NOT NULL DEFAULT 0 CHECK (hidden IN (0, 1)),
    error TEXT NOT NULL DEFAULT '',
    created_at BIGINT NOT NULL,
    sent_at BIGINT
);
CREATE INDEX effect_open ON effect (project_id, effect_id) WHERE status IN ('open', 'sending');
CREATE INDEX effect_by_topic ON effect (project_id, topic);

CREATE TABLE posted_comment (
    posted_comment_id INTEGER PRIMARY KEY AUTOINCREMENT,
    protocol_id BIGINT NOT NULL CONSTRAINT posted_comment_protocol REFERENCES protocol (protocol_id),
    kind TEXT NOT NULL,
    thread BIGINT NOT NULL,
    forge_ref TEXT,
    hash TEXT NOT NULL,
    revision BIGINT NOT NULL,
    changed_at BIGINT NOT NULL,
    UNIQUE (protocol_id, kind)
);

CREATE TABLE posted_check (
    posted_check_id INTEGER PRIMARY KEY AUTOINCREMENT,
    protocol_id BIGINT NOT NULL CONSTRAINT posted_check_protocol REFERENCES protocol (protocol_id),
    name TEXT NOT NULL,
    sha TEXT NOT NULL,
    forge_id BIGINT,
    hash TEXT NOT NULL,
    final BIGINT NOT NULL CHECK (final IN (0, 1)),
    generation BIGINT NOT NULL DEFAULT 1,
    revision BIGINT NOT NULL,
    changed_at BIGINT NOT NULL,
    UNIQUE (protocol_id, name, sha)
);
CREATE INDEX posted_check_by_sha ON posted_check (sha);
CREATE INDEX posted_check_by_forge ON posted_check (forge_id);
