-- One schema for SQLite and PostgreSQL. BLOB becomes BYTEA on PostgreSQL; everything else both understand.
-- Times are milliseconds since 1970 in UTC. Ids of items and recognitions are UUID v7: they sort by time.

-- Numbers that are given out in order. Whoever takes one holds the row until the end of the transaction, so numbers
-- become visible in the order they were given: readers may follow `change` without missing any.
CREATE TABLE counters (
    name TEXT PRIMARY KEY,
    value BIGINT NOT NULL
);
INSERT INTO counters (name, value) VALUES ('change', 0), ('exemplar', 0), ('sku', 0);

CREATE TABLE objects (
    digest TEXT PRIMARY KEY,
    bytes BIGINT NOT NULL,
    media_type TEXT NOT NULL,
    created_at BIGINT NOT NULL
);

CREATE TABLE skus (
    id BIGINT PRIMARY KEY,
    code TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    gtin TEXT,
    brand TEXT,
    size TEXT,
    status TEXT NOT NULL CHECK (status IN ('active', 'retired')),
    created_at BIGINT NOT NULL,
    created_by TEXT NOT NULL,
    created_label BIGINT,
    changed BIGINT NOT NULL
);
CREATE INDEX skus_changed ON skus (changed);

CREATE TABLE recognitions (
    id TEXT PRIMARY KEY,
    request_id TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    detector TEXT NOT NULL,
    embedder TEXT NOT NULL,
    gallery TEXT NOT NULL,
    photo TEXT NOT NULL REFERENCES objects (digest),
    width BIGINT NOT NULL,
    height BIGINT NOT NULL,
    facings BIGINT NOT NULL,
    ambiguous BIGINT NOT NULL,
    unknown BIGINT NOT NULL,
    total_ms DOUBLE PRECISION NOT NULL
);
CREATE INDEX recognitions_photo ON recognitions (photo);

CREATE TABLE items (
    id TEXT PRIMARY KEY,
    recognition TEXT NOT NULL REFERENCES recognitions (id),
    facing BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    -- What the machine thought.
    class TEXT NOT NULL,
    confidence DOUBLE PRECISION NOT NULL,
    x1 DOUBLE PRECISION NOT NULL,
    y1 DOUBLE PRECISION NOT NULL,
    x2 DOUBLE PRECISION NOT NULL,
    y2 DOUBLE PRECISION NOT NULL,
    decision TEXT NOT NULL,
    sku BIGINT,
    similarity DOUBLE PRECISION NOT NULL,
    margin DOUBLE PRECISION NOT NULL,
    candidates TEXT NOT NULL,
    crop TEXT NOT NULL REFERENCES objects (digest),
    -- Why a person should look, the foremost reason first, and how soon.
    reason TEXT NOT NULL,
    reasons TEXT NOT NULL,
    uncertainty DOUBLE PRECISION NOT NULL,
    facings BIGINT NOT NULL,
    priority DOUBLE PRECISION NOT NULL,
    skips BIGINT NOT NULL,
    -- Where it stands.
    status TEXT NOT NULL CHECK (status IN ('open', 'labelled', 'conflict')),
    claimed_by TEXT,
    claimed_until BIGINT NOT NULL,
    label BIGINT,
    label_kind TEXT,
    label_sku BIGINT,
    label_at BIGINT,
    label_by TEXT,
    agreements BIGINT NOT NULL
);
CREATE INDEX items_claim ON items (status, skips, priority DESC, id);
-- Lists: a filter, an order, and what else is asked for on the way, so that no list reads an item that is not on its page.
CREATE INDEX items_priority ON items (status, priority, id, similarity, created_at);
CREATE INDEX items_created ON items (status, created_at, id, similarity, priority, reason, class, sku);
CREATE INDEX items_similarity ON items (status, similarity, id, created_at, priority, reason, class, sku);
CREATE INDEX items_reason_priority ON items (status, reason, priority, id, similarity, created_at);
CREATE INDEX items_reason_created ON items (status, reason, created_at, id, similarity);
CREATE INDEX items_reason_similarity ON items (status, reason, similarity, id, created_at);
CREATE INDEX items_class_priority ON items (status, class, priority, id, similarity, created_at);
CREATE INDEX items_class_created ON items (status, class, created_at, id, similarity);
CREATE INDEX items_class_similarity ON items (status, class, similarity, id, created_at);
CREATE INDEX items_class_reason_priority ON items (status, class, reason, priority, id, similarity, created_at);
CREATE INDEX items_class_reason_created ON items (status, class, reason, created_at, id, similarity);
CREATE INDEX items_class_reason_similarity ON items (status, class, reason, similarity, id, created_at);
CREATE INDEX items_sku_priority ON items (status, sku, priority, id, similarity, created_at, reason, class);
CREATE INDEX items_sku_created ON items (status, sku, created_at, id, similarity, reason, class);
CREATE INDEX items_sku_similarity ON items (status, sku, similarity, id, created_at, reason, class);
CREATE INDEX items_recognition ON items (recognition);
CREATE INDEX items_crop ON items (crop);
CREATE INDEX items_label ON items (label_sku);

-- Apart from the items: lists do not read it.
CREATE TABLE item_embeddings (
    item TEXT PRIMARY KEY REFERENCES items (id),
    embedder TEXT NOT NULL,
    embedding BLOB NOT NULL,
    -- Of how the crop looks: 64 bits in a signed number.
    picture_hash BIGINT
);

-- Only ever added to. An undo is a row of its own that names the row it takes back.
CREATE TABLE labels (
    seq BIGINT PRIMARY KEY,
    item TEXT NOT NULL REFERENCES items (id),
    at BIGINT NOT NULL,
    reviewer TEXT NOT NULL,
    kind TEXT NOT NULL,
    sku BIGINT REFERENCES skus (id),
    x1 DOUBLE PRECISION,
    y1 DOUBLE PRECISION,
    x2 DOUBLE PRECISION,
    y2 DOUBLE PRECISION,
    comment TEXT,
    undoes BIGINT REFERENCES labels (seq),
    before_status TEXT NOT NULL,
    before_label BIGINT,
    before_kind TEXT,
    before_sku BIGINT,
    before_by TEXT,
    before_at BIGINT,
    before_agreements BIGINT NOT NULL,
    after_status TEXT NOT NULL
);
CREATE INDEX labels_item ON labels (item, seq);
CREATE INDEX labels_at ON labels (at);
CREATE UNIQUE INDEX labels_undoes ON labels (undoes);

CREATE TABLE exemplars (
    id BIGINT PRIMARY KEY,
    -- 0 stands for "not a container".
    sku BIGINT NOT NULL,
    source TEXT NOT NULL CHECK (source IN ('enrolled', 'label')),
    enrolled_id BIGINT,
    item TEXT REFERENCES items (id),
    label BIGINT REFERENCES labels (seq),
    origin TEXT NOT NULL,
    picture TEXT NOT NULL,
    embedder TEXT NOT NULL,
    embedding BLOB NOT NULL,
    active BIGINT NOT NULL,
    removed_by BIGINT,
    created_at BIGINT NOT NULL,
    changed BIGINT NOT NULL
);
CREATE INDEX exemplars_changed ON exemplars (changed);
CREATE INDEX exemplars_item ON exemplars (item);
CREATE INDEX exemplars_label ON exemplars (label);
CREATE INDEX exemplars_removed ON exemplars (removed_by);
CREATE INDEX exemplars_sku ON exemplars (sku, active);
CREATE INDEX exemplars_picture ON exemplars (picture);

CREATE TABLE comments (
    id TEXT PRIMARY KEY,
    item TEXT NOT NULL REFERENCES items (id),
    at BIGINT NOT NULL,
    author TEXT NOT NULL,
    body TEXT NOT NULL
);
CREATE INDEX comments_item ON comments (item, id);

CREATE TABLE galleries (
    digest TEXT PRIMARY KEY,
    embedder TEXT NOT NULL,
    change BIGINT NOT NULL,
    skus BIGINT NOT NULL,
    exemplars BIGINT NOT NULL,
    created_at BIGINT NOT NULL
);

CREATE TABLE releases (
    id TEXT PRIMARY KEY,
    detector TEXT NOT NULL,
    embedder TEXT NOT NULL,
    gallery TEXT NOT NULL,
    first_seen BIGINT NOT NULL
);

CREATE TABLE idempotency (
    key TEXT PRIMARY KEY,
    request TEXT NOT NULL,
    result TEXT NOT NULL,
    at BIGINT NOT NULL
);
CREATE INDEX idempotency_at ON idempotency (at);
