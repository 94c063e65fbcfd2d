-- Who owns what. One organisation is there from the beginning: what a server without others belongs to.
CREATE TABLE organisations (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    created_at BIGINT NOT NULL
);
INSERT INTO organisations (id, name, created_at) VALUES ('00000000-0000-7000-8000-000000000000', 'default', 0);

-- Keys are random: their SHA-256 is what is kept of them.
CREATE TABLE api_keys (
    id TEXT PRIMARY KEY,
    organisation TEXT NOT NULL REFERENCES organisations (id),
    name TEXT NOT NULL,
    role TEXT NOT NULL CHECK (role IN ('viewer', 'reviewer', 'engineer', 'admin')),
    digest TEXT NOT NULL UNIQUE,
    created_at BIGINT NOT NULL,
    expires_at BIGINT,
    revoked_at BIGINT,
    used_at BIGINT
);
CREATE UNIQUE INDEX api_keys_name ON api_keys (organisation, name) WHERE revoked_at IS NULL;

-- Versions of what can be deployed. Everything but `status` is written once; `metrics` to `settings` are JSON.
CREATE TABLE model_versions (
    id TEXT PRIMARY KEY,
    organisation TEXT NOT NULL REFERENCES organisations (id),
    kind TEXT NOT NULL CHECK (kind IN ('release', 'tabular', 'mlp')),
    name TEXT NOT NULL,
    version TEXT NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('training', 'staged', 'production', 'archived')),
    algorithm TEXT NOT NULL,
    description TEXT NOT NULL,
    metrics TEXT NOT NULL,
    datasets TEXT NOT NULL,
    parents TEXT NOT NULL,
    tags TEXT NOT NULL,
    settings TEXT NOT NULL,
    -- Of kind, settings and files: what the version is.
    digest TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    created_by TEXT NOT NULL
);
CREATE UNIQUE INDEX model_versions_version ON model_versions (organisation, name, version);
CREATE UNIQUE INDEX model_versions_production ON model_versions (organisation, name) WHERE status = 'production';
CREATE INDEX model_versions_listed ON model_versions (organisation, created_at, id);

CREATE TABLE model_files (
    model TEXT NOT NULL REFERENCES model_versions (id),
    path TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    bytes BIGINT NOT NULL,
    PRIMARY KEY (model, path)
);

-- How a version did at the gates, by its last evaluation of each.
CREATE TABLE model_gates (
    model TEXT NOT NULL REFERENCES model_versions (id),
    metric TEXT NOT NULL,
    value DOUBLE PRECISION,
    bound TEXT NOT NULL,
    passed BIGINT NOT NULL,
    data_set TEXT NOT NULL,
    data_sha256 TEXT NOT NULL,
    synthetic BIGINT NOT NULL,
    report TEXT NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (model, metric)
);

-- What has been in production, in order. `beneath` is where a rollback goes; no model: taken out, with nothing in its place.
CREATE TABLE deployments (
    seq BIGINT PRIMARY KEY,
    organisation TEXT NOT NULL REFERENCES organisations (id),
    name TEXT NOT NULL,
    model TEXT REFERENCES model_versions (id),
    beneath BIGINT REFERENCES deployments (seq),
    action TEXT NOT NULL CHECK (action IN ('promote', 'rollback', 'demote')),
    at BIGINT NOT NULL,
    by_whom TEXT NOT NULL
);
CREATE INDEX deployments_name ON deployments (organisation, name, seq);

-- Only ever added to. `hash` covers the row and the hash before it; no reference to an organisation, which it outlives.
CREATE TABLE audit_log (
    seq BIGINT PRIMARY KEY,
    at BIGINT NOT NULL,
    organisation TEXT NOT NULL,
    actor TEXT NOT NULL,
    role TEXT NOT NULL,
    action TEXT NOT NULL,
    subject TEXT NOT NULL,
    before_digest TEXT NOT NULL,
    after_digest TEXT NOT NULL,
    details TEXT NOT NULL,
    request TEXT NOT NULL,
    hash TEXT NOT NULL
);

INSERT INTO counters (name, value) VALUES ('audit', 0), ('deployment', 0);
