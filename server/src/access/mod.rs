//! Who asks, and what they may. `guard` asks it about every request.
//!
//! | file | what |
//! |---|---|
//! | `identity` | whoever asks |
//! | `rules` | what every route needs |
//! | `keys` | keys that are live, followed from the store |
//! | `limit` | how often a key may ask |
//! | `flying` | how many of its requests are answered at the same time |
//! | `session` | what the browser of somebody who signed in shows |
//! | `sign_in` | sessions are begun and ended |
//! | `presented` | what a request shows |
//! | `start` | whether a server may start as it is asked to |

mod flying;
mod identity;
mod keys;
mod limit;
mod presented;
mod rules;
mod session;
mod sign_in;
mod start;

use std::sync::Arc;

use axum::extract::MatchedPath;
use axum::http::Method;
use axum::http::request::Parts;
use store::access::KeyToken;

use crate::config::MetricsAccess;
use crate::problem::{Problem, ProblemType};
pub(crate) use flying::Place;
pub(crate) use identity::Identity;
use keys::KeyRing;
use presented::presented;
pub(crate) use presented::wants_page;
pub(crate) use rules::need;
#[cfg(test)]
pub(crate) use rules::ruled;
use rules::{Need, Scope};
pub(crate) use session::{CSRF, SESSION};
pub(crate) use sign_in::{SESSION_SECONDS, sign_in_path};
pub use start::AccessError;
pub(crate) use start::access;

/// How a server tells who asks.
#[derive(Debug)]
pub(crate) struct Access {
    /// Whether who shows no key is the one who sits at the machine.
    open: bool,
    ring: Option<Arc<KeyRing>>,
    metrics: MetricsAccess,
}

impl Access {
    /// Keys that must be followed.
    pub(crate) fn ring(&self) -> Option<&Arc<KeyRing>> {
        self.ring.as_ref()
    }

    /// Who asks, and the place they have until they are answered; or why they may not.
    pub(crate) async fn admit(&self, parts: &Parts) -> Result<Option<(Identity, Option<Place>)>, Problem> {
        // What is no route tells nobody anything.
        let Some(route) = parts.extensions.get::<MatchedPath>() else { return Ok(None) };
        let Some((need, scope)) = need(route.as_str()) else {
            tracing::error!(route = route.as_str(), "this route has no rule, so nobody may ask for it");
            return Err(Problem::new(ProblemType::Forbidden, "nobody may ask for this"));
        };
        let least = match need {
            Need::Open => return Ok(None),
            Need::Metrics if self.metrics == MetricsAccess::Open => return Ok(None),
            Need::Metrics => store::access::Role::Viewer,
            Need::Role(role) => role,
            Need::Change(read, _) if reads(&parts.method) => read,
            Need::Change(_, change) => change,
        };
        let (identity, place) = self.identify(parts).await?;
        if identity.role < least {
            return Err(Problem::new(
                ProblemType::Forbidden,
                format_args!("this needs the role {least}, and the key {:?} is a {}'s", identity.name, identity.role),
            ));
        }
        if scope == Scope::Home && !identity.is_at_home() {
            return Err(Problem::new(
                ProblemType::Forbidden,
                "the gallery and the queue of this server belong to another organisation than the key does",
            ));
        }
        Ok(Some((identity, place)))
    }

    async fn identify(&self, parts: &Parts) -> Result<(Identity, Option<Place>), Problem> {
        let shown = presented(&parts.headers);
        // What a proxy passes on need not be meant for this server.
        let meant = shown.filter(|shown| !self.open || KeyToken::is_meant(shown));
        let local = || if self.open { Ok((Identity::local(), None)) } else { Err(nobody("a key is needed")) };
        let Some(ring) = &self.ring else { return local() };
        let known = match (meant, session::shown(&parts.headers)) {
            (Some(shown), _) => {
                let token = KeyToken::parse(&shown).ok_or_else(|| nobody("this is no key"))?;
                let known = ring.find(token.digest()).await.map_err(|error| away(&error))?;
                known.ok_or_else(|| nobody("the key is unknown, revoked or expired"))?
            }
            (None, Some(token)) => match ring.session(&token).await.map_err(|error| away(&error))? {
                Some(known) => {
                    if !reads(&parts.method) && !session::header_vouches(&token, &parts.headers) {
                        let detail = "a change of somebody who signed in comes with the header x-csrf-token; load the page again";
                        return Err(Problem::new(ProblemType::CrossSite, detail));
                    }
                    known
                }
                None if self.open => return local(),
                None => return Err(nobody("the session has ended: sign in again at /signin")),
            },
            (None, None) => return local(),
        };
        let place = known.take().map_err(|seconds| {
            let detail = format_args!("this key asks more often than it may; try again in {seconds} s").to_string();
            Problem::new(ProblemType::TooManyRequests, detail).retry_after(seconds)
        })?;
        let Some(place) = place else {
            let detail = "as many requests of this key are being answered as may (limits.concurrent_per_key); wait for some of them";
            return Err(Problem::new(ProblemType::TooManyRequests, detail).retry_after(1));
        };
        Ok((known.identity.clone(), Some(place)))
    }
}

/// Whether a request changes nothing.
fn reads(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS)
}

fn away(error: &store::StoreError) -> Problem {
    tracing::warn!(error = error as &dyn std::error::Error, "a key could not be looked up");
    Problem::new(ProblemType::StoreUnavailable, "keys cannot be looked up at the moment; try again soon").retry_after(2)
}

fn nobody(why: &str) -> Problem {
    let detail = format_args!("{why}: send the header Authorization: Bearer KEY, with a key of `shelf keys create`");
    Problem::new(ProblemType::Unauthorized, detail.to_string())
}
