-- One row an answer, by organisation and time: a page is a range of the key. `counts` is JSON, facings by number of their SKU.
CREATE TABLE predictions (
    organisation TEXT NOT NULL,
    at BIGINT NOT NULL,
    id BIGINT NOT NULL,
    request_id TEXT NOT NULL,
    release_name TEXT NOT NULL,
    arm TEXT,
    store_name TEXT,
    shelf TEXT,
    taken_at BIGINT,
    photo BLOB NOT NULL,
    latency_ms DOUBLE PRECISION NOT NULL,
    facings BIGINT NOT NULL,
    unknown BIGINT NOT NULL,
    counts TEXT NOT NULL,
    PRIMARY KEY (organisation, at, id)
);

-- How similar and how confident facings were, by day and SKU (-1: of none), added up. Ten bins of a tenth each.
CREATE TABLE prediction_signals (
    organisation TEXT NOT NULL,
    day BIGINT NOT NULL,
    release_name TEXT NOT NULL,
    signal TEXT NOT NULL CHECK (signal IN ('similarity', 'confidence')),
    sku BIGINT NOT NULL,
    b0 BIGINT NOT NULL,
    b1 BIGINT NOT NULL,
    b2 BIGINT NOT NULL,
    b3 BIGINT NOT NULL,
    b4 BIGINT NOT NULL,
    b5 BIGINT NOT NULL,
    b6 BIGINT NOT NULL,
    b7 BIGINT NOT NULL,
    b8 BIGINT NOT NULL,
    b9 BIGINT NOT NULL,
    PRIMARY KEY (organisation, day, release_name, signal, sku)
);

-- Which release, and which arm of a test, queued an item: what people say of it counts for that one.
ALTER TABLE recognitions ADD COLUMN release_name TEXT;
ALTER TABLE recognitions ADD COLUMN arm TEXT;
CREATE INDEX recognitions_release ON recognitions (release_name) WHERE release_name IS NOT NULL;
