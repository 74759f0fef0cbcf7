//! The schema's history: forward only, paired by number for the two databases, each step one transaction.
//!
//! What is here is common to both: the list, and which part of it a database still lacks. How a step is
//! applied is the business of the database's own module.

mod list;

use crate::OpenError;

/// What becomes of a database whose schema is not the newest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Upgrade {
    /// It is brought up to date.
    #[default]
    Apply,
    /// It is left as it is, and refused as [`OpenError::Older`].
    Refuse,
}

/// One step of the schema.
#[derive(Debug)]
pub(crate) struct Migration {
    pub(crate) version: i64,
    pub(crate) name: &'static str,
    pub(crate) sqlite: &'static str,
    pub(crate) postgres: &'static str,
}

/// A step that a database has, as its own table records it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Applied {
    pub(crate) version: i64,
    pub(crate) name: String,
}

/// Every step, in order.
pub(crate) fn all() -> &'static [Migration] {
    list::MIGRATIONS
}

/// The steps of `all` to apply to a database that has those `applied`.
pub(crate) fn to_apply<'m>(
    all: &'m [Migration],
    applied: &[Applied],
    upgrade: Upgrade,
) -> Result<&'m [Migration], OpenError> {
    let steps = pending(all, applied)?;
    if upgrade == Upgrade::Refuse && !steps.is_empty() {
        let found = applied.last().map_or(0, |step| step.version);
        let known = latest(all);
        return Err(OpenError::Older { found, known });
    }
    Ok(steps)
}

/// Says in the log what was applied: in a line each, but of a new database in one.
pub(crate) fn report(steps: &[Migration]) {
    match steps {
        [Migration { version: 1, .. }, .., last] => {
            tracing::info!(version = last.version, "made the tables of a new database");
        }
        _ => {
            for step in steps {
                tracing::info!(version = step.version, name = step.name, "applied a migration");
            }
        }
    }
}

/// The steps of `all` that come after those `applied`.
pub(crate) fn pending<'m>(all: &'m [Migration], applied: &[Applied]) -> Result<&'m [Migration], OpenError> {
    let known = latest(all);
    if let Some(newest) = applied.iter().map(|step| step.version).max()
        && newest > known
    {
        return Err(OpenError::Newer { found: newest, known });
    }
    for (step, ours) in applied.iter().zip(all) {
        if (step.version, step.name.as_str()) != (ours.version, ours.name) {
            return Err(OpenError::Foreign(format!(
                "its migration {} is `{}`, ours is {} `{}`",
                step.version, step.name, ours.version, ours.name
            )));
        }
    }
    Ok(&all[applied.len()..])
}

/// The version that a database has after all steps.
pub(crate) fn latest(all: &[Migration]) -> i64 {
    all.last().map_or(0, |step| step.version)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{collections::BTreeSet, path::Path};

    fn step(version: i64, name: &'static str) -> Migration {
        Migration {
            version,
            name,
            sqlite: "",
            postgres: "",
        }
    }

    fn applied(steps: &[(i64, &str)]) -> Vec<Applied> {
        steps
            .iter()
            .map(|(version, name)| Applied {
                version: *version,
                name: (*name).to_owned(),
            })
            .collect()
    }

    #[test]
    fn numbers_run_from_one_without_a_gap() {
        let versions: Vec<_> = all().iter().map(|step| step.version).collect();
        assert_eq!(versions, (1..=versions.len() as i64).collect::<Vec<_>>());
    }

    #[test]
    fn both_folders_hold_exactly_the_listed_files() {
        let listed: BTreeSet<_> = all()
            .iter()
            .map(|step| format!("{:04}_{}.sql", step.version, step.name))
            .collect();
        for folder in ["sqlite", "postgres"] {
            let path = Path::new(env!("CARGO_MANIFEST_DIR"))
                .join("migrations")
                .join(folder);
            let found: BTreeSet<_> = std::fs::read_dir(path)
                .unwrap()
                .map(|entry| entry.unwrap().file_name().into_string().unwrap())
                .collect();
            assert_eq!(found, listed, "{folder}");
        }
    }

    #[test]
    fn what_is_pending_follows_what_is_applied() {
        let all = [step(1, "one"), step(2, "two")];
        assert_eq!(pending(&all, &[]).unwrap().len(), 2);
        assert_eq!(pending(&all, &applied(&[(1, "one")])).unwrap()[0].version, 2);
        assert!(
            pending(&all, &applied(&[(1, "one"), (2, "two")]))
                .unwrap()
                .is_empty()
        );
    }

    #[test]
    fn who_wants_nothing_changed_is_told_what_is_missing() {
        let all = [step(1, "one"), step(2, "two")];
        let one = applied(&[(1, "one")]);
        assert_eq!(to_apply(&all, &one, Upgrade::Apply).unwrap().len(), 1);
        let refused = to_apply(&all, &one, Upgrade::Refuse);
        assert!(matches!(refused, Err(OpenError::Older { found: 1, known: 2 })));
    }

    #[test]
    fn a_history_that_is_not_ours_is_refused() {
        let all = [step(1, "one"), step(2, "two")];
        let newer = pending(&all, &applied(&[(1, "one"), (2, "two"), (3, "three")]));
        assert!(matches!(newer, Err(OpenError::Newer { found: 3, known: 2 })));
        for other in [&[(1, "uno")][..], &[(2, "two")][..]] {
            assert!(matches!(
                pending(&all, &applied(other)),
                Err(OpenError::Foreign(_))
            ));
        }
    }
}
