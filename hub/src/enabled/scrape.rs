//! What a server says of itself.

use super::client::{Client, Method, refusal};
use crate::{HubError, Limits, Token};

/// Bytes of an answer.
const MAX_BYTES: u64 = 16 << 20;

/// Asks a server for its metrics, again and again over one connection.
#[derive(Debug)]
pub struct ServerClient {
    client: Client,
    url: String,
}

impl ServerClient {
    /// Of the server at an address such as `http://127.0.0.1:8000`; nothing is asked yet.
    ///
    /// # Errors
    /// [`HubError::Endpoint`] when the address cannot be used.
    pub fn new(base: &str, key: Option<Token>, limits: Limits) -> Result<Self, HubError> {
        let url = format!("{}/metrics", base.trim().trim_end_matches('/'));
        Ok(Self { client: Client::new(base, key, limits)?, url })
    }

    /// The metrics in the text format of Prometheus.
    ///
    /// # Errors
    /// When no answer comes, or another than that.
    pub fn metrics(&self) -> Result<String, HubError> {
        let answer = self.client.ask(Method::Get(0), &self.url)?;
        if answer.status().as_u16() != 200 {
            return Err(refusal(&self.url, &answer));
        }
        let text = answer.into_body().with_config().limit(MAX_BYTES).read_to_string();
        text.map_err(|error| HubError::Garbled { url: self.url.clone(), source: error.into() })
    }
}
