//! `GET /signin`, `POST /signin`, `POST /signout`: a person shows a key once, and then a cookie.

use std::sync::Arc;

use askama::Template;
use axum::Form;
use axum::extract::rejection::FormRejection;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;

use super::{Frame, html};
use crate::access::{CSRF, SESSION, SESSION_SECONDS};
use crate::app::App;
use crate::problem::{Problem, ProblemType};
use crate::request_id::RequestId;

#[derive(Template)]
#[template(path = "sign_in.html")]
struct SignIn {
    frame: Frame,
    next: String,
    /// Whether keys exist on this server at all.
    keys: bool,
    refused: bool,
    /// Name, role and the token that signing out comes with.
    account: Option<Account>,
}

struct Account {
    name: String,
    role: &'static str,
    csrf: String,
}

/// Where a person wants to go, and whether the last key did not hold.
#[derive(Debug, Deserialize)]
pub(super) struct SignInQuery {
    #[serde(default)]
    next: String,
    #[serde(default)]
    refused: String,
}

/// What the form sends.
#[derive(Deserialize)]
pub(super) struct SignInForm {
    key: String,
    #[serde(default)]
    next: String,
}

/// What the other form sends.
#[derive(Deserialize)]
pub(super) struct SignOutForm {
    csrf: String,
}

pub(super) async fn page(
    State(app): State<Arc<App>>,
    Query(query): Query<SignInQuery>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let account = app.access.signed_in(&headers).await?.map(|(identity, token)| Account {
        name: identity.name.to_string(),
        role: identity.role.as_str(),
        csrf: token.csrf().to_string(),
    });
    let next = within(&query.next).to_owned();
    let (keys, refused) = (app.access.has_keys(), !query.refused.is_empty());
    Ok(html(&SignIn { frame: Frame::new(), next, keys, refused, account }))
}

pub(super) async fn sign_in(
    State(app): State<Arc<App>>,
    id: axum::Extension<RequestId>,
    headers: HeaderMap,
    form: Result<Form<SignInForm>, FormRejection>,
) -> Result<Response, Problem> {
    let Form(form) = form.map_err(|rejection| unreadable(&rejection))?;
    let next = within(&form.next);
    let Some(token) = app.access.sign_in(form.key.trim(), &id).await? else {
        app.metrics.rejected("access");
        return Ok(Redirect::to("/signin?refused=key").into_response());
    };
    let secure = behind_tls(&headers);
    let mut response = Redirect::to(next).into_response();
    set(&mut response, (SESSION, token.expose()), SESSION_SECONDS, secure, true);
    set(&mut response, (CSRF, &token.csrf().to_string()), SESSION_SECONDS, secure, false);
    Ok(response)
}

pub(super) async fn sign_out(
    State(app): State<Arc<App>>,
    id: axum::Extension<RequestId>,
    headers: HeaderMap,
    form: Result<Form<SignOutForm>, FormRejection>,
) -> Result<Response, Problem> {
    let Form(form) = form.map_err(|rejection| unreadable(&rejection))?;
    app.access.sign_out(&headers, &form.csrf, &id).await?;
    let mut response = Redirect::to("/signin").into_response();
    for name in [SESSION, CSRF] {
        set(&mut response, (name, ""), 0, behind_tls(&headers), name == SESSION);
    }
    Ok(response)
}

fn unreadable(rejection: &FormRejection) -> Problem {
    let detail = crate::upload::shorten(&rejection.body_text());
    Problem::new(ProblemType::MalformedBody, format_args!("the form cannot be read: {detail}"))
}

/// A place within this server: nobody is led elsewhere from here.
fn within(next: &str) -> &str {
    let plain = next.bytes().all(|b| (0x21..0x7f).contains(&b) && b != b'\\');
    if next.starts_with('/') && !next.starts_with("//") && plain && !next.starts_with("/sign") { next } else { "/" }
}

/// Whether the browser speaks TLS to a proxy before this server: then the cookie goes nowhere else.
fn behind_tls(headers: &HeaderMap) -> bool {
    headers.get("x-forwarded-proto").is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"https"))
}

/// Sent along by pages of this site alone; `hidden` from scripts.
fn set(response: &mut Response, (name, value): (&str, &str), seconds: i64, secure: bool, hidden: bool) {
    let secure = if secure { "; Secure" } else { "" };
    let hidden = if hidden { "; HttpOnly" } else { "" };
    let cookie = format!("{name}={value}; Path=/; Max-Age={seconds}; SameSite=Strict{secure}{hidden}");
    // Digits and names alone: it always is a header.
    if let Ok(cookie) = HeaderValue::from_str(&cookie) {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
}

#[cfg(test)]
mod tests {
    use super::within;

    #[test]
    fn nobody_is_led_elsewhere() {
        let check = |next: &str, expected: &str| assert_eq!(within(next), expected, "{next:?}");
        check("/review?x=1", "/review?x=1");
        check("", "/");
        check("//evil.example", "/");
        check("/\\evil.example", "/");
        check("https://evil.example", "/");
        check("javascript:alert(1)", "/");
        check("/a\r\nset-cookie: x", "/");
        check("/signout", "/");
    }
}
