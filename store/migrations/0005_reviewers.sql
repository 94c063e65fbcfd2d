-- Who a name stands for: `identity` is what names have in common that look alike.
CREATE TABLE reviewers (
    identity TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    since BIGINT NOT NULL
);
-- What somebody holds is counted before they get more.
CREATE INDEX items_held ON items (claimed_by, claimed_until) WHERE claimed_by IS NOT NULL;
