//! The bucket `bucket` in memory: enough of S3 for the client, without its checks.

use std::collections::BTreeMap;
use std::sync::Mutex;

use carnet::oci::Digest;

use crate::registries::http::{Request, Response, Site};

/// The bucket. Clones share their objects.
#[derive(Clone, Default)]
pub(crate) struct S3Site(std::sync::Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    objects: BTreeMap<String, Stored>,
    uploads: BTreeMap<String, Upload>,
    begun: usize,
}

#[derive(Clone)]
struct Stored {
    bytes: Vec<u8>,
    metadata: Vec<(String, String)>,
}

#[derive(Default)]
struct Upload {
    key: String,
    metadata: Vec<(String, String)>,
    parts: BTreeMap<u32, Vec<u8>>,
}

impl Stored {
    fn etag(&self) -> String {
        format!("\"{}\"", &Digest::sha256(&self.bytes).hex()[..32])
    }

    fn describe(&self, mut response: Response) -> Response {
        for (name, value) in &self.metadata {
            response = response.with(name, value);
        }
        response.with("ETag", self.etag()).with("Last-Modified", "Wed, 25 Nov 2026 20:00:00 GMT")
    }
}

impl S3Site {
    pub(crate) fn place(&self, key: &str, bytes: &[u8]) {
        let stored = Stored { bytes: bytes.to_vec(), metadata: Vec::new() };
        self.0.lock().unwrap().objects.insert(key.to_owned(), stored);
    }

    pub(crate) fn bytes(&self, key: &str) -> Option<Vec<u8>> {
        self.0.lock().unwrap().objects.get(key).map(|stored| stored.bytes.clone())
    }

    /// Begins an upload, as another program may.
    pub(crate) fn begin(&self, key: &str) {
        let state = &mut *self.0.lock().unwrap();
        state.begun += 1;
        let upload = Upload { key: key.to_owned(), ..Upload::default() };
        state.uploads.insert(format!("upload{}", state.begun), upload);
    }

    pub(crate) fn open_uploads(&self) -> usize {
        self.0.lock().unwrap().uploads.len()
    }
}

/// An error document of S3.
pub(crate) fn error(status: u16, code: &str, message: &str) -> Response {
    let text = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{code}</Code><Message>{message}</Message>\
         <RequestId>1</RequestId></Error>"
    );
    Response::new(status).body("application/xml", text)
}

/// A page of a list. `rest` are further elements.
pub(crate) fn page(objects: &[(&str, u64, &str)], rest: &str) -> Response {
    let mut text = format!("<?xml version=\"1.0\"?><ListBucketResult>{rest}");
    for (key, bytes, etag) in objects {
        text += &format!("<Contents><Key>{key}</Key><ETag>{etag}</ETag><Size>{bytes}</Size></Contents>");
    }
    Response::new(200).body("application/xml", text + "</ListBucketResult>")
}

/// Decodes the percent signs of a path.
fn decoded(path: &str) -> String {
    let mut pieces = path.split('%');
    let mut bytes = pieces.next().unwrap().as_bytes().to_vec();
    for piece in pieces {
        let (digits, rest) = piece.split_at(2);
        bytes.push(u8::from_str_radix(digits, 16).unwrap());
        bytes.extend(rest.as_bytes());
    }
    String::from_utf8(bytes).unwrap()
}

fn metadata(request: &Request) -> Vec<(String, String)> {
    let is_kept = |name: &str| name.to_ascii_lowercase().starts_with("x-amz-meta-");
    request.headers.iter().filter(|(name, _)| is_kept(name)).cloned().collect()
}

impl Site for S3Site {
    fn answer(&self, request: &Request) -> Response {
        let path = decoded(request.path());
        let Some(key) = path.strip_prefix("/bucket/") else {
            return error(404, "NoSuchBucket", "There is no such bucket");
        };
        let state = &mut *self.0.lock().unwrap();
        match (request.method.as_str(), request.query("uploadId")) {
            ("GET", None) if key.is_empty() && request.query("uploads").is_some() => uploads(state, request),
            ("GET", None) if key.is_empty() => list(state, &request.query("prefix").unwrap_or_default()),
            ("GET" | "HEAD", None) => get(state, key, request),
            ("PUT", None) => {
                if let Some(refused) = unmet(state, key, request) {
                    return refused;
                }
                let stored = Stored { bytes: request.body.clone(), metadata: metadata(request) };
                let response = stored.describe(Response::new(200));
                state.objects.insert(key.to_owned(), stored);
                response
            }
            ("DELETE", None) => {
                state.objects.remove(key);
                Response::new(204)
            }
            ("POST", None) => {
                state.begun += 1;
                let id = format!("upload{}", state.begun);
                let upload = Upload { key: key.to_owned(), metadata: metadata(request), ..Upload::default() };
                state.uploads.insert(id.clone(), upload);
                let text = format!(
                    "<InitiateMultipartUploadResult><UploadId>{id}</UploadId></InitiateMultipartUploadResult>"
                );
                Response::new(200).body("application/xml", text)
            }
            (method, Some(id)) => in_parts(state, method, &id, request),
            _ => error(405, "MethodNotAllowed", ""),
        }
    }
}

/// The refusal of a request whose condition is not met.
fn unmet(state: &State, key: &str, request: &Request) -> Option<Response> {
    let found = state.objects.get(key).map(Stored::etag);
    let is_met = match (request.headers.get("If-None-Match"), request.headers.get("If-Match")) {
        (Some(_), _) => found.is_none(),
        (None, Some(etag)) => found.as_deref() == Some(etag),
        (None, None) => true,
    };
    (!is_met).then(|| error(412, "PreconditionFailed", "At least one of the conditions does not hold"))
}

fn list(state: &State, prefix: &str) -> Response {
    let objects: Vec<_> = state.objects.iter().filter(|(key, _)| key.starts_with(prefix)).collect();
    let etags: Vec<String> = objects.iter().map(|(_, stored)| stored.etag()).collect();
    let lines = objects
        .iter()
        .zip(&etags)
        .map(|((key, stored), etag)| (key.as_str(), stored.bytes.len() as u64, etag.as_str()));
    page(&lines.collect::<Vec<_>>(), "<IsTruncated>false</IsTruncated>")
}

/// One upload in a page.
fn uploads(state: &State, request: &Request) -> Response {
    let prefix = request.query("prefix").unwrap_or_default();
    let after = (request.query("key-marker"), request.query("upload-id-marker"));
    let mut left: Vec<(String, String)> =
        state.uploads.iter().map(|(id, upload)| (upload.key.clone(), id.clone())).collect();
    left.sort();
    left.retain(|(key, id)| {
        let is_after = match &after {
            (Some(last), Some(last_id)) => (key, id) > (last, last_id),
            _ => true,
        };
        key.starts_with(&prefix) && is_after
    });
    let mut text = format!("<ListMultipartUploadsResult><IsTruncated>{}</IsTruncated>", left.len() > 1);
    if let Some((key, id)) = left.first() {
        text += &format!("<NextKeyMarker>{key}</NextKeyMarker><NextUploadIdMarker>{id}</NextUploadIdMarker>");
        text += &format!("<Upload><Key>{key}</Key><UploadId>{id}</UploadId></Upload>");
    }
    Response::new(200).body("application/xml", text + "</ListMultipartUploadsResult>")
}

fn get(state: &State, key: &str, request: &Request) -> Response {
    let Some(stored) = state.objects.get(key) else {
        return error(404, "NoSuchKey", "The specified key does not exist.");
    };
    if let Some(refused) = unmet(state, key, request) {
        return refused;
    }
    let total = stored.bytes.len();
    let range = request.headers.get("Range").and_then(|range| range.strip_prefix("bytes=")?.split_once('-'));
    let Some((first, last)) = range else {
        let response = stored.describe(Response::new(200));
        return response.with("Content-Length", total.to_string()).body("x/y", stored.bytes.clone());
    };
    let (first, last): (usize, usize) = (first.parse().unwrap(), last.parse().unwrap());
    if first >= total {
        return error(416, "InvalidRange", "The requested range is not satisfiable");
    }
    let last = last.min(total - 1);
    stored
        .describe(Response::new(206))
        .with("Content-Range", format!("bytes {first}-{last}/{total}"))
        .body("x/y", &stored.bytes[first..=last])
}

fn in_parts(state: &mut State, method: &str, id: &str, request: &Request) -> Response {
    let Some(upload) = state.uploads.get_mut(id) else {
        return error(404, "NoSuchUpload", "The specified upload does not exist.");
    };
    match method {
        "PUT" => {
            let number = request.query("partNumber").unwrap().parse().unwrap();
            upload.parts.insert(number, request.body.clone());
            Response::new(200).with("ETag", format!("\"part{number}\""))
        }
        "DELETE" => {
            state.uploads.remove(id);
            Response::new(204)
        }
        _ => {
            let key = upload.key.clone();
            if let Some(refused) = unmet(state, &key, request) {
                return refused;
            }
            let Upload { metadata, parts, .. } = state.uploads.remove(id).unwrap();
            let stored = Stored { bytes: parts.into_values().flatten().collect(), metadata };
            state.objects.insert(key, stored);
            let text = "<CompleteMultipartUploadResult><ETag>\"e\"</ETag></CompleteMultipartUploadResult>";
            Response::new(200).body("application/xml", text)
        }
    }
}
