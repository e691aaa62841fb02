//! What a statement is about: a package, an image, or a package in an image.

use super::purl::Purl;

/// The names of one thing. One that matches is enough.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Component {
    purls: Vec<Purl>,
    /// Digests, e.g. `sha256:…`.
    digests: Vec<String>,
}

/// A product, or parts of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Product {
    pub whole: Component,
    /// If there are parts, the statement is about them only.
    pub parts: Vec<Component>,
}

impl Component {
    /// Adds a package URL, or a text that ends in one after a `#`. Other texts name nothing that can be found.
    pub(super) fn name(&mut self, text: &str) {
        let inside = text.rsplit_once("#pkg:").map(|(_, rest)| format!("pkg:{rest}"));
        self.purls.extend(Purl::read(inside.as_deref().unwrap_or(text)));
    }

    /// Adds the hex digits of a sum.
    pub(super) fn sum(&mut self, algorithm: &str, digits: &str) {
        let name = algorithm.to_ascii_lowercase().replace('-', "");
        if name == "sha256" || name == "sha512" {
            self.digests.push(format!("{name}:{}", digits.to_ascii_lowercase()));
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.purls.is_empty() && self.digests.is_empty()
    }

    fn is_package(&self, package: &Purl) -> bool {
        self.purls.iter().any(|purl| purl.includes(package))
    }

    fn is_image(&self, images: &[&str]) -> bool {
        images.iter().any(|image| match Purl::read(image) {
            Some(image) => self.is_package(&image),
            None => {
                self.purls.iter().any(|purl| purl.is_image(image))
                    || self.digests.iter().any(|digest| digest == image)
            }
        })
    }
}

impl Product {
    /// Whether it is this package, or an image with it.
    pub(super) fn has(&self, package: &Purl, images: &[&str]) -> bool {
        if self.parts.is_empty() {
            return self.whole.is_package(package) || self.whole.is_image(images);
        }
        self.whole.is_image(images) && self.parts.iter().any(|part| part.is_package(package))
    }
}
