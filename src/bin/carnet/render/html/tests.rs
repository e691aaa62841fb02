//! Tests of the page as text. How a browser shows it is in `tests/carnet/audits/page.rs`.
