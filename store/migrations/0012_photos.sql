-- Photos that are kept, one row a file; the file lies in the bucket of photos. `answer` is JSON: boxes with what they are.
CREATE TABLE photos (
    organisation TEXT NOT NULL,
    -- SHA-256 of the file.
    photo TEXT NOT NULL,
    at BIGINT NOT NULL,
    -- Of `at` in UTC, since 1970.
    day BIGINT NOT NULL,
    request_id TEXT NOT NULL,
    release_name TEXT NOT NULL,
    store_name TEXT,
    shelf TEXT,
    taken_at BIGINT,
    -- Name in the bucket.
    object TEXT NOT NULL,
    extension TEXT NOT NULL,
    bytes BIGINT NOT NULL,
    width BIGINT NOT NULL,
    height BIGINT NOT NULL,
    -- Of how it looks: 64 bits in a signed number; none for a blank photo.
    picture_hash BIGINT,
    answer TEXT NOT NULL,
    -- Where its verification stands, and the annotation that counts; 0: nobody has looked at it.
    status TEXT NOT NULL CHECK (status IN ('open', 'second', 'verified')),
    version BIGINT NOT NULL,
    claimed_by TEXT,
    claimed_until BIGINT NOT NULL,
    PRIMARY KEY (organisation, photo)
);
CREATE INDEX photos_day ON photos (organisation, day, photo);
CREATE INDEX photos_next ON photos (organisation, status, day, photo);
CREATE INDEX photos_oldest ON photos (organisation, at, photo);
CREATE INDEX photos_held ON photos (organisation, claimed_by, claimed_until) WHERE claimed_by IS NOT NULL;

-- What people said of a whole photo. Only ever added to; goes with its photo.
CREATE TABLE photo_annotations (
    organisation TEXT NOT NULL,
    photo TEXT NOT NULL,
    version BIGINT NOT NULL,
    at BIGINT NOT NULL,
    reviewer TEXT NOT NULL,
    boxes TEXT NOT NULL,
    -- Of the boxes: who leaves them as they are says the same.
    digest TEXT NOT NULL,
    -- Months since year 0 in which it became what counts; none while another look is needed.
    verified_month BIGINT,
    PRIMARY KEY (organisation, photo, version)
);
CREATE INDEX photo_annotations_verified ON photo_annotations (organisation, verified_month, photo, version)
    WHERE verified_month IS NOT NULL;

-- Photos whose rows are gone and whose copies must follow. Done ones are kept: a set that is being written asks for them.
CREATE TABLE photo_erasures (
    id TEXT PRIMARY KEY,
    organisation TEXT NOT NULL,
    photo TEXT NOT NULL,
    object TEXT NOT NULL,
    extension TEXT NOT NULL,
    -- Of the photo: no set of an earlier time has it.
    day BIGINT NOT NULL,
    at BIGINT NOT NULL,
    done_at BIGINT
);
CREATE INDEX photo_erasures_open ON photo_erasures (id) WHERE done_at IS NULL;
CREATE INDEX photo_erasures_photo ON photo_erasures (organisation, photo);
CREATE INDEX photo_erasures_at ON photo_erasures (organisation, at);

-- Work by the calendar: a row for each flow and period, whoever runs it, however often it is tried.
CREATE TABLE flow_runs (
    id TEXT PRIMARY KEY,
    organisation TEXT NOT NULL,
    flow TEXT NOT NULL CHECK (flow IN ('daily', 'monthly')),
    -- `2026-11-30` or `2026-11`.
    period TEXT NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('running', 'completed', 'failed')),
    attempts BIGINT NOT NULL,
    holder TEXT,
    lease BIGINT NOT NULL,
    -- When it may be tried again by itself; none: by hand only.
    retry_at BIGINT,
    -- What the first attempt decided and all others follow; what became of it: JSON.
    plan TEXT,
    outcome TEXT,
    failure TEXT,
    created_at BIGINT NOT NULL,
    created_by TEXT NOT NULL,
    completed_at BIGINT
);
CREATE UNIQUE INDEX flow_runs_period ON flow_runs (organisation, flow, period);
CREATE INDEX flow_runs_listed ON flow_runs (organisation, created_at, id);

-- Who does what only one may do, until when.
CREATE TABLE leases (
    name TEXT PRIMARY KEY,
    holder TEXT NOT NULL,
    until BIGINT NOT NULL
);
