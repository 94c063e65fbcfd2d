-- A label moves its item in every index that begins with the status, and that is what a label costs most. What only the lists
-- of open items need holds open items alone; the rest of the lists are cut from an order and filtered on the way, or, where
-- few items pass the filter, gathered and sorted. Those begin with the status all the same: it is what the planner looks for.
DROP INDEX items_claim;
DROP INDEX items_priority;
DROP INDEX items_reason_priority;
DROP INDEX items_reason_created;
DROP INDEX items_reason_similarity;
DROP INDEX items_class_priority;
DROP INDEX items_class_created;
DROP INDEX items_class_similarity;
DROP INDEX items_class_reason_priority;
DROP INDEX items_class_reason_created;
DROP INDEX items_class_reason_similarity;
DROP INDEX items_sku_created;
DROP INDEX items_sku_similarity;

CREATE INDEX items_claim ON items (status, skips, priority DESC, id) WHERE status = 'open';
CREATE INDEX items_priority ON items (status, priority, id, similarity, created_at, reason, class, sku);
CREATE INDEX items_reason_priority ON items (status, reason, priority, id, similarity, created_at, class, sku) WHERE status = 'open';
CREATE INDEX items_reason_similarity ON items (status, reason, similarity, id, created_at, priority, class, sku) WHERE status = 'open';
CREATE INDEX items_class_priority ON items (status, class, priority, id, similarity, created_at, reason, sku) WHERE status = 'open';
