//! Sessions are begun and ended.

use axum::http::HeaderMap;
use store::access::{KeyToken, SessionToken};

use super::keys::SESSION_LIFE;
use super::{Access, Identity, away, session};
use crate::problem::{Problem, ProblemType};
use crate::request_id::RequestId;

/// How long a browser keeps the cookies.
pub(crate) const SESSION_SECONDS: i64 = SESSION_LIFE / 1_000;

/// Where a person signs in who asked for `path`.
pub(crate) fn sign_in_path(path: &str) -> String {
    let encoded: String = path
        .bytes()
        .map(|b| match b {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'/' | b'-' | b'_' | b'.' | b'~' => char::from(b).to_string(),
            b => format!("%{b:02X}"),
        })
        .collect();
    format!("/signin?next={encoded}")
}

impl Access {
    /// Whether anybody can sign in: there is a place where keys are.
    pub(crate) fn has_keys(&self) -> bool {
        self.ring.is_some()
    }

    /// Who is signed in at the browser that shows these headers, and by which token.
    pub(crate) async fn signed_in(&self, headers: &HeaderMap) -> Result<Option<(Identity, SessionToken)>, Problem> {
        let (Some(ring), Some(token)) = (&self.ring, session::shown(headers)) else { return Ok(None) };
        let known = ring.session(&token).await.map_err(|error| away(&error))?;
        Ok(known.map(|known| (known.identity.clone(), token)))
    }

    /// Begins a session for whoever has this key; nothing for a key that does not hold.
    pub(crate) async fn sign_in(&self, key: &str, request: &RequestId) -> Result<Option<SessionToken>, Problem> {
        let (Some(ring), Some(key)) = (&self.ring, KeyToken::parse(key)) else { return Ok(None) };
        let Some(known) = ring.find(key.digest()).await.map_err(|error| away(&error))? else { return Ok(None) };
        let place = known.take().map_err(|seconds| {
            let detail = format!("this key asks more often than it may; try again in {seconds} s");
            Problem::new(ProblemType::TooManyRequests, detail).retry_after(seconds)
        })?;
        let begun =
            ring.begin_session(key.digest(), &known.identity.actor(request)).await.map_err(|error| away(&error));
        drop(place);
        begun
    }

    /// Ends the session of these headers, when `csrf` belongs to it. Nothing to end is no error.
    pub(crate) async fn sign_out(&self, headers: &HeaderMap, csrf: &str, request: &RequestId) -> Result<(), Problem> {
        let Some((identity, token)) = self.signed_in(headers).await? else { return Ok(()) };
        if !session::vouches(&token, csrf) {
            return Err(Problem::new(
                ProblemType::CrossSite,
                "this does not come from our own page; load it again and sign out there",
            ));
        }
        let Some(ring) = &self.ring else { return Ok(()) };
        ring.end_session(&token, &identity.actor(request)).await.map_err(|error| away(&error))
    }
}

#[cfg(test)]
mod tests {
    use super::sign_in_path;

    #[test]
    fn where_a_person_wanted_to_go_is_one_value() {
        assert_eq!(sign_in_path("/review"), "/signin?next=/review");
        assert_eq!(sign_in_path("/jobs?id=1&x=\"<"), "/signin?next=/jobs%3Fid%3D1%26x%3D%22%3C");
    }
}
