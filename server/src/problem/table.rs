//! Slug, status, title and meaning of every problem: the one table that decides status codes.

use axum::http::StatusCode;

use super::{ProblemType, Row};

impl ProblemType {
    /// The table.
    #[must_use]
    pub const fn row(self) -> Row {
        let (slug, status, title, meaning) = match self {
            Self::MissingImage => (
                "missing-picture",
                StatusCode::BAD_REQUEST,
                "No photo was sent",
                "The form has no field named image, or more than one. Send exactly one photo a request.",
            ),
            Self::MalformedBody => (
                "malformed-body",
                StatusCode::BAD_REQUEST,
                "The body cannot be read",
                "The body is not what its content type says: broken multipart, JSON or base64, or it broke off.",
            ),
            Self::UndecodableImage => (
                "undecodable-picture",
                StatusCode::BAD_REQUEST,
                "The photo cannot be decoded",
                "The bytes begin like a JPEG, PNG or WebP, but are empty, truncated, damaged or of a rare variant. Send \
                 the original file again.",
            ),
            Self::BadRequest => (
                "bad-request",
                StatusCode::BAD_REQUEST,
                "The request cannot be understood",
                "Something about the request is against the rules of HTTP or of this interface.",
            ),
            Self::NotFound => (
                "not-found",
                StatusCode::NOT_FOUND,
                "Nothing is here",
                "The path is not one of this server's. /docs lists what is.",
            ),
            Self::MethodNotAllowed => (
                "method-not-allowed",
                StatusCode::METHOD_NOT_ALLOWED,
                "This path does not take this method",
                "The header Allow of the answer lists the methods it takes. Photos are sent with POST.",
            ),
            Self::UploadTooSlow => (
                "upload-too-slow",
                StatusCode::REQUEST_TIMEOUT,
                "The body did not arrive in time",
                "Bytes came too slowly or not at all. Send a smaller photo, or use a faster connection.",
            ),
            Self::BodyTooLarge => (
                "body-too-large",
                StatusCode::PAYLOAD_TOO_LARGE,
                "The body is too large",
                "A request may have so many bytes and no more; base64 makes a photo a third larger. Send a smaller \
                 photo, or have the operator raise limits.max_body_bytes.",
            ),
            Self::ImageTooLarge => (
                "picture-too-large",
                StatusCode::PAYLOAD_TOO_LARGE,
                "The photo is too large",
                "The file, or the image in it, is larger than this server decodes. Send a smaller photo, or have the \
                 operator raise the limits in pipeline.yaml.",
            ),
            Self::UnsupportedContentType => (
                "unsupported-content-type",
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "Photos cannot be sent this way",
                "Send multipart/form-data with a field image, or the file's bytes as image/jpeg, image/png, image/webp \
                 or application/octet-stream, or application/json with the key image in base64.",
            ),
            Self::UnsupportedImage => (
                "unsupported-picture",
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "This is not a photo we take",
                "JPEG, PNG and WebP are taken, recognised by their content. Convert other formats first; iPhones send \
                 JPEG when the camera is set to \"Most Compatible\".",
            ),
            Self::BadParameter => (
                "bad-parameter",
                StatusCode::UNPROCESSABLE_ENTITY,
                "A parameter has a value it may not have",
                "The members parameter, value and allowed say which, what it was, and what it may be.",
            ),
            Self::InternalError => (
                "internal-error",
                StatusCode::INTERNAL_SERVER_ERROR,
                "Something went wrong in the server",
                "It is not your fault. The server goes on; its log has the cause under the request's id.",
            ),
            Self::NotReady => (
                "not-ready",
                StatusCode::SERVICE_UNAVAILABLE,
                "The server is not ready yet",
                "Models and gallery are being loaded. Try again in a second; /readyz says when.",
            ),
            Self::ModelsUnavailable => (
                "models-unavailable",
                StatusCode::SERVICE_UNAVAILABLE,
                "Models or gallery are missing",
                "They could not be loaded. The operator runs shelf doctor, which says what is missing and how to get it.",
            ),
            Self::Overloaded => (
                "overloaded",
                StatusCode::SERVICE_UNAVAILABLE,
                "The server has too much to do",
                "As many photos wait as may. Try again after the seconds in the header Retry-After.",
            ),
            Self::Stopping => (
                "stopping",
                StatusCode::SERVICE_UNAVAILABLE,
                "The server is stopping",
                "Requests that were accepted are finished; new ones belong to another server, or to this one in a moment.",
            ),
            Self::TookTooLong => (
                "took-too-long",
                StatusCode::GATEWAY_TIMEOUT,
                "The answer took too long",
                "The photo waited, or was worked on, longer than a request may. Try again later, or with fewer tiles.",
            ),
            Self::CrossSite => (
                "cross-site",
                StatusCode::FORBIDDEN,
                "Another site sent this",
                "Changes are taken from this server's own pages and from programs, not from pages of other sites.",
            ),
            Self::UnknownItem => (
                "unknown-item",
                StatusCode::NOT_FOUND,
                "There is no such item, SKU or image",
                "The id is not one of the review queue's, or what it named was dropped because nobody answered in time.",
            ),
            Self::Claimed => (
                "claimed",
                StatusCode::CONFLICT,
                "Someone else is working on this item",
                "Another reviewer holds the item until the claim ends. Label another one.",
            ),
            Self::AlreadyLabelled => (
                "already-labelled",
                StatusCode::CONFLICT,
                "You have said this before",
                "The item has this label from you already. Undo it first if you want to say something else.",
            ),
            Self::SecondLook => (
                "second-look",
                StatusCode::CONFLICT,
                "A third person decides",
                "Two reviewers have answered differently, and you are one of them. Someone else takes the second look.",
            ),
            Self::PhotoChanged => (
                "photo-changed",
                StatusCode::CONFLICT,
                "The boxes were changed meanwhile",
                "Somebody has saved other boxes since these were shown. Ask for the photo again, and save on top of what is \
                 there now.",
            ),
            Self::NothingToUndo => (
                "nothing-to-undo",
                StatusCode::CONFLICT,
                "There is nothing to take back",
                "You have no label that stands, or someone else has answered since.",
            ),
            Self::CodeTaken => (
                "code-taken",
                StatusCode::CONFLICT,
                "The SKU's code is taken",
                "Another SKU has this code. Choose another code, or label with the SKU that has it.",
            ),
            Self::JsonExpected => (
                "json-expected",
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "This is not JSON",
                "Send application/json. Forms are not taken, so that no other site can send them in your name.",
            ),
            Self::UnknownHost => (
                "unknown-host",
                StatusCode::MISDIRECTED_REQUEST,
                "The server does not go by this name",
                "Names are answered to only when the operator has listed them under hosts in server.yaml, so that no \
                 other site can let its name point here. Addresses and localhost always hold.",
            ),
            Self::TooManyRequests => (
                "too-many-requests",
                StatusCode::TOO_MANY_REQUESTS,
                "You ask too often",
                "One reviewer may do so much in a minute, or change their mind about one item so often. Try again after \
                 the seconds in the header Retry-After, where there is one.",
            ),
            Self::KeyReused => (
                "key-reused",
                StatusCode::UNPROCESSABLE_ENTITY,
                "The idempotency key was used for something else",
                "A key names one request, so that it can be sent again. Make a new key for every request.",
            ),
            Self::Unauthorized => (
                "unauthorized",
                StatusCode::UNAUTHORIZED,
                "A key is needed",
                "This server answers who shows a key that holds: Authorization: Bearer KEY. The operator makes one with shelf \
                 keys create. A browser asks for a name and a password: the password is the key.",
            ),
            Self::Forbidden => (
                "forbidden",
                StatusCode::FORBIDDEN,
                "The key does not suffice",
                "Viewers send photos and read, reviewers label, engineers deploy models; each may do what those before may. The \
                 detail says what was missing.",
            ),
            Self::UnknownModel => (
                "unknown-model",
                StatusCode::NOT_FOUND,
                "There is no such model",
                "The id or name is not one of your organisation's. GET /api/ml/models/deployed lists them.",
            ),
            Self::UnknownDataSet => (
                "unknown-data-set",
                StatusCode::NOT_FOUND,
                "There is no such data set",
                "The id is not one of your organisation's. GET /api/ml/datasets lists them.",
            ),
            Self::UnknownJob => (
                "unknown-job",
                StatusCode::NOT_FOUND,
                "There is no such job",
                "The id is not one of your organisation's. GET /api/ml/jobs lists them.",
            ),
            Self::UnknownTest => (
                "unknown-test",
                StatusCode::NOT_FOUND,
                "There is no such A/B test",
                "Your organisation has no test of this name, or the test no such prediction. GET /api/ml/models/ab-test lists them.",
            ),
            Self::UnknownKey => (
                "unknown-key",
                StatusCode::NOT_FOUND,
                "There is no such key or organisation",
                "Your organisation has no key of this name or id, or there is no organisation of this name. The page /admin lists them.",
            ),
            Self::NameTaken => (
                "name-taken",
                StatusCode::CONFLICT,
                "The name is taken",
                "Another key, organisation or test has this name. Choose another one.",
            ),
            Self::QuotaReached => (
                "quota-reached",
                StatusCode::CONFLICT,
                "Your organisation has as much as it may",
                "An organisation may have so many data sets, bytes of them, and jobs that wait or run. The operator raises the \
                 limits under tables in server.yaml.",
            ),
            Self::JobStatus => (
                "job-status",
                StatusCode::CONFLICT,
                "The job stands elsewhere",
                "A job that is done cannot be cancelled; what is deployed must be completed. The detail says where it stands.",
            ),
            Self::TableTooLarge => (
                "table-too-large",
                StatusCode::PAYLOAD_TOO_LARGE,
                "The table is too large",
                "A table may have so many bytes, rows, columns and cells. Send fewer of them, or have the operator raise the limits \
                 under tables in server.yaml.",
            ),
            Self::UnsupportedTable => (
                "unsupported-table",
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "This is not a table we take",
                "CSV is taken, with a header, in UTF-8 or UTF-16, and the first sheet of an XLSX workbook. Save other files as one of \
                 these first.",
            ),
            Self::UnreadableTable => (
                "unreadable-table",
                StatusCode::UNPROCESSABLE_ENTITY,
                "The file is no table",
                "A first line with the names of the columns and rows of as many fields are expected. The detail says what was found.",
            ),
            Self::UnfitTable => (
                "unfit-table",
                StatusCode::UNPROCESSABLE_ENTITY,
                "This cannot be done with this table",
                "A column is missing or of another type, a target has one class, a part would be empty, or values do not fit a \
                 model. The detail names it.",
            ),
            Self::UnfitModel => (
                "unfit-model",
                StatusCode::UNPROCESSABLE_ENTITY,
                "The model does not fit",
                "The file is no TFLite network that can be run here, or meta.json or the data set say something else of it. The \
                 detail names what.",
            ),
            Self::VersionTaken => (
                "version-taken",
                StatusCode::CONFLICT,
                "The version is taken",
                "Another model has this name and version. Versions are written once: choose another one.",
            ),
            Self::WrongStatus => (
                "wrong-status",
                StatusCode::CONFLICT,
                "The model cannot be moved this way",
                "What is staged can be promoted; what was in production before comes back by a rollback.",
            ),
            Self::GatesNotPassed => (
                "gates-not-passed",
                StatusCode::CONFLICT,
                "The model has not passed the gates",
                "A release goes into production when it was evaluated on real images that it did not learn from and passed every \
                 gate. The detail says what is missing; shelf release promote takes reports of shelf eval.",
            ),
            Self::NothingBefore => (
                "nothing-before",
                StatusCode::CONFLICT,
                "There is nothing to go back to",
                "No other version of this name was in production before.",
            ),
            Self::StoreUnavailable => (
                "store-unavailable",
                StatusCode::SERVICE_UNAVAILABLE,
                "Keys and models cannot be reached",
                "Their database is away, or the server was started without one. Try again after the seconds in the header \
                 Retry-After.",
            ),
            Self::ReviewUnavailable => (
                "review-unavailable",
                StatusCode::SERVICE_UNAVAILABLE,
                "The review queue cannot be reached",
                "Its database or its images are away, or it is switched off. Recognition goes on without it.",
            ),
        };
        Row { slug, status, title, meaning }
    }
}
