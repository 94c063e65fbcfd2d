//! Tables as spreadsheets save them: separated by commas, semicolons (where the comma is for decimals) or tabs.

/// A reader of a table with a header. A row with another number of cells is an error of its own; reading goes on behind it.
#[must_use]
pub fn reader(text: &str) -> csv::Reader<&[u8]> {
    csv::ReaderBuilder::new().delimiter(separator(text)).trim(csv::Trim::All).from_reader(text.as_bytes())
}

/// What separates the cells of the header; the comma when nothing does.
fn separator(text: &str) -> u8 {
    let header = text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    let count = |separator: u8| header.bytes().filter(|&b| b == separator).count();
    [b'\t', b';', b','].into_iter().max_by_key(|&separator| count(separator)).filter(|&s| count(s) > 0).unwrap_or(b',')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn separators() {
        for text in ["a,b\n1,2\n", "a;b\r\n1;2\r\n", "\na\tb\n1\t2", "a,\"b\"\n1,2"] {
            let mut reader = reader(text);
            assert_eq!(reader.headers().unwrap(), &csv::StringRecord::from(vec!["a", "b"]), "{text}");
            assert_eq!(reader.records().next().unwrap().unwrap(), vec!["1", "2"], "{text}");
        }
        assert_eq!(reader("a\n1\n").records().count(), 1);
        let mut uneven = reader("a,b\n1\n1,2\n");
        let rows: Vec<bool> = uneven.records().map(|row| row.is_ok()).collect();
        assert_eq!(rows, [false, true]);
    }
}
