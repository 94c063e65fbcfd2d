# Synthetic counts of shelves and the state that follows from them, as CSV: awk -v rows=4200 -f counts.awk
# They are made up: a model that learned from them knows nothing of real shelves. Numbers come from a generator of our own (Park
# and Miller 1988), so that every awk gives the same table.
function unit() { seed = (seed * 16807) % 2147483647; return seed / 2147483647 }
function between(low, high) { return low + (high - low) * unit() }
# The one range for rows of the state, the other for all others.
function of(name, low, high, other_low, other_high) {
    return state == name ? between(low, high) : between(other_low, other_high)
}
BEGIN {
    seed = 42
    split("full ok low empty misplaced blocked unknown", states, " ")
    print "planned_facings,counted_facings,fill_ratio,empty_gaps,foreign_facings,unknown_facings,mean_confidence," \
          "blocked_ratio,depth_ratio,hours_since_restock,state"
    for (row = 0; row < rows; row++) {
        state = states[1 + int(7 * unit())]
        planned = 8 + int(40 * unit())
        fill = state == "empty" ? between(0, 0.06) : state == "low" ? between(0.06, 0.42) : \
               state == "full" ? between(0.86, 1) : between(0.4, 0.88)
        counted = int(planned * fill + 0.5)
        foreign = int(counted * of("misplaced", 0.25, 0.8, 0, 0.15) + 0.5)
        unsure = int(counted * of("unknown", 0.3, 0.9, 0, 0.2) + 0.5)
        printf "%d,%d,%.4f,%d,%d,%d,%.4f,%.4f,%.4f,%.2f,%s\n", planned, counted, counted / planned, \
            (planned - counted) / 2.5, foreign, unsure, of("unknown", 0.1, 0.5, 0.55, 0.98), \
            of("blocked", 0.4, 0.95, 0, 0.3), between(0.1, 1), between(0, 72), state
    }
}
