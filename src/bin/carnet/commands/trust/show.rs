//! `carnet trust show` and `carnet trust check`: what a trust file says, and whether it can be used.

use std::path::PathBuf;

use carnet::diagnosis::{Code, count};
use carnet::format::signature::SignatureAlgorithm;
use carnet::format::{Profile, Timestamp};
use carnet::trust::{Demand, PolicyKey, Revocation, Role, TrustPolicy};
use clap::Args;
use schemars::JsonSchema;
use serde::Serialize;

use crate::command::Context;
use crate::command_error::CommandError;
use crate::exit;
use crate::plain::plain_path;
use crate::screen::say;
use crate::tables::table;

/// Print what a trust file says: keys with their ids, holders, roles and validity
#[derive(Args)]
#[command(after_help = "Example:\n  carnet trust show trust.toml")]
pub(super) struct Show {
    /// The trust file
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

/// Check that a trust file can accept bundles now, and warn of what ends soon
#[derive(Args)]
#[command(
    after_help = "Exit code 0 if it can, 3 if it cannot.\n\nExample:\n  carnet trust check trust.toml --days 60"
)]
pub(super) struct Check {
    /// The trust file
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Warn of what ends within this number of days
    #[arg(long, value_name = "N", default_value_t = 30, value_parser = clap::value_parser!(u32).range(..=3650))]
    days: u32,
}

/// The output of `carnet trust show`.
#[derive(Serialize, JsonSchema)]
pub(super) struct TrustFileReport {
    /// The SHA-256 of the file.
    sha256: Option<String>,
    /// Its number.
    serial: Option<u64>,
    /// How many holders must release a bundle.
    release_threshold: u8,
    /// How many roots must sign a change of the file; absent if it has none.
    root_threshold: Option<u8>,
    /// What each holder must sign with, one entry for each signature, e.g. `either ed25519 or ecdsap384`; absent if any algorithm is enough.
    algorithms: Option<Vec<String>>,
    /// The profile that bundles must keep; absent if they need none.
    profile: Option<Profile>,
    /// When the file expires.
    expires: Option<String>,
    /// Its keys.
    keys: Vec<TrustKeyReport>,
}

/// A key of a trust file.
#[derive(Serialize, JsonSchema)]
struct TrustKeyReport {
    holder: String,
    key: String,
    algorithm: String,
    roles: Vec<Role>,
    streams: Option<Vec<String>>,
    valid_from: Option<String>,
    valid_until: Option<String>,
    /// Whether each signature must show that a FIDO token verified its holder.
    verify_required: bool,
    /// Whether it is revoked, and for what.
    revoked: Option<String>,
}

/// The output of `carnet trust check`.
#[derive(Serialize, JsonSchema)]
pub(super) struct TrustCheckReport {
    /// Whether the trust file can accept and release bundles now.
    usable: bool,
    /// Why it cannot.
    problems: Vec<String>,
    /// What ends soon, or is only half done.
    warnings: Vec<String>,
}

impl Show {
    pub(super) fn run(self, context: &Context<'_>) -> Result<u8, CommandError> {
        let policy = TrustPolicy::load(&self.file)?;
        let report = report(&policy);
        context.screen.answer(&report, || text(&report));
        Ok(exit::DONE)
    }
}

fn report(policy: &TrustPolicy) -> TrustFileReport {
    let key = |key: &PolicyKey| TrustKeyReport {
        holder: key.holder().to_owned(),
        key: key.key().id().to_string(),
        algorithm: key.key().algorithm().to_string(),
        roles: key.roles().to_vec(),
        streams: key.streams().map(<[String]>::to_vec),
        valid_from: key.valid_from().map(|time| time.to_string()),
        valid_until: key.valid_until().map(|time| time.to_string()),
        verify_required: key.verify_required(),
        revoked: key.revoked().map(revoked),
    };
    TrustFileReport {
        sha256: policy.file_sum().map(ToString::to_string),
        serial: policy.serial(),
        release_threshold: policy.release_threshold(),
        root_threshold: policy.root_threshold(),
        algorithms: policy.algorithms().map(Demand::words),
        profile: policy.algorithms().and_then(Demand::profile),
        expires: policy.expires().map(|time| time.to_string()),
        keys: policy.keys().iter().map(key).collect(),
    }
}

fn revoked(revocation: Revocation) -> String {
    match revocation {
        Revocation::Undated => "yes".to_owned(),
        Revocation::At(time) => time.to_string(),
        Revocation::CreatedFrom(time) => format!("created from {time}"),
        Revocation::SequenceFrom(from) => format!("number {from} on"),
    }
}

fn text(report: &TrustFileReport) -> String {
    let mut out = String::new();
    let mut line = |what: &str, value: Option<String>| {
        if let Some(value) = value {
            out += &format!("{what:<18} {value}\n");
        }
    };
    line("sha256", report.sha256.clone());
    line("serial", report.serial.map(|serial| serial.to_string()));
    line("release-threshold", Some(report.release_threshold.to_string()));
    line("root-threshold", report.root_threshold.map(|threshold| threshold.to_string()));
    line("algorithms", report.algorithms.as_ref().map(|all| all.join(" and ")));
    line("profile", report.profile.map(|profile| profile.to_string()));
    line("expires", report.expires.clone());
    let dash = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
    let row = |key: &TrustKeyReport| {
        vec![
            key.holder.clone(),
            key.key[..16].to_owned(),
            key.algorithm.clone(),
            key.roles.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "),
            key.streams.as_ref().map_or_else(|| "all".to_owned(), |streams| streams.join(" ")),
            dash(&key.valid_from),
            dash(&key.valid_until),
            dash(&key.revoked),
        ]
    };
    let header = ["holder", "key", "algorithm", "roles", "streams", "from", "until", "revoked"];
    out + &table(&header, &[], report.keys.iter().map(row).collect())
}

impl Check {
    pub(super) fn run(self, context: &Context<'_>) -> Result<u8, CommandError> {
        let policy = TrustPolicy::load(&self.file)?;
        let now = context.environment.clock.now();
        let report = check(&policy, now, self.days);
        context.screen.answer(&report, || {
            let lines = |word: &str, all: &[String]| -> String {
                all.iter().map(|line| format!("{word}: {line}\n")).collect()
            };
            let verdict = if report.usable { "usable" } else { "NOT USABLE" };
            format!(
                "{}{}trust file {} is {verdict} at {now}\n",
                lines("problem", &report.problems),
                lines("warning", &report.warnings),
                plain_path(&self.file)
            )
        });
        if report.usable {
            return Ok(exit::DONE);
        }
        say(&format!("error[{}]: {}", Code::TrustNotUsable, report.problems.join("; ")));
        Ok(exit::code(Code::TrustNotUsable.failure()))
    }
}

/// Judges a trust file at a time.
fn check(policy: &TrustPolicy, now: Timestamp, days: u32) -> TrustCheckReport {
    let (mut problems, mut warnings) = (Vec::new(), Vec::new());
    let soon = now.plus_seconds(u64::from(days) * 86_400).unwrap_or(now);
    if let Some(expires) = policy.expires() {
        if expires <= now.get() {
            problems.push(format!("it expired at {expires}"));
        } else if expires <= soon.get() {
            warnings.push(format!("it expires at {expires}"));
        }
    }
    let is_valid = |key: &PolicyKey, at: Timestamp| {
        !key.revoked().is_some_and(|revocation| is_revoked(revocation, at))
            && key.valid_from().is_none_or(|from| from <= at.get())
            && key.valid_until().is_none_or(|until| at.get() < until)
    };
    let able = |role: Role, at: Timestamp| {
        let of = |holder: &str, algorithm: Option<SignatureAlgorithm>| {
            policy.keys().iter().any(|key| {
                key.holder() == holder
                    && key.roles().contains(&role)
                    && is_valid(key, at)
                    && algorithm.is_none_or(|algorithm| key.key().algorithm() == algorithm)
            })
        };
        let mut holders: Vec<&str> = policy.keys().iter().map(PolicyKey::holder).collect();
        holders.sort_unstable();
        holders.dedup();
        let whole = |holder: &&&str| match policy.algorithms() {
            None => of(holder, None),
            Some(demand) => demand.is_met(|algorithm| of(holder, Some(algorithm))),
        };
        holders.iter().filter(whole).count()
    };
    let mut judge = |role: Role, needed: u8| {
        let needed_text = count(needed.into(), "is needed", "are needed");
        let sentence = |found: usize| {
            format!("{} with a valid key as {role}, {needed_text}", count(found as u64, "holder", "holders"))
        };
        let (is, will) = (able(role, now), able(role, soon));
        if is < usize::from(needed) {
            problems.push(sentence(is));
        } else if will < usize::from(needed) {
            warnings.push(format!("in {days} days: {}", sentence(will)));
        }
    };
    judge(Role::Packer, 1);
    judge(Role::Releaser, policy.release_threshold());
    if let Some(threshold) = policy.root_threshold() {
        judge(Role::Root, threshold);
    }
    for key in policy.keys() {
        let until = key.valid_until().filter(|until| now.get() < *until && *until <= soon.get());
        if let Some(until) = until.filter(|_| is_valid(key, now)) {
            warnings.push(format!(
                "the key {} of {} is valid until {until}",
                key.key().id().short(),
                key.holder()
            ));
        }
    }
    for key in policy.keys() {
        if let Some(Revocation::SequenceFrom(from)) = key.revoked() {
            let (key, holder) = (key.key().id().short(), key.holder());
            warnings.push(format!("the key {key} of {holder} counts only for numbers below {from}"));
        }
    }
    if policy.root_threshold().is_none() {
        warnings.push("it has no roots: it can be changed by hand only".to_owned());
    }
    TrustCheckReport { usable: problems.is_empty(), problems, warnings }
}

/// Whether nothing counts that a key signs at a time. A revocation from a number on does not tell.
fn is_revoked(revocation: Revocation, at: Timestamp) -> bool {
    match revocation {
        Revocation::Undated | Revocation::At(_) => true,
        Revocation::CreatedFrom(from) => at.get() >= from,
        Revocation::SequenceFrom(_) => false,
    }
}
