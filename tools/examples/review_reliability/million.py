#!/usr/bin/env python3
"""Fills a queue's SQLite database with items, as `review_reliability million 0 sqlite:PATH` has made it.

    million.py PATH [ITEMS]

Indexes are dropped meanwhile and made again: one insertion after the other takes hours, which is not what is measured.
The items are those of bench.rs in kind: three classes, all reasons, 50 SKUs, everything else uniform.
"""
import random
import sqlite3
import sys
import time

REASONS = ["unknown", "small_margin", "near_threshold", "low_similarity", "low_confidence", "disagreement", "novelty",
           "rare_sku", "random"]
FACINGS = 1000  # of a photo


def rows(items, rng, digest, now):
    for number in range(items):
        at = now - (items - number)
        name = f"{at >> 16:08x}-{at & 0xFFFF:04x}-7{rng.randrange(4096):03x}-8000-{rng.randrange(1 << 48):012x}"
        reason = REASONS[number % len(REASONS)]
        uncertainty = rng.random()
        yield {
            "id": name, "recognition": f"recognition-{number // FACINGS}", "facing": number % FACINGS, "created_at": at,
            "class": ("bottle", "can", "glass")[number // 7 % 3], "confidence": rng.random(), "x1": 10.0, "y1": 10.0,
            "x2": 90.0, "y2": 200.0, "decision": "unknown", "sku": 1 + number // 5 % 50, "similarity": rng.random(),
            "margin": rng.random() * 0.05, "candidates": "1:0.5,2:0.4", "crop": digest, "reason": reason,
            "reasons": reason, "uncertainty": uncertainty, "facings": 1, "priority": uncertainty, "skips": 0,
            "status": "open", "claimed_by": None, "claimed_until": 0, "label": None, "label_kind": None,
            "label_sku": None, "label_at": None, "label_by": None, "agreements": 0,
        }


def main():
    path, items = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 1_000_000
    start = time.time()
    database = sqlite3.connect(path)
    database.execute("PRAGMA cache_size = -1000000")
    digest, now = "0" * 64, int(start * 1000)
    indexes = database.execute("SELECT name, sql FROM sqlite_master WHERE type = 'index' AND tbl_name = 'items' "
                               "AND sql IS NOT NULL").fetchall()
    for name, _ in indexes:
        database.execute(f"DROP INDEX {name}")
    database.execute("INSERT INTO objects VALUES (?, 1, 'image/jpeg', ?)", (digest, now))
    for number in range((items + FACINGS - 1) // FACINGS):
        database.execute("INSERT INTO recognitions VALUES (?, 'bench', ?, 'detector', 'embedder', 'gallery', ?, 1000, "
                         "1000, ?, 0, 0, 1.0)", (f"recognition-{number}", now, digest, FACINGS))
    columns = list(next(rows(1, random.Random(7), digest, now)))
    statement = f"INSERT INTO items ({', '.join(columns)}) VALUES ({', '.join(':' + c for c in columns)})"
    database.executemany(statement, rows(items, random.Random(7), digest, now))
    for _, sql in indexes:
        database.execute(sql)
    database.commit()
    database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    print(f"# {items} items put into {path} in {time.time() - start:.0f} s")


if __name__ == "__main__":
    main()
