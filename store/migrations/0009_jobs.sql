-- Work on tables that takes longer than a request may. Whoever takes a job holds it by a lease; `holder` is another one each time.
CREATE TABLE jobs (
    id TEXT PRIMARY KEY,
    organisation TEXT NOT NULL REFERENCES organisations (id),
    kind TEXT NOT NULL,
    data_set TEXT NOT NULL REFERENCES data_sets (id),
    -- What is to be done: JSON.
    request TEXT NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('pending', 'running', 'completed', 'failed', 'cancelled')),
    priority BIGINT NOT NULL,
    attempts BIGINT NOT NULL,
    -- 1: somebody wants it to end.
    stop BIGINT NOT NULL,
    holder TEXT,
    worker TEXT,
    lease BIGINT NOT NULL,
    -- What whoever takes it next can go on from: JSON.
    checkpoint TEXT,
    -- What became of it: JSON, or why it failed.
    outcome TEXT,
    failure TEXT,
    events BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    created_by TEXT NOT NULL,
    started_at BIGINT,
    completed_at BIGINT
);
CREATE INDEX jobs_next ON jobs (status, priority, created_at, id);
CREATE INDEX jobs_listed ON jobs (organisation, created_at, id);

-- What happened to a job, in order: `body` is JSON.
CREATE TABLE job_events (
    job TEXT NOT NULL REFERENCES jobs (id),
    seq BIGINT NOT NULL,
    at BIGINT NOT NULL,
    kind TEXT NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (job, seq)
);

INSERT INTO counters (name, value) VALUES ('job', 0);
