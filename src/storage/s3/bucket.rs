//! The operations on a bucket.

use std::collections::{BTreeMap, HashSet};
use std::io::Read;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use md5::Md5;
use sha2::{Digest as _, Sha256};

use super::credentials::Credentials;
use super::endpoint::Endpoint;
use super::listing::{Begun, Page, quoted, root};
use super::problem::Problem;
use super::signing::{EMPTY_SHA256, query, sign};
use crate::clock::Clock;
use crate::http::{
    Call, Connections, HeaderName, LIST_BYTES_MAX, Method, Payload, Response, bounded, header,
};
use crate::storage::{
    Attempts, Container, Encryption, NewObject, Object, Part, PartLimits, Permission, Precondition, Refusal,
    Settings, StorageError, Upload,
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
    /// `s3://BUCKET`, for messages.
    name: String,
    endpoint: Endpoint,
    credentials: Credentials,
    attempts: Attempts,
    clock: Arc<dyn Clock>,
    encryption: Option<Encryption>,
    /// Whether the store accepts a SHA-256 sum, as far as is known.
    takes_sha256: AtomicBool,
}

/// A request before it is signed.
struct Wanted<'a> {
    method: Method,
    key: &'a str,
    query: String,
    headers: Vec<(HeaderName, String)>,
    body: &'a [u8],
    /// The size of the response body in bytes, if it may be large.
    response_bytes: u64,
    /// What the request needs, for messages.
    needed: Permission,
}

impl<'a> Wanted<'a> {
    fn new(method: Method, key: &'a str, needed: Permission) -> Wanted<'a> {
        let (query, headers, body): (String, _, &[u8]) = (String::new(), Vec::new(), &[]);
        Wanted { method, key, query, headers, body, response_bytes: LIST_BYTES_MAX, needed }
    }

    fn query(mut self, parameters: &[(&str, &str)]) -> Self {
        self.query = query(parameters);
        self
    }

    fn with(mut self, name: HeaderName, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    fn body(mut self, body: &'a [u8]) -> Self {
        self.body = body;
        self
    }
}

impl Bucket {
    /// Looks up the credentials and the endpoint. Nothing is requested from the bucket yet.
    pub(in crate::storage) fn open(bucket: &str, settings: &Settings) -> Result<Bucket, StorageError> {
        let mut http = settings.http.clone();
        if http.ca.is_none() {
            http.ca = settings.variables.get("AWS_CA_BUNDLE").map(Into::into);
        }
        let connections = Arc::new(Connections::new(http));
        let credentials = Credentials::find(settings, &connections)?;
        let (region, url) = (credentials.region(), credentials.endpoint_url());
        let endpoint = Endpoint::new(bucket, &settings.variables, region, url)?;
        let attempts = Attempts::new(&endpoint.host, endpoint.route, &connections)?;
        Ok(Bucket {
            name: format!("s3://{bucket}"),
            endpoint,
            credentials,
            attempts,
            clock: Arc::clone(&settings.clock),
            encryption: settings.encryption.clone(),
            takes_sha256: AtomicBool::new(true),
        })
    }

    /// The method and path of a request, for messages.
    fn describe(&self, wanted: &Wanted<'_>) -> String {
        format!("{} {}", wanted.method, self.endpoint.url(&self.endpoint.region(), wanted.key, "").path())
    }

    /// Sends a request. It is sent once more in another region if the store names one, and if the bytes got lost or
    /// changed on the way. Returns the response if it says success, otherwise what the store says.
    fn send(&self, wanted: &Wanted<'_>) -> Result<Result<Response, Problem>, StorageError> {
        let mut is_again = false;
        loop {
            let region = self.endpoint.region();
            let response = self.send_in(&region, wanted)?;
            if (200..300).contains(&response.status) {
                return Ok(Ok(response));
            }
            let problem = Problem::of(response);
            let named = problem.region.as_deref().filter(|_| matches!(problem.status, 301 | 307 | 400));
            let is_other = named.is_some_and(|named| self.endpoint.correct_region(&region, named));
            if is_again || !(is_other || problem.is_of_transfer()) {
                return Ok(Err(problem));
            }
            is_again = true;
        }
    }

    fn send_in(&self, region: &str, wanted: &Wanted<'_>) -> Result<Response, StorageError> {
        let hash = if wanted.body.is_empty() {
            EMPTY_SHA256.to_owned()
        } else {
            hex::encode(Sha256::digest(wanted.body))
        };
        self.attempts.send(&mut || {
            let url = self.endpoint.url(region, wanted.key, &wanted.query);
            let mut call = Call::new(wanted.method.clone(), url);
            call.headers.clone_from(&wanted.headers);
            call.response_bytes = wanted.response_bytes;
            if !wanted.body.is_empty() {
                call.payload = Payload::Bytes(wanted.body);
            }
            let keys = self.credentials.keys()?;
            sign(&mut call, &keys, region, self.clock.now(), &hash);
            Ok(call)
        })
    }

    /// Sends a request that has to succeed.
    fn demand(&self, wanted: &Wanted<'_>) -> Result<Response, StorageError> {
        self.send(wanted)?.map_err(|problem| self.error(&problem, wanted))
    }

    /// Requests a document, again if the connection ends within it.
    fn document(&self, wanted: &Wanted<'_>) -> Result<String, StorageError> {
        let mut attempt = 0;
        loop {
            match self.text(self.demand(wanted)?, wanted) {
                Err(StorageError::Broken { .. } | StorageError::Stalled { .. })
                    if attempt < self.attempts.retries() => {}
                result => return result,
            }
            self.attempts.wait(attempt, None)?;
            attempt += 1;
        }
    }

    /// The error for what the store says.
    fn error(&self, problem: &Problem, wanted: &Wanted<'_>) -> StorageError {
        let (place, request) = (self.name.clone(), self.describe(wanted));
        let text = problem.text(wanted.needed, &self.clock.now().to_string());
        match problem.refusal(wanted.needed) {
            Some(refusal) => StorageError::Refused { place, request, refusal, problem: text },
            None => StorageError::Failed { place, status: problem.status, request, problem: text },
        }
    }

    fn unexpected(&self, wanted: &Wanted<'_>, problem: impl Into<String>) -> StorageError {
        let (place, request) = (self.name.clone(), self.describe(wanted));
        StorageError::Protocol { place, request, problem: problem.into() }
    }

    /// Reads a whole response body of text.
    fn text(&self, response: Response, wanted: &Wanted<'_>) -> Result<String, StorageError> {
        let request = self.describe(wanted);
        let bytes = response.bytes(LIST_BYTES_MAX).map_err(|error| self.attempts.failed(error, &request))?;
        String::from_utf8(bytes).map_err(|_| self.unexpected(wanted, "the body is not UTF-8"))
    }

    /// Reads the answer to the completion of an upload: `None` if it was completed. The status is sent before the work is
    /// done, so the body may be an error. An answer that breaks off, or says neither, is a problem without a code.
    fn completed(&self, response: Response, wanted: &Wanted<'_>) -> Result<Option<Problem>, StorageError> {
        let status = response.status;
        let text = match self.text(response, wanted) {
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
        let (place, request) = (self.name.clone(), self.describe(&wanted));
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
            Settled::Refused(_) | Settled::Open => Err(self.error(problem, wanted)),
        }
    }

    /// The object that an answer to HEAD describes.
    fn described(&self, key: &str, response: &Response, wanted: &Wanted<'_>) -> Result<Object, StorageError> {
        let bytes = response.content_length().ok_or_else(|| self.unexpected(wanted, "no Content-Length"))?;
        let etag = response.header(header::ETAG).map(quoted);
        let etag = etag.ok_or_else(|| self.unexpected(wanted, "no ETag"))?;
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

    fn changed(&self, wanted: &Wanted<'_>) -> StorageError {
        let (place, request) = (self.name.clone(), self.describe(wanted));
        let problem = "the object has changed since it was found".to_owned();
        StorageError::Refused { place, request, refusal: Refusal::Changed, problem }
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
        &self.name
    }

    /// Nothing is known of the permissions of a key before it is used.
    fn check_access(&self, _: &[Permission]) -> Result<(), StorageError> {
        let (keys, now) = (self.credentials.keys()?, self.clock.now());
        match keys.expires {
            Some(end) if end <= now => Err(StorageError::Access {
                what: "the session token".to_owned(),
                place: self.name.clone(),
                problem: format!("ended at {end}; this clock says {now}"),
                refusal: Refusal::Expired,
            }),
            _ => Ok(()),
        }
    }

    fn list(
        &self,
        prefix: &str,
        visit: &mut dyn FnMut(Object) -> ControlFlow<()>,
    ) -> Result<(), StorageError> {
        let mut token: Option<String> = None;
        let mut seen = HashSet::new();
        for _ in 0..PAGES_MAX {
            let mut parameters = vec![("list-type", "2"), ("encoding-type", "url"), ("prefix", prefix)];
            if let Some(token) = &token {
                parameters.push(("continuation-token", token));
            }
            let wanted = Wanted::new(Method::GET, "", Permission::List).query(&parameters);
            let text = self.document(&wanted)?;
            let mut page = Page::parse(&text)
                .map_err(|error| self.unexpected(&wanted, format!("not a list: {}", bounded(&error))))?;
            let next = page.next_continuation_token.take().filter(|_| page.is_truncated);
            let is_truncated = page.is_truncated;
            for mut object in page.objects(prefix).map_err(|problem| self.unexpected(&wanted, problem))? {
                if object.etag.is_empty() {
                    // Some stores list no entity tags. An object that is gone by now is left out.
                    let Some(found) = self.find(&object.key)? else { continue };
                    object = found;
                }
                if visit(object).is_break() {
                    return Ok(());
                }
            }
            let Some(next) = next else {
                let problem = "a page does not name the next one";
                return if is_truncated { Err(self.unexpected(&wanted, problem)) } else { Ok(()) };
            };
            if next.len() > TOKEN_BYTES_MAX || !seen.insert(Sha256::digest(&next)) {
                let problem = "the name of the next page is too long, or names an earlier page";
                return Err(self.unexpected(&wanted, problem));
            }
            token = Some(next);
        }
        let wanted = Wanted::new(Method::GET, "", Permission::List);
        Err(self.unexpected(&wanted, format!("the list has more than {PAGES_MAX} pages")))
    }

    fn find(&self, key: &str) -> Result<Option<Object>, StorageError> {
        let wanted = Wanted::new(Method::HEAD, key, Permission::Read);
        match self.send(&wanted)? {
            Ok(response) => return self.described(key, &response, &wanted).map(Some),
            Err(problem) if problem.status == 404 => return Ok(None),
            Err(_) => {}
        }
        // An answer to HEAD has no body. The same request with GET says why, and which region is the right one.
        let asked = Wanted::new(Method::GET, key, Permission::Read).with(header::RANGE, "bytes=0-0");
        match self.send(&asked)? {
            Err(problem) if problem.status == 404 && problem.code != "NoSuchBucket" => return Ok(None),
            // An object without bytes has no range.
            Err(problem) if problem.status != 416 => return Err(self.error(&problem, &asked)),
            Ok(_) | Err(_) => {}
        }
        match self.send(&wanted)? {
            Ok(response) => self.described(key, &response, &wanted).map(Some),
            Err(problem) if problem.status == 404 => Ok(None),
            Err(problem) => Err(self.error(&problem, &wanted)),
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
        let permit = self.attempts.permit();
        let response = match self.send(&wanted)? {
            Ok(response) => response,
            Err(problem) if problem.status == 416 => {
                let text = problem.text(Permission::Read, "");
                return Err(self.unexpected(&wanted, format!("the range is refused: {text}")));
            }
            Err(problem) => return Err(self.error(&problem, &wanted)),
        };
        // Some stores ignore If-Match.
        if response.header(header::ETAG).map(quoted).is_some_and(|etag| etag != object.etag) {
            return Err(self.changed(&wanted));
        }
        let is_whole = offset == 0 && bytes == object.bytes;
        match response.status {
            206 => {
                let expected = format!("bytes {offset}-{last}/{}", object.bytes);
                let found = response.header(header::CONTENT_RANGE).unwrap_or_default();
                if found != expected {
                    let problem = format!("Content-Range is {:?}, expected {expected:?}", bounded(found));
                    return Err(self.unexpected(&wanted, problem));
                }
            }
            200 if is_whole => {}
            200 => {
                return Err(self.unexpected(&wanted, "the store sends the whole object instead of a range"));
            }
            status => return Err(self.unexpected(&wanted, format!("HTTP {status} instead of a range"))),
        }
        if let Some(found) = response.content_length().filter(|found| *found != bytes) {
            let problem = format!("Content-Length is {found}, expected {bytes}");
            return Err(self.unexpected(&wanted, problem));
        }
        let mut body = response.body;
        body.hold(permit);
        Ok(Box::new(body))
    }

    fn retries(&self) -> u32 {
        self.attempts.retries()
    }

    fn wait(&self, attempt: u32) -> Result<(), StorageError> {
        self.attempts.wait(attempt, None)
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
            let problem = match self.send(&wanted)? {
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
            if problem.is_conflict() && attempt < self.attempts.retries() {
                self.attempts.wait(attempt, None)?;
                continue;
            }
            // 304 is what some stores answer to a failed If-None-Match.
            let is_condition = matches!(problem.status, 304 | 409 | 412);
            if is_condition && object.precondition != Precondition::None {
                return self.conclude(object, &problem, &wanted);
            }
            return Err(self.error(&problem, &wanted));
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
        let text = self.document(&wanted)?;
        let begun: Result<Begun, _> = quick_xml::de::from_str(&text);
        let begun = begun.map_err(|error| self.unexpected(&wanted, bounded(&error.to_string())))?;
        Ok(Upload(begun.upload_id))
    }

    fn part(&self, key: &str, upload: &Upload, number: u32, content: &[u8]) -> Result<Part, StorageError> {
        let text = number.to_string();
        let wanted = Wanted::new(Method::PUT, key, Permission::Write)
            .query(&[("partNumber", &text), ("uploadId", &upload.0)])
            .body(content)
            .with(HeaderName::from_static("content-md5"), STANDARD.encode(Md5::digest(content)));
        let permit = self.attempts.permit();
        let response = self.demand(&wanted)?;
        drop(permit);
        let tag = response.header(header::ETAG).map(str::to_owned);
        let tag = tag.ok_or_else(|| self.unexpected(&wanted, "a part has no ETag"))?;
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
            let problem = match self.send(&wanted)? {
                Ok(response) => self.completed(response, &wanted)?,
                Err(problem) => Some(problem),
            };
            match problem {
                None => return Ok(()),
                Some(problem) if problem.is_temporary() && attempt < self.attempts.retries() => {}
                // An upload that is gone may have been completed by an attempt whose answer was lost.
                Some(problem)
                    if matches!(problem.status, 304 | 404 | 409 | 412) || problem.code.is_empty() =>
                {
                    return self.conclude(object, &problem, &wanted);
                }
                Some(problem) => return Err(self.error(&problem, &wanted)),
            }
            self.attempts.wait(attempt, None)?;
            attempt += 1;
        }
    }

    fn end(&self, key: &str, upload: &Upload) -> Result<(), StorageError> {
        let wanted = Wanted::new(Method::DELETE, key, Permission::Write).query(&[("uploadId", &upload.0)]);
        match self.send(&wanted)? {
            Ok(response) => {
                response.discard();
                Ok(())
            }
            Err(problem) if problem.status == 404 => Ok(()),
            Err(problem) => Err(self.error(&problem, &wanted)),
        }
    }

    /// Few stores delete on a condition, so the entity tag is compared just before. An object that another writer puts in
    /// between is deleted.
    fn delete(&self, object: &Object) -> Result<(), StorageError> {
        let wanted = Wanted::new(Method::DELETE, &object.key, Permission::Delete);
        match self.find(&object.key)? {
            None => return Ok(()),
            Some(found) if found.etag != object.etag => return Err(self.changed(&wanted)),
            Some(_) => {}
        }
        match self.send(&wanted)? {
            Ok(response) => {
                response.discard();
                Ok(())
            }
            Err(problem) if problem.status == 404 => Ok(()),
            Err(problem) => Err(self.error(&problem, &wanted)),
        }
    }
}
