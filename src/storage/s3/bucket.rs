//! The operations on a bucket.

use std::collections::{BTreeMap, HashSet};
use std::io::Read;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use md5::Md5;
use sha2::{Digest as _, Sha256};

use super::listing::{Begun, Page, quoted, root};
use super::problem::Problem;
use super::request::{Requests, Wanted};
use super::unfinished;
use crate::format::Sum;
use crate::http::{HeaderName, Method, Response, bounded, header};
use crate::storage::pulse::Pulse;
use crate::storage::{
    Container, Encryption, NewObject, Object, Part, PartLimits, Permission, Precondition, Refusal, Settings,
    StorageError, Upload,
};

/// What S3 demands of parts (S3 User Guide, "Amazon S3 multipart upload limits").
const LIMITS: PartLimits = PartLimits { bytes_min: 5 << 20, bytes_max: 5 << 30, parts_max: 10_000 };

/// The largest number of pages of a list. A page has up to 1000 objects.
const PAGES_MAX: usize = 100_000;

/// The greatest length in bytes of what names the next page.
const TOKEN_BYTES_MAX: usize = 16 << 10;

/// The metadata in which the MD5 sum of the whole object is kept, because S3 keeps it nowhere else.
const CONTENT_MD5: &str = "content-md5";

/// A bucket.
pub(in crate::storage) struct Bucket {
    requests: Requests,
    encryption: Option<Encryption>,
    /// Whether the store accepts a SHA-256 sum, as far as is known.
    takes_sha256: AtomicBool,
}

/// Reads a page of a list, and returns what names the next one.
type ReadPage<'a> = dyn FnMut(&Wanted<'_>, &str) -> Result<Option<String>, StorageError> + 'a;

impl Bucket {
    /// Looks up the credentials and the endpoint. Nothing is requested from the bucket yet.
    pub(in crate::storage) fn open(bucket: &str, settings: &Settings) -> Result<Bucket, StorageError> {
        Ok(Bucket {
            requests: Requests::open(bucket, settings)?,
            encryption: settings.encryption.clone(),
            takes_sha256: AtomicBool::new(true),
        })
    }

    /// Calls `read` with the text of each page of a list. It returns the token of the next page.
    fn pages(&self, prefix: &str, read: &mut ReadPage<'_>) -> Result<(), StorageError> {
        let mut token: Option<String> = None;
        let mut seen = HashSet::new();
        for _ in 0..PAGES_MAX {
            let mut parameters = vec![("list-type", "2"), ("encoding-type", "url"), ("prefix", prefix)];
            if let Some(token) = &token {
                parameters.push(("continuation-token", token));
            }
            let wanted = Wanted::new(Method::GET, "", Permission::List).query(&parameters);
            let text = self.requests.document(&wanted)?;
            let Some(next) = read(&wanted, &text)? else { return Ok(()) };
            if next.len() > TOKEN_BYTES_MAX || !seen.insert(Sha256::digest(&next)) {
                let problem = "the name of the next page is too long, or names an earlier page";
                return Err(self.requests.unexpected(&wanted, problem));
            }
            token = Some(next);
        }
        let wanted = Wanted::new(Method::GET, "", Permission::List);
        Err(self.requests.unexpected(&wanted, format!("the list has more than {PAGES_MAX} pages")))
    }

    /// Reads the answer to the completion of an upload: `None` if it was completed. The status is sent before the work is
    /// done, so the body may be an error. An answer that breaks off, or says neither, is a problem without a code.
    fn completed(&self, response: Response, wanted: &Wanted<'_>) -> Result<Option<Problem>, StorageError> {
        let status = response.status;
        let text = match self.requests.text(response, wanted) {
            Ok(text) => text,
            Err(StorageError::Interrupted) => return Err(StorageError::Interrupted),
            Err(_) => String::new(),
        };
        let problem = match root(&text).as_deref() {
            Some("CompleteMultipartUploadResult") => return Ok(None),
            Some("Error") => Problem::parse(&text),
            _ => Problem {
                message: "the answer does not say whether it was done".to_owned(),
                ..Problem::default()
            },
        };
        Ok(Some(Problem { status, ..problem }))
    }

    /// The headers of a new object, without those of a single request or part.
    fn describe_new<'a>(&self, mut wanted: Wanted<'a>, object: &NewObject<'_>) -> Wanted<'a> {
        let mut add = |name: &str, value: &str| {
            // Names from metadata that is no header are left out.
            if let Ok(name) = name.parse::<HeaderName>() {
                wanted.headers.push((name, value.to_owned()));
            }
        };
        for (name, value) in object.metadata {
            add(&format!("x-amz-meta-{name}"), value);
        }
        add(&format!("x-amz-meta-{CONTENT_MD5}"), &STANDARD.encode(object.md5));
        add("content-type", "application/x-tar");
        if let Some(Encryption { algorithm, key }) = &self.encryption {
            add("x-amz-server-side-encryption", algorithm);
            if let Some(key) = key {
                add("x-amz-server-side-encryption-aws-kms-key-id", key);
            }
        }
        wanted
    }

    /// Adds the condition under which an object is written.
    fn conditional<'a>(wanted: Wanted<'a>, object: &NewObject<'_>) -> Wanted<'a> {
        match &object.precondition {
            Precondition::None => wanted,
            Precondition::Absent => wanted.with(header::IF_NONE_MATCH, "*"),
            Precondition::Is(etag) => wanted.with(header::IF_MATCH, etag.clone()),
        }
    }

    /// Checks the condition in advance, so that no store receives a whole object for nothing. Some stores ignore the
    /// condition of the request itself: there, an object that another writer puts between this look and the end of the
    /// upload is replaced.
    fn check_first(&self, object: &NewObject<'_>) -> Result<(), StorageError> {
        let refusal = match &object.precondition {
            Precondition::None => return Ok(()),
            Precondition::Absent => self.find(object.key)?.map(|_| Refusal::Exists),
            Precondition::Is(etag) => {
                let found = self.find(object.key)?;
                found.is_none_or(|found| found.etag != *etag).then_some(Refusal::Changed)
            }
        };
        refusal.map_or(Ok(()), |refusal| Err(self.condition_failed(object, refusal)))
    }

    fn condition_failed(&self, object: &NewObject<'_>, refusal: Refusal) -> StorageError {
        let wanted = Wanted::new(Method::PUT, object.key, Permission::Write);
        let (place, request) = (self.requests.name.clone(), self.requests.describe(&wanted));
        let problem = match refusal {
            Refusal::Exists => "an object with this key exists",
            _ => "the object has changed",
        };
        StorageError::Refused { place, request, refusal, problem: problem.to_owned() }
    }

    /// Looks whether an object was written whose request failed: the answer to an earlier attempt may have been lost.
    fn settle(&self, object: &NewObject<'_>) -> Result<Settled, StorageError> {
        let found = self.find(object.key)?;
        Ok(match (&object.precondition, found) {
            (_, Some(found)) if found.bytes == object.bytes && found.md5 == Some(object.md5) => {
                Settled::Written
            }
            (Precondition::Absent, Some(_)) => Settled::Refused(Refusal::Exists),
            (Precondition::Is(etag), found) if found.as_ref().is_none_or(|found| found.etag != *etag) => {
                Settled::Refused(Refusal::Changed)
            }
            _ => Settled::Open,
        })
    }

    /// Decides about a request whose condition failed, or whose upload is gone.
    fn conclude(
        &self,
        object: &NewObject<'_>,
        problem: &Problem,
        wanted: &Wanted<'_>,
    ) -> Result<(), StorageError> {
        match self.settle(object)? {
            Settled::Written => Ok(()),
            Settled::Refused(refusal) if problem.status != 404 => Err(self.condition_failed(object, refusal)),
            Settled::Refused(_) | Settled::Open => Err(self.requests.error(problem, wanted)),
        }
    }

    /// The object that an answer to HEAD describes.
    fn described(&self, key: &str, response: &Response, wanted: &Wanted<'_>) -> Result<Object, StorageError> {
        let bytes =
            response.content_length().ok_or_else(|| self.requests.unexpected(wanted, "no Content-Length"))?;
        let etag = response.header(header::ETAG).map(quoted);
        let etag = etag.ok_or_else(|| self.requests.unexpected(wanted, "no ETag"))?;
        let mut metadata = BTreeMap::new();
        for (name, value) in &response.headers {
            if let (Some(name), Ok(value)) = (name.as_str().strip_prefix("x-amz-meta-"), value.to_str()) {
                metadata.insert(name.to_owned(), value.to_owned());
            }
        }
        let md5 = metadata.get(CONTENT_MD5).and_then(|text| sum(text));
        let modified = response.header(header::LAST_MODIFIED).and_then(crate::http::date_seconds);
        let modified = modified.and_then(crate::format::Timestamp::from_seconds);
        Ok(Object { key: key.to_owned(), bytes, etag, modified, md5, metadata })
    }
}

/// What became of an object whose request failed.
enum Settled {
    /// It was written.
    Written,
    /// Its condition does not hold.
    Refused(Refusal),
    /// It was not written, and its condition holds.
    Open,
}

/// Reads an MD5 sum in base64, as this program writes it, or in hex, as others do.
fn sum(text: &str) -> Option<[u8; 16]> {
    let base64 = STANDARD.decode(text).ok().and_then(|bytes| bytes.try_into().ok());
    base64.or_else(|| hex::decode(text).ok()?.try_into().ok())
}

impl Container for Bucket {
    fn name(&self) -> &str {
        &self.requests.name
    }

    /// Nothing is known of the permissions of a key before it is used.
    fn check_access(&self, _: &[Permission]) -> Result<(), StorageError> {
        let (keys, now) = (self.requests.credentials.keys()?, self.requests.clock.now());
        match keys.expires {
            Some(end) if end <= now => Err(StorageError::Access {
                what: "the session token".to_owned(),
                place: self.requests.name.clone(),
                problem: format!("ended at {end}; this clock says {now}"),
                refusal: Refusal::Expired,
            }),
            _ => Ok(()),
        }
    }

    fn access(&self) -> String {
        self.requests.credentials.describe()
    }

    fn list(
        &self,
        prefix: &str,
        visit: &mut dyn FnMut(Object) -> ControlFlow<()>,
    ) -> Result<(), StorageError> {
        self.pages(prefix, &mut |wanted, text| {
            let mut page = Page::parse(text).map_err(|error| {
                self.requests.unexpected(wanted, format!("not a list: {}", bounded(&error)))
            })?;
            let next = page.next_continuation_token.take().filter(|_| page.is_truncated);
            let is_truncated = page.is_truncated;
            for mut object in
                page.objects(prefix).map_err(|problem| self.requests.unexpected(wanted, problem))?
            {
                if object.etag.is_empty() {
                    // Some stores list no entity tags. An object that is gone by now is left out.
                    let Some(found) = self.find(&object.key)? else { continue };
                    object = found;
                }
                if visit(object).is_break() {
                    return Ok(None);
                }
            }
            if is_truncated && next.is_none() {
                return Err(self.requests.unexpected(wanted, "a page does not name the next one"));
            }
            Ok(next)
        })
    }

    fn pulse(&self, prefix: &str) -> Result<Option<Sum>, StorageError> {
        let mut pulse = Pulse::new(("<Contents>", "</Contents>"), "NextContinuationToken");
        self.pages(prefix, &mut |_, text| Ok(pulse.next(text)))?;
        Ok(pulse.finish())
    }

    fn find(&self, key: &str) -> Result<Option<Object>, StorageError> {
        let wanted = Wanted::new(Method::HEAD, key, Permission::Read);
        match self.requests.send(&wanted)? {
            Ok(response) => return self.described(key, &response, &wanted).map(Some),
            Err(problem) if problem.status == 404 => return Ok(None),
            Err(_) => {}
        }
        // An answer to HEAD has no body. The same request with GET says why, and which region is the right one.
        let asked = Wanted::new(Method::GET, key, Permission::Read).with(header::RANGE, "bytes=0-0");
        match self.requests.send(&asked)? {
            Err(problem) if problem.status == 404 && problem.code != "NoSuchBucket" => return Ok(None),
            // An object without bytes has no range.
            Err(problem) if problem.status != 416 => return Err(self.requests.error(&problem, &asked)),
            Ok(response) => response.discard(),
            Err(_) => {}
        }
        match self.requests.send(&wanted)? {
            Ok(response) => self.described(key, &response, &wanted).map(Some),
            Err(problem) if problem.status == 404 => Ok(None),
            Err(problem) => Err(self.requests.error(&problem, &wanted)),
        }
    }

    fn read(&self, object: &Object, offset: u64, bytes: u64) -> Result<Box<dyn Read + Send>, StorageError> {
        if bytes == 0 {
            return Ok(Box::new(std::io::empty()));
        }
        let last = offset + bytes - 1;
        let mut wanted = Wanted::new(Method::GET, &object.key, Permission::Read)
            .with(header::RANGE, format!("bytes={offset}-{last}"))
            .with(header::IF_MATCH, object.etag.clone());
        wanted.response_bytes = bytes;
        let permit = self.requests.attempts.permit();
        let response = match self.requests.send(&wanted)? {
            Ok(response) => response,
            Err(problem) if problem.status == 416 => {
                let text = problem.text(Permission::Read, "");
                return Err(self.requests.unexpected(&wanted, format!("the range is refused: {text}")));
            }
            Err(problem) => return Err(self.requests.error(&problem, &wanted)),
        };
        // Some stores ignore If-Match.
        if response.header(header::ETAG).map(quoted).is_some_and(|etag| etag != object.etag) {
            return Err(self.requests.changed(&wanted));
        }
        let is_whole = offset == 0 && bytes == object.bytes;
        match response.status {
            206 => {
                let expected = format!("bytes {offset}-{last}/{}", object.bytes);
                let found = response.header(header::CONTENT_RANGE).unwrap_or_default();
                if found != expected {
                    let problem = format!("Content-Range is {:?}, expected {expected:?}", bounded(found));
                    return Err(self.requests.unexpected(&wanted, problem));
                }
            }
            200 if is_whole => {}
            200 => {
                return Err(self
                    .requests
                    .unexpected(&wanted, "the store sends the whole object instead of a range"));
            }
            status => {
                return Err(self.requests.unexpected(&wanted, format!("HTTP {status} instead of a range")));
            }
        }
        if let Some(found) = response.content_length().filter(|found| *found != bytes) {
            let problem = format!("Content-Length is {found}, expected {bytes}");
            return Err(self.requests.unexpected(&wanted, problem));
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
            .with(HeaderName::from_static("content-md5"), STANDARD.encode(object.md5));
        let mut wanted = Bucket::conditional(self.describe_new(wanted, object), object);
        let sha256 = HeaderName::from_static("x-amz-checksum-sha256");
        if self.takes_sha256.load(Ordering::Relaxed) {
            wanted = wanted.with(sha256.clone(), STANDARD.encode(object.sha256.0));
        }
        for attempt in 0.. {
            let problem = match self.requests.send(&wanted)? {
                Ok(response) => {
                    response.discard();
                    break;
                }
                Err(problem) => problem,
            };
            if problem.is_about_sha256() && self.takes_sha256.swap(false, Ordering::Relaxed) {
                wanted.headers.retain(|(name, _)| *name != sha256);
                continue;
            }
            if problem.is_conflict() && attempt < self.requests.attempts.retries() {
                self.requests.attempts.wait(attempt, None)?;
                continue;
            }
            // 304 is what some stores answer to a failed If-None-Match.
            let is_condition = matches!(problem.status, 304 | 409 | 412);
            if is_condition && object.precondition != Precondition::None {
                return self.conclude(object, &problem, &wanted);
            }
            return Err(self.requests.error(&problem, &wanted));
        }
        Ok(())
    }

    fn part_limits(&self) -> PartLimits {
        LIMITS
    }

    fn begin(&self, object: &NewObject<'_>) -> Result<Upload, StorageError> {
        self.check_first(object)?;
        let wanted = Wanted::new(Method::POST, object.key, Permission::Write).query(&[("uploads", "")]);
        let wanted = self.describe_new(wanted, object);
        let text = self.requests.document(&wanted)?;
        let begun: Result<Begun, _> = quick_xml::de::from_str(&text);
        let begun = begun.map_err(|error| self.requests.unexpected(&wanted, bounded(&error.to_string())))?;
        Ok(Upload(begun.upload_id))
    }

    fn part(&self, key: &str, upload: &Upload, number: u32, content: &[u8]) -> Result<Part, StorageError> {
        let text = number.to_string();
        let wanted = Wanted::new(Method::PUT, key, Permission::Write)
            .query(&[("partNumber", &text), ("uploadId", &upload.0)])
            .body(content)
            .with(HeaderName::from_static("content-md5"), STANDARD.encode(Md5::digest(content)));
        let permit = self.requests.attempts.permit();
        let response = self.requests.demand(&wanted)?;
        drop(permit);
        let tag = response.header(header::ETAG).map(str::to_owned);
        let tag = tag.ok_or_else(|| self.requests.unexpected(&wanted, "a part has no ETag"))?;
        response.discard();
        Ok(Part { number, tag })
    }

    fn complete(&self, object: &NewObject<'_>, upload: &Upload, parts: &[Part]) -> Result<(), StorageError> {
        let mut body = String::from("<CompleteMultipartUpload>");
        for Part { number, tag } in parts {
            let tag = quick_xml::escape::escape(tag.as_str());
            body += &format!("<Part><PartNumber>{number}</PartNumber><ETag>{tag}</ETag></Part>");
        }
        body += "</CompleteMultipartUpload>";
        let wanted = Wanted::new(Method::POST, object.key, Permission::Write)
            .query(&[("uploadId", &upload.0)])
            .body(body.as_bytes());
        let wanted = Bucket::conditional(wanted, object);
        let mut attempt = 0;
        loop {
            let problem = match self.requests.send(&wanted)? {
                Ok(response) => self.completed(response, &wanted)?,
                Err(problem) => Some(problem),
            };
            match problem {
                None => return Ok(()),
                Some(problem) if problem.is_temporary() && attempt < self.requests.attempts.retries() => {}
                // An upload that is gone may have been completed by an attempt whose answer was lost.
                Some(problem)
                    if matches!(problem.status, 304 | 404 | 409 | 412) || problem.code.is_empty() =>
                {
                    return self.conclude(object, &problem, &wanted);
                }
                Some(problem) => return Err(self.requests.error(&problem, &wanted)),
            }
            self.requests.attempts.wait(attempt, None)?;
            attempt += 1;
        }
    }

    fn end(&self, key: &str, upload: &Upload) -> Result<(), StorageError> {
        let wanted = Wanted::new(Method::DELETE, key, Permission::Write).query(&[("uploadId", &upload.0)]);
        match self.requests.send(&wanted)? {
            Ok(response) => {
                response.discard();
                Ok(())
            }
            Err(problem) if problem.status == 404 => Ok(()),
            Err(problem) => Err(self.requests.error(&problem, &wanted)),
        }
    }

    fn unfinished(&self, prefix: &str) -> Result<Vec<(String, Upload)>, StorageError> {
        unfinished::list(&self.requests, prefix)
    }

    /// Few stores delete on a condition, so the entity tag is compared just before. An object that another writer puts in
    /// between is deleted.
    fn delete(&self, object: &Object) -> Result<(), StorageError> {
        let wanted = Wanted::new(Method::DELETE, &object.key, Permission::Delete);
        match self.find(&object.key)? {
            None => return Ok(()),
            Some(found) if found.etag != object.etag => return Err(self.requests.changed(&wanted)),
            Some(_) => {}
        }
        match self.requests.send(&wanted)? {
            Ok(response) => {
                response.discard();
                Ok(())
            }
            Err(problem) if problem.status == 404 => Ok(()),
            Err(problem) => Err(self.requests.error(&problem, &wanted)),
        }
    }

    fn try_delete(&self, key: &str) -> Result<(), StorageError> {
        let wanted = Wanted::new(Method::DELETE, key, Permission::Delete);
        match self.requests.send(&wanted)? {
            Ok(response) => {
                response.discard();
                Ok(())
            }
            Err(problem) if problem.status == 404 && problem.code != "NoSuchBucket" => Ok(()),
            Err(problem) => Err(self.requests.error(&problem, &wanted)),
        }
    }
}
