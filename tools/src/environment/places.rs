//! Where things are kept: URLs, or the same part by part, as other programs of a deployment have it.

use anyhow::bail;
use store::{Buckets, S3Access};
use vision::Secret;

/// What the environment says about places.
#[derive(Debug, Default)]
pub(super) struct Places {
    pub(super) database: Option<Secret>,
    pub(super) objects: Option<String>,
    pub(super) s3: S3Access,
    pub(super) buckets: Buckets,
}

/// Port of PostgreSQL.
const POSTGRES: u16 = 5432;
/// Where the images of the review queue lie in the bucket of artifacts.
const REVIEW: &str = "review";

/// `text` gives the value of a variable that is set and not empty.
pub(super) fn read(text: &dyn Fn(&str) -> Option<String>) -> anyhow::Result<Places> {
    let default = Buckets::default();
    let buckets = Buckets {
        photos: text("STYLE_PHOTO_BUCKET").unwrap_or(default.photos),
        artifacts: text("ML_ARTIFACTS_BUCKET").unwrap_or(default.artifacts),
    };
    let minio = text("MINIO_ENDPOINT").map(|endpoint| endpoint_url(&endpoint));
    let s3 = S3Access {
        endpoint: text("AWS_ENDPOINT_URL").or_else(|| minio.clone()),
        region: text("AWS_REGION"),
        key: text("AWS_ACCESS_KEY_ID").or_else(|| text("MINIO_ROOT_USER")),
        secret: text("AWS_SECRET_ACCESS_KEY").or_else(|| text("MINIO_ROOT_PASSWORD")).map(Secret::from),
    };
    let database = match text("DATABASE_URL") {
        Some(url) => Some(Secret::from(url)),
        None => database(text)?,
    };
    let objects = text("OBJECTS_URL").or_else(|| minio.map(|_| format!("s3://{}/{REVIEW}", buckets.artifacts)));
    Ok(Places { database, objects, s3, buckets })
}

/// `DB_HOST` and what goes with it as a URL; nothing without it.
fn database(text: &dyn Fn(&str) -> Option<String>) -> anyhow::Result<Option<Secret>> {
    let Some(host) = text("DB_HOST") else { return Ok(None) };
    let port = match text("DB_PORT") {
        None => POSTGRES,
        Some(port) => match port.trim().parse::<u16>() {
            Ok(port @ 1..) => port,
            _ => bail!("DB_PORT is {port:?}, but it must be a port: 1 to 65535"),
        },
    };
    let Some(name) = text("DB_NAME") else {
        bail!("DB_HOST is set and DB_NAME is not: name the database, or set DATABASE_URL")
    };
    let user = text("DB_USER").map(|user| {
        let password = text("DB_PASSWORD").map(|password| format!(":{}", escaped(&password))).unwrap_or_default();
        format!("{}{password}@", escaped(&user))
    });
    // A folder is that of a socket; an IPv6 address stands in brackets.
    let (host, socket) = match host.as_str() {
        folder if folder.starts_with('/') => ("localhost".to_owned(), format!("?host={}", escaped(folder))),
        host if host.contains(':') && !host.starts_with('[') => (format!("[{host}]"), String::new()),
        host if host.starts_with('[') => (host.to_owned(), String::new()),
        host => (escaped(host), String::new()),
    };
    let user = user.unwrap_or_default();
    Ok(Some(Secret::from(format!("postgres://{user}{host}:{port}/{}{socket}", escaped(&name)))))
}

/// `minio:9000` is `http://minio:9000`.
fn endpoint_url(endpoint: &str) -> String {
    let endpoint = endpoint.trim_end_matches('/');
    if endpoint.contains("://") { endpoint.to_owned() } else { format!("http://{endpoint}") }
}

/// As a part of a URL (RFC 3986): what is not unreserved as `%XX`.
fn escaped(part: &str) -> String {
    let mut text = String::with_capacity(part.len());
    for byte in part.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            text.push(char::from(byte));
        } else {
            text.push_str(&format!("%{byte:02X}"));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(pairs: &[(&str, &str)]) -> anyhow::Result<Places> {
        read(&|name| pairs.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned()))
    }

    #[test]
    fn parts_become_urls_where_there_is_none() {
        let database =
            |pairs: &[(&str, &str)]| places(pairs).map(|places| places.database.map(|url| url.expose().to_owned()));
        let check = |pairs: &[(&str, &str)], expected: Option<&str>| {
            assert_eq!(database(pairs).expect("sound").as_deref(), expected, "{pairs:?}");
        };
        let parts = [
            ("DB_HOST", "db"),
            ("DB_PORT", "6432"),
            ("DB_USER", "shelf"),
            ("DB_PASSWORD", "a b/c@d:e%"),
            ("DB_NAME", "shelf"),
        ];
        check(&parts, Some("postgres://shelf:a%20b%2Fc%40d%3Ae%25@db:6432/shelf"));
        check(&[("DB_HOST", "::1"), ("DB_NAME", "s")], Some("postgres://[::1]:5432/s"));
        check(&[("DB_HOST", "/run/pg"), ("DB_NAME", "s")], Some("postgres://localhost:5432/s?host=%2Frun%2Fpg"));
        check(&[&parts[..], &[("DATABASE_URL", "sqlite:x.db")]].concat(), Some("sqlite:x.db"));
        check(&[("DB_PORT", "6432"), ("DB_NAME", "shelf")], None);
        for (pairs, expected) in [
            ([("DB_HOST", "db"), ("DB_USER", "shelf")], "DB_NAME"),
            ([("DB_HOST", "db"), ("DB_PORT", "0")], "DB_PORT"),
            ([("DB_HOST", "db"), ("DB_PORT", "54321a")], "DB_PORT"),
        ] {
            let error = database(&pairs).expect_err("it says what is missing").to_string();
            assert!(error.contains(expected), "{error}");
        }
    }

    #[test]
    fn minio_is_an_s3_server_with_two_buckets() {
        let found = places(&[
            ("MINIO_ENDPOINT", "minio:9000/"),
            ("MINIO_ROOT_USER", "root"),
            ("MINIO_ROOT_PASSWORD", "geheim"),
            ("STYLE_PHOTO_BUCKET", "style-photos"),
        ])
        .expect("sound");
        assert_eq!(found.s3.endpoint.as_deref(), Some("http://minio:9000"));
        assert_eq!(
            (found.s3.key.as_deref(), found.s3.secret.map(|s| s.expose().to_owned())),
            (Some("root"), Some("geheim".to_owned()))
        );
        assert_eq!((found.buckets.photos.as_str(), found.buckets.artifacts.as_str()), ("style-photos", "ml-artifacts"));
        assert_eq!(found.objects.as_deref(), Some("s3://ml-artifacts/review"));
        let found = places(&[
            ("MINIO_ENDPOINT", "https://s3.example"),
            ("OBJECTS_URL", "data"),
            ("AWS_ENDPOINT_URL", "http://other"),
        ]);
        let found = found.expect("sound");
        assert_eq!((found.s3.endpoint.as_deref(), found.objects.as_deref()), (Some("http://other"), Some("data")));
        let found = places(&[]).expect("sound");
        assert_eq!((found.s3.endpoint, found.objects, found.buckets), (None, None, Buckets::default()));
    }
}
