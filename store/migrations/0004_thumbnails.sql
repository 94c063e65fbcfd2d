-- Small images of enrolled pictures, where the pictures themselves are not among the objects.
CREATE TABLE thumbnails (
    picture TEXT PRIMARY KEY,
    thumbnail TEXT NOT NULL
);
CREATE INDEX thumbnails_thumbnail ON thumbnails (thumbnail);
