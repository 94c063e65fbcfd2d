//! How the file of a photo is called: `{store}/photo_{SHA-256}.{extension}`.

use vision::Sha256;

/// The folder of photos of which no store is known.
const UNKNOWN: &str = "unknown";

/// The name of a photo's file in its bucket.
pub(super) fn of_photo(store: Option<&str>, photo: Sha256, extension: &str) -> String {
    format!("{}/photo_{photo}.{extension}", folder(store.unwrap_or(UNKNOWN)))
}

/// A store's name as a folder: what is no letter, digit, hyphen or underscore, `.` inside aside, is written `=XX`.
fn folder(store: &str) -> String {
    let mut folder = String::with_capacity(store.len());
    for (at, byte) in store.bytes().enumerate() {
        let plain = byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_') || (byte == b'.' && at > 0);
        if plain {
            folder.push(char::from(byte));
        } else {
            folder.push_str(&format!("={byte:02X}"));
        }
    }
    folder
}

#[cfg(test)]
mod tests {
    use super::folder;

    #[test]
    fn no_store_leads_out_of_its_folder() {
        for (store, expected) in [
            ("north-12", "north-12"),
            ("a/b", "a=2Fb"),
            ("..", "=2E."),
            (".hidden", "=2Ehidden"),
            ("Nørd", "N=C3=B8rd"),
            ("a=b", "a=3Db"),
        ] {
            assert_eq!(folder(store), expected);
        }
    }
}
