//! The operations on a container.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::ops::ControlFlow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use md5::{Digest as _, Md5};
use url::Url;

use super::listing::{Page, md5};
use super::problem::Problem;
use super::request::{Requests, Wanted};
use crate::format::{Sum, Timestamp};
use crate::http::{HeaderName, Method, bounded, date_seconds, header};
use crate::storage::pulse::Pulse;
use crate::storage::{
    Container, NewObject, Object, Part, PartLimits, Permission, Precondition, Refusal, Settings,
    StorageError, Upload,
};

/// What the service demands of blocks ("Scalability targets for Blob storage").
const LIMITS: PartLimits = PartLimits { bytes_min: 1, bytes_max: 4000 << 20, parts_max: 50_000 };

/// The largest page of a list.
const PAGE: &str = "5000";

/// A container.
pub(in crate::storage) struct BlobContainer {
    requests: Requests,
}

/// Reads a page of a list, and returns what names the next one.
type ReadPage<'a> = dyn FnMut(&Wanted<'_>, &str) -> Result<Option<String>, StorageError> + 'a;

impl BlobContainer {
    /// Looks up what gives access. Nothing is requested from the container yet.
    pub(in crate::storage) fn open(
        account: &str,
        service: Option<&Url>,
        container: &str,
        settings: &Settings,
    ) -> Result<BlobContainer, StorageError> {
        Ok(BlobContainer { requests: Requests::open(account, service, container, settings)? })
    }

    /// Calls `read` with the text of each page of a list. It returns the marker of the next page.
    fn pages(
        &self,
        prefix: &str,
        parameters: &[(&str, &str)],
        read: &mut ReadPage<'_>,
    ) -> Result<(), StorageError> {
        let (mut marker, mut markers) = (String::new(), BTreeSet::new());
        loop {
            let mut wanted = Wanted::new(Method::GET, "", Permission::List)
                .query(&[("restype", "container"), ("comp", "list"), ("maxresults", PAGE)])
                .query(parameters);
            if !prefix.is_empty() {
                wanted = wanted.query(&[("prefix", prefix)]);
            }
            if !marker.is_empty() {
                wanted = wanted.query(&[("marker", &marker)]);
            }
            let text = self.requests.document(&wanted)?;
            let Some(next) = read(&wanted, &text)? else { return Ok(()) };
            if !markers.insert(next.clone()) {
                return Err(self.requests.unexpected(&wanted, "a page names an earlier one as the next one"));
            }
            marker = next;
        }
    }

    /// The headers that describe a new blob.
    fn describe_new<'a>(wanted: Wanted<'a>, object: &NewObject<'_>) -> Wanted<'a> {
        let mut wanted = wanted
            .with_own("x-ms-blob-content-md5", STANDARD.encode(object.md5))
            .with_own("x-ms-blob-content-type", "application/x-tar");
        for (name, value) in object.metadata {
            // A name that is no header cannot be kept.
            if let Ok(name) = format!("x-ms-meta-{name}").parse::<HeaderName>() {
                wanted = wanted.with(name, value.clone());
            }
        }
        match &object.precondition {
            Precondition::None => wanted,
            Precondition::Absent => wanted.with(header::IF_NONE_MATCH, "*"),
            Precondition::Is(etag) => wanted.with(header::IF_MATCH, etag.clone()),
        }
    }

    /// Checks the condition in advance, so that no blob is sent for nothing. Without the permission to read, the service
    /// checks it in the end.
    fn check_first(&self, object: &NewObject<'_>) -> Result<(), StorageError> {
        if object.precondition == Precondition::None {
            return Ok(());
        }
        let found = match self.find(object.key) {
            Err(error) if matches!(error.refusal(), Some(Refusal::Permission(_) | Refusal::Role(_))) => {
                return Ok(());
            }
            found => found?,
        };
        match (&object.precondition, found) {
            (Precondition::Absent, Some(_)) => Err(self.condition_failed(object)),
            (Precondition::Is(etag), found) if found.as_ref().map(|found| &found.etag) != Some(etag) => {
                Err(self.condition_failed(object))
            }
            _ => Ok(()),
        }
    }

    fn condition_failed(&self, object: &NewObject<'_>) -> StorageError {
        let wanted = Wanted::new(Method::PUT, object.key, Permission::Write);
        let (place, request) = (self.requests.name.clone(), self.requests.describe(&wanted));
        let (refusal, problem) = match object.precondition {
            Precondition::Is(_) => (Refusal::Changed, "the blob has changed"),
            _ => (Refusal::Exists, "a blob of this name exists"),
        };
        StorageError::Refused { place, request, refusal, problem: problem.to_owned() }
    }

    /// Decides about a blob whose condition failed: the answer to an earlier attempt may have been lost.
    fn settle(
        &self,
        object: &NewObject<'_>,
        problem: &Problem,
        wanted: &Wanted<'_>,
    ) -> Result<(), StorageError> {
        let error = self.requests.error(problem, wanted);
        if !matches!(error.refusal(), Some(Refusal::Exists | Refusal::Changed)) {
            return Err(error);
        }
        match self.find(object.key) {
            Ok(Some(found)) if found.bytes == object.bytes && found.md5 == Some(object.md5) => Ok(()),
            _ => Err(self.condition_failed(object)),
        }
    }
}

impl Container for BlobContainer {
    fn name(&self) -> &str {
        &self.requests.name
    }

    fn check_access(&self, needed: &[Permission]) -> Result<(), StorageError> {
        self.requests.check_access(needed)
    }

    fn access(&self) -> String {
        self.requests.access_text()
    }

    fn list(
        &self,
        prefix: &str,
        visit: &mut dyn FnMut(Object) -> ControlFlow<()>,
    ) -> Result<(), StorageError> {
        self.pages(prefix, &[("include", "metadata")], &mut |wanted, text| {
            let mut page = Page::parse(text).map_err(|error| {
                self.requests.unexpected(wanted, format!("not a list: {}", bounded(&error)))
            })?;
            let next = std::mem::take(&mut page.next_marker);
            for object in page.objects().map_err(|problem| self.requests.unexpected(wanted, problem))? {
                if visit(object).is_break() {
                    return Ok(None);
                }
            }
            Ok(Some(next).filter(|next| !next.is_empty()))
        })
    }

    fn pulse(&self, prefix: &str) -> Result<Option<Sum>, StorageError> {
        let mut pulse = Pulse::new(("<Blob>", "</Blob>"), "NextMarker");
        // A blob whose metadata changes gets another entity tag.
        self.pages(prefix, &[], &mut |_, text| Ok(pulse.next(text)))?;
        Ok(pulse.finish())
    }

    fn find(&self, key: &str) -> Result<Option<Object>, StorageError> {
        let wanted = Wanted::new(Method::HEAD, key, Permission::Read);
        let response = self.requests.send(&wanted)?;
        if response.status != 200 {
            let problem = Problem::of(response);
            let error = self.requests.error(&problem, &wanted);
            return if error.refusal() == Some(Refusal::NoObject) { Ok(None) } else { Err(error) };
        }
        let bytes = response
            .content_length()
            .ok_or_else(|| self.requests.unexpected(&wanted, "no Content-Length"))?;
        let etag = response.header(header::ETAG).map(str::to_owned);
        let etag = etag.ok_or_else(|| self.requests.unexpected(&wanted, "no ETag"))?;
        let mut metadata = BTreeMap::new();
        for (name, value) in &response.headers {
            if let (Some(name), Ok(value)) = (name.as_str().strip_prefix("x-ms-meta-"), value.to_str()) {
                metadata.insert(name.to_ascii_lowercase(), value.to_owned());
            }
        }
        let whole = response.header("x-ms-blob-content-md5").or_else(|| response.header("content-md5"));
        let modified = response.header(header::LAST_MODIFIED).and_then(date_seconds);
        Ok(Some(Object {
            key: key.to_owned(),
            bytes,
            etag,
            modified: modified.and_then(Timestamp::from_seconds),
            md5: whole.and_then(md5),
            metadata,
        }))
    }

    fn read(&self, object: &Object, offset: u64, bytes: u64) -> Result<Box<dyn Read + Send>, StorageError> {
        if bytes == 0 {
            return Ok(Box::new(std::io::empty()));
        }
        let last = offset + bytes - 1;
        let mut wanted = Wanted::new(Method::GET, &object.key, Permission::Read)
            .with_own("x-ms-range", format!("bytes={offset}-{last}"))
            .with(header::IF_MATCH, object.etag.clone());
        wanted.response_bytes = bytes;
        let permit = self.requests.attempts.permit();
        let response = self.requests.send(&wanted)?;
        match response.status {
            206 => {
                let expected = format!("bytes {offset}-{last}/{}", object.bytes);
                let found = response.header(header::CONTENT_RANGE).unwrap_or_default();
                if found != expected {
                    let problem = format!("Content-Range is {:?}, expected {expected:?}", bounded(found));
                    return Err(self.requests.unexpected(&wanted, problem));
                }
            }
            200 if offset == 0 && bytes == object.bytes => {}
            200 => {
                return Err(self
                    .requests
                    .unexpected(&wanted, "the store sends the whole blob instead of a range"));
            }
            _ => return Err(self.requests.refused(response, &wanted)),
        }
        let mut body = response.body;
        body.hold(permit);
        Ok(Box::new(body))
    }

    fn retries(&self) -> u32 {
        self.requests.attempts.retries()
    }

    fn wait(&self, attempt: u32) -> Result<(), StorageError> {
        self.requests.attempts.wait(attempt, None)
    }

    fn put(&self, object: &NewObject<'_>, content: &[u8]) -> Result<(), StorageError> {
        self.check_first(object)?;
        let wanted = Wanted::new(Method::PUT, object.key, Permission::Write)
            .body(content)
            .with_own("content-md5", STANDARD.encode(object.md5))
            .with_own("x-ms-blob-type", "BlockBlob");
        let wanted = BlobContainer::describe_new(wanted, object);
        let response = self.requests.send(&wanted)?;
        if response.status == 201 {
            response.discard();
            return Ok(());
        }
        self.settle(object, &Problem::of(response), &wanted)
    }

    fn part_limits(&self) -> PartLimits {
        LIMITS
    }

    /// Nothing is sent. The ids of the blocks contain a random number, so that two uploads never mix.
    fn begin(&self, object: &NewObject<'_>) -> Result<Upload, StorageError> {
        self.check_first(object)?;
        let mut random = [0; 8];
        getrandom::fill(&mut random)
            .map_err(|error| crate::storage::near::setup("random numbers", &error.to_string()))?;
        Ok(Upload(hex::encode(random)))
    }

    fn part(&self, key: &str, upload: &Upload, number: u32, content: &[u8]) -> Result<Part, StorageError> {
        let tag = STANDARD.encode(format!("{}-{number:06}", upload.0));
        let wanted = Wanted::new(Method::PUT, key, Permission::Write)
            .query(&[("comp", "block"), ("blockid", &tag)])
            .body(content)
            .with_own("content-md5", STANDARD.encode(Md5::digest(content)));
        let permit = self.requests.attempts.permit();
        let response = self.requests.send(&wanted)?;
        drop(permit);
        if response.status != 201 {
            return Err(self.requests.refused(response, &wanted));
        }
        response.discard();
        Ok(Part { number, tag })
    }

    fn complete(&self, object: &NewObject<'_>, _: &Upload, parts: &[Part]) -> Result<(), StorageError> {
        let mut body = String::from("<?xml version=\"1.0\" encoding=\"utf-8\"?><BlockList>");
        for part in parts {
            body += &format!("<Latest>{}</Latest>", part.tag);
        }
        body += "</BlockList>";
        let wanted = Wanted::new(Method::PUT, object.key, Permission::Write)
            .query(&[("comp", "blocklist")])
            .body(body.as_bytes());
        let wanted = BlobContainer::describe_new(wanted, object);
        let response = self.requests.send(&wanted)?;
        if response.status == 201 {
            response.discard();
            return Ok(());
        }
        self.settle(object, &Problem::of(response), &wanted)
    }

    /// Blocks that no blob lists cannot be deleted. The service drops them after a week.
    fn end(&self, _: &str, _: &Upload) -> Result<(), StorageError> {
        Ok(())
    }

    /// The service drops them after a week.
    fn unfinished(&self, _: &str) -> Result<Vec<(String, Upload)>, StorageError> {
        Ok(Vec::new())
    }

    fn delete(&self, object: &Object) -> Result<(), StorageError> {
        let wanted = Wanted::new(Method::DELETE, &object.key, Permission::Delete)
            .with(header::IF_MATCH, object.etag.clone())
            .with_own("x-ms-delete-snapshots", "include");
        let response = self.requests.send(&wanted)?;
        if matches!(response.status, 200..=299) {
            response.discard();
            return Ok(());
        }
        let error = self.requests.refused(response, &wanted);
        match error.refusal() {
            Some(Refusal::NoObject) => Ok(()),
            // Some services check the condition first, so a blob that is gone, perhaps by an earlier attempt whose
            // answer was lost, seems to have changed.
            Some(Refusal::Changed) if matches!(self.find(&object.key), Ok(None)) => Ok(()),
            _ => Err(error),
        }
    }

    fn try_delete(&self, key: &str) -> Result<(), StorageError> {
        let wanted = Wanted::new(Method::DELETE, key, Permission::Delete);
        let response = self.requests.send(&wanted)?;
        if matches!(response.status, 200..=299) {
            response.discard();
            return Ok(());
        }
        let error = self.requests.refused(response, &wanted);
        if error.refusal() == Some(Refusal::NoObject) { Ok(()) } else { Err(error) }
    }
}
