//! What a line is about: a stream, and the pipeline of a station, if the stream is remembered for it alone.

use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};

use crate::format::StreamName;

/// Maximum length of the name of a pipeline, in bytes, as in station files.
const PIPELINE_BYTES_MAX: usize = 50;

/// A stream, `corp-to-high`; or a stream as one pipeline of a station sees it, `mirror/corp-to-high`. `-` stands for
/// bundles without a stream.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Channel {
    /// The pipeline.
    pub pipeline: Option<String>,
    /// The stream.
    pub stream: Option<StreamName>,
}

impl Channel {
    /// The channel of a stream, without a pipeline.
    pub fn of(stream: Option<&StreamName>) -> Channel {
        Channel { pipeline: None, stream: stream.cloned() }
    }

    /// The same channel as a pipeline sees it.
    pub fn in_pipeline(mut self, pipeline: &str) -> Channel {
        self.pipeline = Some(pipeline.to_owned());
        self
    }

    /// The name of the file that is locked while the channel is used.
    pub(super) fn lock_name(&self) -> String {
        let stream = self.stream.as_ref().map_or("-", StreamName::as_str);
        match &self.pipeline {
            Some(pipeline) => format!("stream-{pipeline}.{stream}"),
            None => format!("stream-{stream}"),
        }
    }
}

impl fmt::Display for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(pipeline) = &self.pipeline {
            write!(f, "{pipeline}/")?;
        }
        f.write_str(self.stream.as_ref().map_or("-", StreamName::as_str))
    }
}

impl FromStr for Channel {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let invalid = || "a stream such as corp-to-high, or PIPELINE/STREAM".to_owned();
        let (pipeline, stream) = match text.split_once('/') {
            Some((pipeline, stream)) => (Some(pipeline), stream),
            None => (None, text),
        };
        let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        let fits =
            |name: &str| (1..=PIPELINE_BYTES_MAX).contains(&name.len()) && name.bytes().all(is_allowed);
        if !pipeline.is_none_or(fits) {
            return Err(invalid());
        }
        let stream = match stream {
            "-" => None,
            stream => Some(stream.parse().map_err(|_| invalid())?),
        };
        Ok(Channel { pipeline: pipeline.map(str::to_owned), stream })
    }
}

impl Serialize for Channel {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(feature = "schemas")]
impl schemars::JsonSchema for Channel {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Channel".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string", "description": "a stream, or PIPELINE/STREAM; - for no stream" })
    }
}
