-- A claim passes over what others have claimed: that they have is read in the index it goes along, not item by item.
DROP INDEX items_claim;
CREATE INDEX items_claim ON items (status, skips, priority DESC, id, claimed_until) WHERE status = 'open';
