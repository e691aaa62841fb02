//! Rules that change the answers to some requests.

use super::{Delivery, Request, Response};

type Deed = Box<dyn Fn(&Request, &dyn Fn(&Request) -> Response) -> Response + Send + Sync>;

/// A change to the answers to requests with one method and a path that matches a pattern.
pub(crate) struct Fault {
    method: &'static str,
    pattern: String,
    skip: usize,
    times: usize,
    deed: std::sync::Arc<Deed>,
    /// This many bytes of the request's body are read, then the connection is reset.
    pub(super) intake: Option<u64>,
    /// The answer is sent before the request's body is read, and then the connection is closed.
    pub(super) unread: bool,
}

impl Fault {
    /// For requests with `method` (`*`: any) and a path that matches `pattern`, where `*` matches any text.
    pub(crate) fn on(method: &'static str, pattern: &str) -> Fault {
        Fault {
            method,
            pattern: pattern.to_owned(),
            skip: 0,
            times: usize::MAX,
            deed: std::sync::Arc::new(Box::new(|request, site| site(request))),
            intake: None,
            unread: false,
        }
    }

    /// The first `skip` matching requests are answered normally.
    pub(crate) fn after(self, skip: usize) -> Fault {
        Fault { skip, ..self }
    }

    /// Only this many matching requests are affected.
    pub(crate) fn times(self, times: usize) -> Fault {
        Fault { times, ..self }
    }

    /// Another answer. The site does not see the request.
    pub(crate) fn answers(self, response: Response) -> Fault {
        self.answers_with(move |_| response.clone())
    }

    pub(crate) fn answers_with(self, answer: impl Fn(&Request) -> Response + Send + Sync + 'static) -> Fault {
        Fault { deed: std::sync::Arc::new(Box::new(move |request, _| answer(request))), ..self }
    }

    /// Another client's request comes just before.
    pub(crate) fn comes_after(self, other: Request) -> Fault {
        let deed = move |request: &Request, site: &dyn Fn(&Request) -> Response| {
            let answer = site(&other);
            assert_eq!(answer.status, 201, "the other client's request fails");
            site(request)
        };
        Fault { deed: std::sync::Arc::new(Box::new(deed)), ..self }
    }

    /// Changes the answer of the site.
    pub(crate) fn alters(self, change: impl Fn(&mut Response) + Send + Sync + 'static) -> Fault {
        let deed = move |request: &Request, site: &dyn Fn(&Request) -> Response| {
            let mut response = site(request);
            change(&mut response);
            response
        };
        Fault { deed: std::sync::Arc::new(Box::new(deed)), ..self }
    }

    /// Changes the request before the site sees it, such as by removing a header field.
    pub(crate) fn mishears(self, change: impl Fn(&mut Request) + Send + Sync + 'static) -> Fault {
        let deed = move |request: &Request, site: &dyn Fn(&Request) -> Response| {
            let mut request = request.clone();
            change(&mut request);
            site(&request)
        };
        Fault { deed: std::sync::Arc::new(Box::new(deed)), ..self }
    }

    pub(crate) fn delivers(self, delivery: Delivery) -> Fault {
        self.alters(move |response| response.delivery = delivery)
    }

    /// Resets the connection after this many bytes of the request's body. The bytes of a PATCH are kept.
    pub(crate) fn takes_only(self, bytes: u64) -> Fault {
        Fault { intake: Some(bytes), ..self }
    }

    /// Answers without waiting for the request's body.
    pub(crate) fn at_once(self) -> Fault {
        Fault { unread: true, ..self }
    }

    /// The first fault for this request. Its counter is increased.
    pub(super) fn claim(faults: &mut [Fault], request: &Request) -> Option<Fault> {
        for fault in faults {
            let method = fault.method == "*" || fault.method == request.method;
            if !method || fault.times == 0 || !alike(&fault.pattern, request.path()) {
                continue;
            }
            if fault.skip > 0 {
                fault.skip -= 1;
                continue;
            }
            fault.times = fault.times.saturating_sub(usize::from(fault.times != usize::MAX));
            let deed = std::sync::Arc::clone(&fault.deed);
            return Some(Fault { pattern: String::new(), deed, ..*fault });
        }
        None
    }

    pub(super) fn answer(&self, request: &Request, site: impl Fn(&Request) -> Response) -> Response {
        (self.deed)(request, &site)
    }
}

/// Whether `text` matches `pattern`, where `*` matches any text.
fn alike(pattern: &str, text: &str) -> bool {
    let Some((start, rest)) = pattern.split_once('*') else { return pattern == text };
    let Some(text) = text.strip_prefix(start) else { return false };
    (0..=text.len()).filter(|at| text.is_char_boundary(*at)).any(|at| alike(rest, &text[at..]))
}
