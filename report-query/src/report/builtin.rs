//! The reports that come with the crate, as data files.

use std::sync::LazyLock;

use super::definition::ReportDefinition;

const FILES: [&str; 4] = [
    include_str!("password-reset.json"),
    include_str!("password-reset-registration.json"),
    include_str!("self-service-groups.json"),
    include_str!("audit-log.json"),
];

static BUILTINS: LazyLock<Vec<ReportDefinition>> = LazyLock::new(|| {
    let read = |file| serde_json::from_str(file);
    // The files are part of the program; a test reads and binds each.
    FILES
        .iter()
        .map(|file| read(file).unwrap_or_else(|error| unreachable!("a built-in report: {error}")))
        .collect()
});

impl ReportDefinition {
    /// The reports that come with the crate, over the
    /// [activity table](crate::activity). See [the list](super#the-built-in-reports).
    #[must_use]
    pub fn builtins() -> &'static [Self] {
        &BUILTINS
    }

    /// The built-in report of a name or alias, without regard to case.
    #[must_use]
    pub fn builtin(name: &str) -> Option<&'static Self> {
        BUILTINS.iter().find(|report| report.is_called(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::activity::columns;

    #[test]
    fn every_builtin_reads_and_binds() {
        for file in FILES {
            let report: ReportDefinition = serde_json::from_str(file).unwrap();
            report
                .check(&columns::schema())
                .unwrap_or_else(|error| panic!("{}: {error}", report.name));
        }
        assert_eq!(ReportDefinition::builtins().len(), FILES.len());
    }
}
