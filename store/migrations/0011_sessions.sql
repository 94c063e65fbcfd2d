-- People who signed in at a browser by a key. Of a session's token its SHA-256 is kept.
CREATE TABLE sessions (
    digest TEXT PRIMARY KEY,
    api_key TEXT NOT NULL REFERENCES api_keys (id),
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX sessions_key ON sessions (api_key, created_at);
CREATE INDEX sessions_end ON sessions (expires_at);

-- Rows of one organisation, the newest first.
CREATE INDEX audit_log_organisation ON audit_log (organisation, seq);
CREATE INDEX deployments_organisation ON deployments (organisation, seq);
