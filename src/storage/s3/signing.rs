//! Signatures of requests, version 4 (AWS documentation, "Create a signed AWS API request").

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Digest as _, Sha256};
use url::Url;

use super::credentials::Keys;
use crate::format::Timestamp;
use crate::http::{Call, HeaderName, header};

/// The payload hash of a request whose body is not signed.
pub(super) const EMPTY_SHA256: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

fn hmac(key: &[u8], text: &str) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("a key of any length");
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().into()
}

/// The host of a URL as it stands in the `Host` header.
fn host(url: &Url) -> String {
    let name = url.host_str().unwrap_or_default();
    url.port().map_or_else(|| name.to_owned(), |port| format!("{name}:{port}"))
}

/// Signs a call for a region: adds the date, the hash of the payload, the token and the signature. All headers that it has
/// are signed, so that no range or condition gets lost on the way unnoticed. The query of the URL must be sorted.
/// `payload_sha256` is in hex.
pub(super) fn sign(call: &mut Call<'_>, keys: &Keys, region: &str, now: Timestamp, payload_sha256: &str) {
    let time = now.to_string().replace(['-', ':'], "");
    let day = &time[..8];
    let add = |call: &mut Call<'_>, name: &'static str, value: &str| {
        call.headers.push((HeaderName::from_static(name), value.to_owned()));
    };
    add(call, "x-amz-date", &time);
    add(call, "x-amz-content-sha256", payload_sha256);
    if let Some(token) = &keys.token {
        add(call, "x-amz-security-token", token);
    }
    let mut signed: Vec<(String, String)> = call
        .headers
        .iter()
        .map(|(name, value)| {
            let words: Vec<&str> = value.split_whitespace().collect();
            (name.as_str().to_owned(), words.join(" "))
        })
        .collect();
    signed.push(("host".to_owned(), host(&call.url)));
    signed.sort();
    let names: Vec<&str> = signed.iter().map(|(name, _)| name.as_str()).collect();
    let names = names.join(";");
    let lines: String = signed.iter().map(|(name, value)| format!("{name}:{value}\n")).collect();
    let (path, query) = (call.url.path(), call.url.query().unwrap_or_default());
    let request = format!("{}\n{path}\n{query}\n{lines}\n{names}\n{payload_sha256}", call.method);
    let scope = format!("{day}/{region}/s3/aws4_request");
    let request = hex::encode(Sha256::digest(request.as_bytes()));
    let text = format!("AWS4-HMAC-SHA256\n{time}\n{scope}\n{request}");
    let key = hmac(format!("AWS4{}", keys.secret.as_str()).as_bytes(), day);
    let key = [region, "s3", "aws4_request"].iter().fold(key, |key, part| hmac(&key, part));
    let signature = hex::encode(hmac(&key, &text));
    let id = &keys.id;
    let value =
        format!("AWS4-HMAC-SHA256 Credential={id}/{scope}, SignedHeaders={names}, Signature={signature}");
    call.headers.push((header::AUTHORIZATION, value));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::Method;

    /// The examples in the AWS documentation, "Signature Calculations for the Authorization Header".
    #[test]
    fn signs_the_published_examples() {
        let keys = Keys {
            id: "AKIAIOSFODNN7EXAMPLE".to_owned(),
            secret: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY".to_owned().into(),
            token: None,
            expires: None,
        };
        let now: Timestamp = "2013-05-24T00:00:00Z".parse().unwrap();
        for (url, range, expected) in [
            (
                "https://examplebucket.s3.amazonaws.com/test.txt",
                Some("bytes=0-9"),
                "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
            ),
            (
                "https://examplebucket.s3.amazonaws.com/?lifecycle=",
                None,
                "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543",
            ),
            (
                "https://examplebucket.s3.amazonaws.com/?max-keys=2&prefix=J",
                None,
                "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7",
            ),
        ] {
            let mut call = Call::new(Method::GET, Url::parse(url).unwrap());
            if let Some(range) = range {
                call = call.with(header::RANGE, range);
            }
            sign(&mut call, &keys, "us-east-1", now, EMPTY_SHA256);
            let (_, value) = call.headers.last().unwrap();
            assert!(value.ends_with(&format!("Signature={expected}")), "{url}: {value}");
        }
    }
}
