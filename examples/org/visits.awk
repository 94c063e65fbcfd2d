# Synthetic visits to shelves as CSV: awk -v shelves=24 -v visits=90 -f visits.awk
# They are made up: what is learned from them says nothing of real shops. A shelf sells at a rate of its own, more at the end of the week
# and while there is a promotion, and is filled up when it is nearly empty. Numbers come from a generator of our own (Park and Miller 1988).
function unit() { seed = (seed * 16807) % 2147483647; return seed / 2147483647 }
BEGIN {
    seed = 7
    split("31 28 31 30 31 30 31 31 30 31 30 31", days, " ")
    for (shelf = 0; shelf < shelves; shelf++) { rate[shelf] = 2 + 7 * unit(); size[shelf] = 18 + int(18 * unit()); facings[shelf] = size[shelf] }
    print "time,store,shelf,facings,unknown,promotion,empty_at_next_visit"
    month = 3; day = 1; hour = 6
    for (visit = 0; visit < visits; visit++) {
        promotion = int(visit / 14) % 3 == 1
        for (shelf = 0; shelf < shelves; shelf++) {
            weekend = int(visit / 2) % 7 >= 4
            sold = rate[shelf] * (1 + 0.6 * weekend + 0.8 * promotion) * (0.6 + 0.8 * unit())
            before = facings[shelf]
            after = before - int(sold)
            shown = unit() < 0.02 ? "" : before
            printf "2026-%02d-%02dT%02d:00:00Z,%d,%d,%s,%d,%s,%s\n", month, day, hour, int(shelf / 6), shelf % 6, shown, int(3 * unit() * unit()), \
                promotion ? "true" : "false", after <= 2 ? "yes" : "no"
            facings[shelf] = after <= 2 ? size[shelf] : after
        }
        hour += 12
        if (hour > 18) { hour = 6; day++ }
        if (day > days[month]) { day = 1; month++ }
    }
}
