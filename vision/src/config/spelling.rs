//! Keys that do not exist, and the one that was meant.

/// The unknown key in a message of serde's, and the key that is spelled most like it, if one is like it at all.
pub(super) fn unknown_field(message: &str) -> Option<(String, Option<String>)> {
    let (_, rest) = message.split_once("unknown field `")?;
    let (key, rest) = rest.split_once('`')?;
    // "expected one of a, b", perhaps in backquotes; two are joined by "or". The first line only: a snippet of the file
    // may follow.
    let line = rest.lines().next().unwrap_or_default();
    let list = line.split_once("expected ").map_or("", |(_, list)| list.trim_start_matches("one of "));
    let list = list.split_once(" at line").map_or(list, |(list, _)| list);
    let known = list.split(", ").flat_map(|part| part.split(" or ")).map(|key| key.trim_matches([' ', '`']));
    let nearest = known.map(|known| (distance(key, known), known)).min();
    let nearest = nearest.filter(|(steps, known)| *steps * 2 <= known.chars().count().max(2));
    Some((key.to_owned(), nearest.map(|(_, known)| known.to_owned())))
}

/// Letters to insert, remove, replace, or swap with their neighbour (optimal string alignment).
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().take(100).collect(), b.chars().take(100).collect());
    let mut rows = vec![(0..=b.len()).collect::<Vec<_>>()];
    for i in 1..=a.len() {
        let mut row = vec![i; b.len() + 1];
        for j in 1..=b.len() {
            let same = usize::from(a[i - 1] != b[j - 1]);
            row[j] = (rows[i - 1][j - 1] + same).min(rows[i - 1][j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                row[j] = row[j].min(rows[i - 2][j - 2] + 1);
            }
        }
        rows.push(row);
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_key_is_found() {
        let check = |key: &str, expected: Option<&str>| {
            let message =
                format!("unknown field `{key}`, expected one of `imgsz`, `epochs`, `batch` at line 3\n `x` |");
            assert_eq!(unknown_field(&message), Some((key.to_owned(), expected.map(str::to_owned))));
        };
        check("imgz", Some("imgsz"));
        check("epcohs", Some("epochs"));
        check("Batch", Some("batch"));
        check("temperature", None);
        assert_eq!(unknown_field("missing field `data`"), None);
    }

    #[test]
    fn distances() {
        for (a, b, steps) in
            [("", "", 0), ("", "abc", 3), ("kitten", "sitting", 3), ("ab", "ba", 1), ("same", "same", 0)]
        {
            assert_eq!((distance(a, b), distance(b, a)), (steps, steps), "{a} {b}");
        }
    }
}
