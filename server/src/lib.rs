//! Floor 5: recognition over HTTP.
//!
//! [`run()`] takes a checked [`ServerConfig`], a loader and a bound listener, and serves until told to stop. Handlers only
//! move bytes; photos are decoded, recognised and turned into answers by worker threads behind a bounded queue.
//!
//! | module | what |
//! |---|---|
//! | [`config`] | `server.yaml`, as written and as checked |
//! | [`run`](mod@run), `connections`, `router` | the life of the process: listen, serve, drain |
//! | `clients` | who is connected, what is waited for, and who may stay |
//! | `access` | who asks, and what they may |
//! | `guard` | what holds for every route: names, pages of other sites, slow bodies, answers that nobody takes |
//! | `models`, `served` | what is loaded, and whether requests may come |
//! | `swap` | another release takes the place of the one that is served |
//! | `kept` | photos that are kept, where that is configured |
//! | `predictions` | what was answered goes into the store's log |
//! | `upload` | a request's body -> the photo's bytes, within limits of size and time |
//! | `inference` | admission, queue, batches, workers |
//! | [`wire`] | what clients send and get; conversions from and to the domain |
//! | [`problem`] | every error a client can see, and its status: one table |
//! | `endpoints`, `docs` | a file per endpoint; what describes them |
//! | `labour` | workers of jobs beside the server |
//! | `example` | what newcomers try |
//! | `pages` | what people see in a browser |
//! | `observe`, `metrics`, `state`, `request_id`, `process` | what operators see |

pub mod config;
pub mod openapi;
pub mod problem;
pub mod run;
pub mod wire;

mod access;
mod app;
mod beside;
mod clients;
mod connections;
mod cors;
mod docs;
mod endpoints;
mod example;
mod guard;
mod inference;
mod kept;
mod labour;
mod linger;
mod load_error;
mod loaded;
mod log_writer;
mod metrics;
mod models;
mod observe;
mod origins;
mod pages;
mod predictions;
mod process;
mod request_id;
mod router;
mod served;
mod setup;
mod state;
mod swap;
mod swapper;
mod upload;

pub use ::review::ReviewSetup;
pub use access::AccessError;
pub use config::{AuthMode, MetricsAccess, ServerConfig, ServerSettings};
pub use example::Example;
pub use load_error::LoadError;
pub use loaded::{Loaded, Version};
pub use origins::Origins;
pub use run::{ServeError, run};
pub use setup::Setup;
pub use swap::Reload;
