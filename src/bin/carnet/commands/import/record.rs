//! Fills the transfer record of an import by hand.

use carnet::arrival::Bundle;
use carnet::artifacts::RegistryDestination;
use carnet::diagnosis::count;
use carnet::environment::Environment;
use carnet::import::ImportReport;
use carnet::medium::ChunkPlace;
use carnet::runs::{PipelineType, Place, RunStatus};
use carnet::station::{Proven, note_arrived, note_file_sums, note_imported};
use carnet::sums::SumFunction;
use carnet::trust::TrustPolicy;

use super::PushArgs;
use crate::command_error::CommandError;
use crate::gate::GateArgs;
use crate::sum_option::SumOption;
use crate::transfer_record::TransferRecordFiles;

/// The transfer record of an import, before the import.
pub(in crate::commands) struct ImportRecord<'a> {
    pub(super) files: TransferRecordFiles,
    pub(super) places: &'a [ChunkPlace],
    pub(super) policy: Option<&'a TrustPolicy>,
    /// The sums that were asked for.
    pub(super) file_sums: &'a [SumOption],
}

impl ImportRecord<'_> {
    /// Writes the record of an import that ended, perhaps early.
    pub(super) fn write(
        self,
        bundle: &Bundle,
        to: &RegistryDestination,
        push: &PushArgs,
        gate: Option<&GateArgs>,
        report: &ImportReport,
        environment: &Environment<'_>,
    ) -> Result<(), CommandError> {
        let options = [
            ("--overwrite-tags", push.overwrite_tags),
            ("--backup-tags", push.backup_tags.is_some()),
            ("--continue-on-errors", push.continue_on_errors),
            ("--no-referrers", push.no_referrers),
        ];
        let kind = self.places.first().map_or("Folder", ChunkPlace::kind).to_owned();
        let uri = self.places.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
        let target = Place { kind: "Registry".to_owned(), uri: to.to_string() };
        let mut record = self.files.record(PipelineType::Import, Place { kind, uri }, target, &options);
        note_arrived(&mut record, bundle, Proven::Meanwhile);
        let functions: Vec<SumFunction> = self.file_sums.iter().map(|&option| option.into()).collect();
        let functions = if functions.is_empty() { None } else { Some(functions.as_slice()) };
        note_file_sums(&mut record, bundle, functions, environment);
        note_imported(&mut record, report);
        record.policy_sha256 = self.policy.and_then(TrustPolicy::file_sum).map(ToString::to_string);
        record.checks.extend(gate.into_iter().flat_map(GateArgs::checks));
        record.status = RunStatus::Succeeded;
        if let Some(problem) = &report.ended_by {
            record.status = RunStatus::Failed;
            record.error_code = Some(problem.code.to_string());
            record.pipeline_run_error_message = Some(problem.message.clone());
        } else if report.failed() > 0 {
            record.status = RunStatus::Failed;
            let failed = count(report.failed() as u64, "artifact", "artifacts");
            record.pipeline_run_error_message = Some(format!("{failed} failed; the others were imported"));
        }
        self.files.write(record, environment.clock.now())
    }
}
