//! Whether a list of objects is the one that was read before, without reading its XML.

use std::borrow::Cow;

use quick_xml::escape::unescape;
use sha2::{Digest as _, Sha256};

use crate::format::Sum;

/// Sums the objects in the pages of a list, as the store writes them. The rest of a page is left out: the name of the next
/// page may be another one each time.
pub(super) struct Pulse {
    /// How an object begins and ends in a page.
    object: (&'static str, &'static str),
    /// The element that names the next page.
    next: &'static str,
    sum: Sha256,
    is_known: bool,
}

impl Pulse {
    pub(super) fn new(object: (&'static str, &'static str), next: &'static str) -> Pulse {
        Pulse { object, next, sum: Sha256::new(), is_known: true }
    }

    /// Takes up a page, and returns what names the next one. A page in another form than stores write has no pulse.
    pub(super) fn next(&mut self, page: &str) -> Option<String> {
        let begin = page.find(self.object.0);
        let end = page.rfind(self.object.1).map(|end| end + self.object.1.len());
        let range = begin.zip(end).filter(|(begin, end)| begin < end);
        let Some((begin, end)) = range else {
            self.is_known = false;
            return None;
        };
        self.sum.update(&page[begin..end]);
        let rest = |text: &str| next(text, self.next);
        let next = rest(&page[..begin]).or_else(|| rest(&page[end..]));
        // A page that says there are more, and does not say where, is for the reader of lists to refuse.
        self.is_known &= next.is_some() || !page[..begin].contains("<IsTruncated>true");
        next
    }

    /// Returns the sum; `None` if there is no object, or if a page had another form.
    pub(super) fn finish(self) -> Option<Sum> {
        self.is_known.then(|| Sum(self.sum.finalize().into()))
    }
}

/// The text of an element without children, if it is there and not empty.
fn next(text: &str, element: &str) -> Option<String> {
    let (_, rest) = text.split_once(&format!("<{element}>"))?;
    let (text, _) = rest.split_once(&format!("</{element}>"))?;
    let text = unescape(text).map_or_else(|_| text.to_owned(), Cow::into_owned);
    Some(text).filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pulse(pages: &[&str]) -> (Vec<Option<String>>, Option<Sum>) {
        let mut pulse = Pulse::new(("<Contents>", "</Contents>"), "NextContinuationToken");
        let next = pages.iter().map(|page| pulse.next(page)).collect();
        (next, pulse.finish())
    }

    #[test]
    fn only_objects_count() {
        let page = |token: &str, key: &str| {
            format!(
                "<L><IsTruncated>true</IsTruncated><NextContinuationToken>{token}</NextContinuationToken>\
                 <Contents><Key>{key}</Key></Contents><Contents><Key>z</Key></Contents></L>"
            )
        };
        let (first, again, other) = (page("a&amp;1", "k"), page("b", "k"), page("b", "l"));
        let (next, sum) = pulse(&[&first]);
        assert_eq!(next, [Some("a&1".to_owned())]);
        assert!(sum.is_some());
        assert_eq!(pulse(&[&again]).1, sum);
        assert_ne!(pulse(&[&other]).1, sum);
        assert_ne!(pulse(&[&first, &again]).1, sum);
    }

    #[test]
    fn another_form_has_no_pulse() {
        for page in [
            "",
            "<L></L>",
            "</Contents><Contents>",
            "<L><IsTruncated>true</IsTruncated><Contents></Contents></L>",
            "<s:Contents></s:Contents>",
        ] {
            assert_eq!(pulse(&[page]), (vec![None], None), "{page}");
        }
    }
}
