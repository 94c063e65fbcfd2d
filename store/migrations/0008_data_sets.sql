-- Tables of an organisation, each a version that is written once. The content lies among the objects as CSV.
CREATE TABLE data_sets (
    id TEXT PRIMARY KEY,
    organisation TEXT NOT NULL REFERENCES organisations (id),
    name TEXT NOT NULL,
    -- Digest of names, types and values, whatever file they came from.
    version TEXT NOT NULL,
    -- Digest and size of the CSV.
    sha256 TEXT NOT NULL,
    bytes BIGINT NOT NULL,
    -- What it was made of, and how (JSON); no parent: uploaded.
    parent TEXT REFERENCES data_sets (id),
    lineage TEXT NOT NULL,
    row_count BIGINT NOT NULL,
    column_count BIGINT NOT NULL,
    -- The column that is to be told, where that was said, and its classes (JSON) where it has some.
    target TEXT,
    classes TEXT,
    -- Types, missing values, statistics: JSON.
    description TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    created_by TEXT NOT NULL
);
CREATE INDEX data_sets_listed ON data_sets (organisation, created_at, id);
