//! The judgements of policies, as errors show them.

pub(crate) use carnet::audit::Judgement;

/// The lines that say why.
pub(crate) fn reasons(judgement: &Judgement) -> Vec<String> {
    let denials = judgement.denials.iter();
    denials.map(|denial| format!("  {}: {} ({})", denial.rule, denial.text, denial.place)).collect()
}
