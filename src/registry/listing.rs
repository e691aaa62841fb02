//! Paged lists of tags, repositories and referrers (distribution-spec, "Content Discovery").

use std::str::FromStr;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use url::Url;

use super::auth::Scope;
use super::client::Registry;
use super::endpoint::Endpoint;
use super::problem::{ErrorCode, Problem};
use super::{NameError, RegistryError, RepositoryName, Tag, link};
use crate::http::{Call, LIST_BYTES_MAX, Method, Response, bounded, header};
use crate::oci::json::{Object, message};
use crate::oci::{Descriptor, Digest, MediaType};

/// The maximum numbers of pages and of items in a list. They also end a list that never ends.
const PAGES_MAX: usize = 2_000;
const ITEMS_MAX: usize = 200_000;

/// The maximum size in bytes of all pages of a list together, because single items may be huge.
const ALL_BYTES_MAX: usize = 128 << 20;

/// The number of items per page to request.
const PAGE_ITEMS: usize = 1_000;

/// One page of a list. The field with the items must be there, or something that is no list would count as an empty
/// one. Registries write `null` for an empty list.
trait Page: DeserializeOwned {
    type Item;

    fn items(self) -> Vec<Self::Item>;
}

/// The answer to a request for a list.
pub(super) enum Listed<T> {
    /// The list.
    Items(Vec<T>),
    /// There is no such list.
    Nothing,
    /// The registry has no list of this kind, whatever is asked for.
    Unsupported,
}

impl<T> Listed<T> {
    fn items(self) -> Option<Vec<T>> {
        match self {
            Listed::Items(items) => Some(items),
            Listed::Nothing | Listed::Unsupported => None,
        }
    }
}

#[derive(Deserialize)]
struct TagPage {
    #[serde(deserialize_with = "Option::deserialize")]
    tags: Option<Vec<String>>,
}

impl Page for TagPage {
    type Item = String;

    fn items(self) -> Vec<String> {
        self.tags.unwrap_or_default()
    }
}

#[derive(Deserialize)]
struct CatalogPage {
    #[serde(deserialize_with = "Option::deserialize")]
    repositories: Option<Vec<String>>,
}

impl Page for CatalogPage {
    type Item = String;

    fn items(self) -> Vec<String> {
        self.repositories.unwrap_or_default()
    }
}

#[derive(Deserialize)]
struct ReferrersPage {
    #[serde(deserialize_with = "Option::deserialize")]
    manifests: Option<Vec<Descriptor>>,
}

impl Page for ReferrersPage {
    type Item = Descriptor;

    fn items(self) -> Vec<Descriptor> {
        self.manifests.unwrap_or_default()
    }
}

/// Lists the tags of a repository; `None` if the repository does not exist.
///
/// # Errors
/// Also if one of them violates the grammar, because it would be left out silently.
pub(super) fn tags(
    registry: &Registry,
    repository: &RepositoryName,
    scope: &Scope,
) -> Result<Option<Vec<Tag>>, RegistryError> {
    let url = registry.endpoint.url(&format!("{repository}/tags/list?n={PAGE_ITEMS}"));
    let request = format!("GET {}", url.path());
    let Some(tags) = all::<TagPage>(registry, &url, scope, None)?.items() else { return Ok(None) };
    parsed(&registry.endpoint, &request, tags.iter()).map(Some)
}

impl Registry {
    /// Lists the repositories of the registry for whose names `matches` returns true; `None` if it has no catalogue.
    ///
    /// # Errors
    /// Also if one of these names violates the grammar, because it would be left out silently.
    #[doc(hidden)]
    pub fn repositories(
        &self,
        matches: &dyn Fn(&str) -> bool,
    ) -> Result<Option<Vec<RepositoryName>>, RegistryError> {
        let url = self.endpoint.url(&format!("_catalog?n={PAGE_ITEMS}"));
        let request = format!("GET {}", url.path());
        let Some(names) = all::<CatalogPage>(self, &url, &Scope::catalog(), None)?.items() else {
            return Ok(None);
        };
        parsed(&self.endpoint, &request, names.iter().filter(|name| matches(name))).map(Some)
    }
}

/// Parses the names in a list.
fn parsed<'a, T: FromStr<Err = NameError>>(
    endpoint: &Endpoint,
    request: &str,
    names: impl Iterator<Item = &'a String>,
) -> Result<Vec<T>, RegistryError> {
    let invalid = |name: &str, error: &NameError| {
        let what = if matches!(error, NameError::Tag { .. }) { "tag" } else { "repository" };
        endpoint
            .unexpected(request, format!("the list has a {what} with an invalid name: {:?}", bounded(name)))
    };
    names.map(|name| name.parse().map_err(|error| invalid(name, &error))).collect()
}

/// Lists the referrers of `subject` from the referrers API at `url`.
///
/// A registry without that API answers in many ways: with a status other than 404, with a redirect to another host, with
/// a page for people, or with the subject itself. None of them is a list.
pub(super) fn referrers(
    registry: &Registry,
    url: &Url,
    scope: &Scope,
    subject: &Digest,
) -> Result<Listed<Descriptor>, RegistryError> {
    all::<ReferrersPage>(registry, url, scope, Some(subject))
}

/// What an answer without a list means: whether the registry has no lists of this kind at all.
fn without_list<T>(response: Response) -> Listed<T> {
    let status = response.status;
    let problem = Problem::of(response);
    let of_this_one = problem.has(ErrorCode::ManifestUnknown) || problem.has(ErrorCode::NameUnknown);
    match status {
        405 | 501 => Listed::Unsupported,
        404 if !of_this_one => Listed::Unsupported,
        _ => Listed::Nothing,
    }
}

/// Whether the answer of a referrers API is something other than a list. An answer that claims to be an index and cannot
/// be read is an error instead, because signatures would be lost silently.
fn is_no_list(content_type: Option<&str>, bytes: &[u8], subject: &Digest) -> bool {
    if subject.same_algorithm(bytes) == *subject {
        return true;
    }
    let json: Option<serde_json::Value> = serde_json::from_slice(bytes).ok();
    let has_manifests = json.is_some_and(|json| json.get("manifests").is_some());
    content_type != Some(MediaType::image_index().as_str()) && !has_manifests
}

/// Reads all pages of a list. A page that breaks is requested again. For referrers, `subject` is what they refer to.
fn all<P: Page>(
    registry: &Registry,
    first: &Url,
    scope: &Scope,
    subject: Option<&Digest>,
) -> Result<Listed<P::Item>, RegistryError> {
    let mut items = Vec::new();
    let mut all_bytes = 0;
    let mut url = first.clone();
    for page in 0..PAGES_MAX {
        let mut call = Call::new(Method::GET, url.clone());
        if subject.is_some() {
            call = call.with(header::ACCEPT, MediaType::image_index().as_str());
        }
        let request = call.describe();
        let send = || match subject {
            Some(_) => registry.call_here(&mut call, scope),
            None => registry.call(&mut call, scope),
        };
        let (response, bytes) = registry.endpoint.whole(&request, LIST_BYTES_MAX, send)?;
        match response.status {
            200 => {}
            // Only the first page tells that there is no list. A later one that is missing is not its end.
            404 if page == 0 => return Ok(without_list(response)),
            300..=399 | 400 | 405 | 406 | 501 if page == 0 && subject.is_some() => {
                return Ok(without_list(response));
            }
            _ => return Err(registry.endpoint.refused(response, &request)),
        }
        let content_type = response.content_type();
        if page == 0 && subject.is_some_and(|subject| is_no_list(content_type.as_deref(), &bytes, subject)) {
            return Ok(Listed::Nothing);
        }
        let next = next_page(registry, &response, first, &request)?;
        all_bytes += bytes.len();
        if all_bytes > ALL_BYTES_MAX {
            return Err(registry.endpoint.unexpected(
                &request,
                format!("the list is longer than the limit of {ALL_BYTES_MAX} bytes"),
            ));
        }
        let page = serde_json::from_slice::<Object<P>>(&bytes).map_err(|error| bounded(&message(&error)));
        let Object(page) = page.map_err(|problem| {
            registry.endpoint.unexpected(&request, format!("expected JSON with a list: {problem}"))
        })?;
        items.extend(page.items());
        if items.len() > ITEMS_MAX {
            return Err(registry
                .endpoint
                .unexpected(&request, format!("the list has more than {ITEMS_MAX} entries")));
        }
        match next {
            None => return Ok(Listed::Items(items)),
            Some(next) if next == url => {
                return Err(registry.endpoint.unexpected(&request, "the list continues with the same page"));
            }
            Some(next) => url = next,
        }
    }
    Err(registry
        .endpoint
        .unexpected(&format!("GET {}", url.path()), format!("the list has more than {PAGES_MAX} pages")))
}

/// The URL of the next page (RFC 8288). It must be a page of the same list, on the registry itself.
fn next_page(
    registry: &Registry,
    response: &Response,
    first: &Url,
    request: &str,
) -> Result<Option<Url>, RegistryError> {
    let endpoint = &registry.endpoint;
    let mut texts = Vec::new();
    for value in response.headers.get_all(header::LINK) {
        let unreadable = |_| endpoint.unexpected(request, "the Link header is not printable ASCII");
        texts.push(value.to_str().map_err(unreadable)?);
    }
    let target = link::next(texts.iter().copied()).map_err(|problem| {
        let shown = bounded(&texts.join(", "));
        endpoint
            .unexpected(request, format!("cannot read the Link header to the next page: {problem}: {shown}"))
    })?;
    let Some(target) = target else { return Ok(None) };
    let elsewhere = |what: &str| endpoint.unexpected(request, format!("{what}: {}", bounded(&target)));
    let url = response.url.join(&target);
    let url = endpoint.over_https(url.map_err(|_| elsewhere("the next page is not a URL"))?);
    if !endpoint.is_own(&url) {
        return Err(elsewhere("the next page is not a URL of the registry"));
    }
    // A redirect may have led to another path.
    if url.path() != first.path() && url.path() != response.url.path() {
        return Err(elsewhere("the next page is not a page of the same list"));
    }
    Ok(Some(url))
}
