//! Errors of SSH agents.

use std::io;
use std::path::PathBuf;

use crate::diagnosis::{Advice, Code, Diagnose, Diagnosis};
use crate::trust::key_error::KeyError;

/// An SSH agent did not do what it was asked for.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AgentError {
    /// No agent is known.
    #[error("there is no SSH agent: SSH_AUTH_SOCK is not set")]
    Absent,
    /// The agent cannot be reached.
    #[error("the SSH agent at {socket:?} cannot be reached: {source}")]
    Unreachable {
        /// The path of its socket.
        socket: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// The agent takes too long. It may wait for somebody to confirm.
    #[error("the SSH agent at {socket:?} does not answer within {seconds} seconds")]
    Slow {
        /// The path of its socket.
        socket: PathBuf,
        /// The time limit.
        seconds: u64,
    },
    /// A stop signal came while the agent was at work.
    #[error("a signal ended the run")]
    Interrupted,
    /// The answer is not one of an agent.
    #[error("the SSH agent at {socket:?} gives an answer that is not one of an agent: {detail}")]
    Answer {
        /// The path of its socket.
        socket: PathBuf,
        /// What is wrong with the answer.
        detail: &'static str,
    },
    /// The agent has no such key.
    #[error("the SSH agent has no key {wanted:?}; it has {}", list(has))]
    NoKey {
        /// The comment or fingerprint that was asked for.
        wanted: String,
        /// The comments of the keys that it has.
        has: Vec<String>,
    },
    /// Several keys of the agent have this comment.
    #[error("the SSH agent has several keys {wanted:?}: {}", list(found))]
    Several {
        /// The comment that was asked for.
        wanted: String,
        /// Their fingerprints.
        found: Vec<String>,
    },
    /// The key cannot be used.
    #[error("key {wanted:?} of the SSH agent: {problem}")]
    Key {
        /// The comment or fingerprint that was asked for.
        wanted: String,
        /// The problem with it.
        problem: KeyError,
    },
    /// The agent does not sign with this key.
    #[error("the SSH agent refuses to sign with key {wanted:?}")]
    Refused {
        /// The comment or fingerprint that was asked for.
        wanted: String,
    },
    /// The message is longer than agents take.
    #[error("a message of {bytes} bytes is too long for an SSH agent, which takes at most {limit}")]
    TooLong {
        /// Its size in bytes.
        bytes: usize,
        /// The largest size in bytes.
        limit: usize,
    },
}

fn list(texts: &[String]) -> String {
    match texts {
        [] => "none".to_owned(),
        texts => texts.iter().map(|text| format!("{text:?}")).collect::<Vec<_>>().join(", "),
    }
}

impl Diagnose for AgentError {
    fn diagnosis(&self) -> Diagnosis {
        let code = match self {
            AgentError::Unreachable { source, .. } if source.kind() == io::ErrorKind::PermissionDenied => {
                return Code::AgentUnreachable.with(Some(Advice::CheckPermissions));
            }
            AgentError::Absent | AgentError::Unreachable { .. } => Code::AgentUnreachable,
            AgentError::Slow { .. } => Code::AgentSlow,
            AgentError::Interrupted => Code::Interrupted,
            AgentError::Answer { .. } => Code::AgentAnswer,
            AgentError::NoKey { .. } => Code::AgentKeyMissing,
            AgentError::Several { .. } => Code::AgentKeyAmbiguous,
            AgentError::Key { problem, .. } => return problem.diagnosis(),
            AgentError::Refused { .. } => Code::AgentRefused,
            AgentError::TooLong { .. } => Code::AgentMessageTooLong,
        };
        code.into()
    }
}
