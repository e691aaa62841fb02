//! S3 buckets, on AWS and on everything that speaks its protocol.
//!
//! Requests are signed in a header (`signing`), never in the URL: URLs stand in the logs of proxies.

mod bucket;
mod credentials;
mod endpoint;
mod listing;
mod problem;
mod request;
mod signing;
mod unfinished;

pub(super) use bucket::Bucket;
pub(super) use listing::Page;
pub(super) use unfinished::UploadsPage;
