-- Two versions beside each other: both answer ('ab'), or the second one is only held against the first ('shadow').
CREATE TABLE ab_tests (
    id TEXT PRIMARY KEY,
    organisation TEXT NOT NULL REFERENCES organisations (id),
    name TEXT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('release', 'tabular')),
    mode TEXT NOT NULL CHECK (mode IN ('ab', 'shadow')),
    -- Of which name the first version is.
    subject TEXT NOT NULL,
    model_a TEXT NOT NULL REFERENCES model_versions (id),
    model_b TEXT NOT NULL REFERENCES model_versions (id),
    -- Fraction that A answers; of a shadow, fraction of answers that B is held against.
    split_ratio DOUBLE PRECISION NOT NULL,
    created_at BIGINT NOT NULL,
    created_by TEXT NOT NULL,
    ended_at BIGINT,
    ended_by TEXT
);
CREATE UNIQUE INDEX ab_tests_name ON ab_tests (organisation, name);
-- A server has room for two releases.
CREATE UNIQUE INDEX ab_tests_release ON ab_tests (organisation, subject) WHERE kind = 'release' AND ended_at IS NULL;

-- What models of tables answered within a test, and what turned out to be right.
CREATE TABLE ab_answers (
    id TEXT PRIMARY KEY,
    test TEXT NOT NULL REFERENCES ab_tests (id),
    arm TEXT NOT NULL CHECK (arm IN ('a', 'b')),
    at BIGINT NOT NULL,
    latency_ms DOUBLE PRECISION NOT NULL,
    row_count BIGINT NOT NULL,
    -- Classes that were told, a JSON array; none of numbers, and of many rows.
    prediction TEXT,
    right_rows BIGINT,
    told_at BIGINT
);
CREATE INDEX ab_answers_test ON ab_answers (test, arm);
CREATE INDEX ab_answers_at ON ab_answers (at);

-- Facings that a shadow saw as the release in production did, and all that either saw, by day.
CREATE TABLE shadow_days (
    test TEXT NOT NULL REFERENCES ab_tests (id),
    day BIGINT NOT NULL,
    photos BIGINT NOT NULL,
    agreed BIGINT NOT NULL,
    compared BIGINT NOT NULL,
    PRIMARY KEY (test, day)
);
