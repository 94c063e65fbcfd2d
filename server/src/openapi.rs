//! The OpenAPI document. `docs/openapi.json` is its committed copy; a test compares them.

use utoipa::OpenApi;
use utoipa::openapi::path::{Operation, Parameter, ParameterIn};
use utoipa::openapi::{Content, Ref, RefOr, ResponseBuilder};

use crate::endpoints::{
    account, admin, classes, health, livez, metrics, ml, predict, readyz, recognize, recognize_batch, review, skus,
    verify,
};

/// All endpoints.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Shelfsight",
        description = "Photograph a shelf; get every bottle, can and glass detected, identified and counted.\n\nErrors are \
                       RFC 9457 problems (`application/problem+json`) whose `type` opens a page that explains it. Every \
                       answer carries `x-request-id`.",
        license(name = "Apache-2.0", identifier = "Apache-2.0")
    ),
    paths(
        recognize::recognize,
        recognize_batch::batch,
        predict::predict,
        classes::classes,
        skus::skus,
        review::queue::queue,
        review::item::item,
        review::claim::claim,
        review::claim::release,
        review::label::label,
        review::label::bulk,
        review::undo::undo,
        review::comment::comment,
        review::clusters::clusters,
        review::catalogue::skus,
        review::stats::stats,
        review::stored_image::stored_image,
        verify::delete::delete,
        verify::days::days,
        verify::claim::claim,
        verify::claim::release,
        verify::show::show,
        verify::image::image,
        verify::save::boxes,
        verify::save::accept,
        ml::data_sets::upload::upload,
        ml::data_sets::counts::counts,
        ml::data_sets::list::list,
        ml::data_sets::show::show,
        ml::data_sets::download::download,
        ml::data_sets::schema::schema,
        ml::data_sets::models::models,
        ml::data::clean::clean,
        ml::data::select::select_features,
        ml::data::split::split,
        ml::learn::train::train,
        ml::learn::tune::tune,
        ml::learn::compare::compare,
        ml::jobs::show::training,
        ml::jobs::list::list,
        ml::jobs::show::show,
        ml::jobs::events::events,
        ml::jobs::plots::list,
        ml::jobs::plots::show,
        ml::jobs::plots::report,
        ml::jobs::cancel::cancel,
        ml::insights::insights,
        ml::insights::ask,
        ml::predict::predict,
        ml::ab::begin::begin,
        ml::ab::list::list,
        ml::ab::show::show,
        ml::ab::end::end,
        ml::ab::outcome::outcome,
        ml::deploy::deploy,
        ml::deployed::deployed,
        ml::history::history,
        ml::gates::gates,
        ml::onnx::onnx,
        ml::promote::promote,
        ml::rollback::rollback,
        admin::keys::list,
        admin::keys::create,
        admin::keys::revoke,
        admin::organisations::list,
        admin::organisations::create,
        admin::audit::audit,
        account::account,
        health::health,
        livez::livez,
        readyz::readyz,
        metrics::metrics
    ),
    tags(
        (name = "recognition", description = "Photos to counted SKUs"),
        (name = "review", description = "What recognition is unsure of goes to people, and their answers count at once"),
        (name = "photos", description = "Photos that are kept: verified by people, deleted by their owner"),
        (name = "catalogue", description = "What can be recognised"),
        (name = "tables", description = "Data sets: uploaded, looked at, cleaned, split"),
        (name = "jobs", description = "What learns: wanted, watched, cancelled"),
        (name = "models", description = "Versions of models, and which of them are in production"),
        (name = "administration", description = "Keys, organisations, and who changed what"),
        (name = "operation", description = "For load balancers and monitoring"),
    )
)]
struct Document;

/// The document as JSON text.
#[must_use]
pub fn json() -> String {
    let mut document = Document::openapi();
    for path in document.paths.paths.values_mut() {
        [&mut path.get, &mut path.post, &mut path.put, &mut path.delete].into_iter().flatten().for_each(complete);
    }
    let mut text = document.to_pretty_json().expect("the document is plain data");
    text.push('\n');
    text
}

/// What every operation may answer that reads a body or a query, said in one place.
fn complete(operation: &mut Operation) {
    let mut add = |status: &str, description: &str| {
        let content = Content::new(Some(Ref::from_schema_name("ProblemBody")));
        let problem = ResponseBuilder::new().description(description).content("application/problem+json", content);
        operation.responses.responses.entry(status.to_owned()).or_insert_with(|| problem.build().into());
    };
    if operation.request_body.is_some() {
        add("400", "The body cannot be read");
    }
    let asks = |known: &RefOr<Parameter>| matches!(known, RefOr::T(one) if one.parameter_in == ParameterIn::Query);
    if operation.request_body.is_some() || operation.parameters.iter().flatten().any(asks) {
        add("422", "A value that may not be, or a name that is not known");
    }
}
