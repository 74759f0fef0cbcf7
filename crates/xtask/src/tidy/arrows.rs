//! Which crate may know which: the arrows of `docs/DESIGN.md`, checked against what cargo says.
//!
//! Dependencies of tests alone are free: a suite may use what its crate must not.

use std::path::Path;

use cargo_metadata::{CargoOpt, DependencyKind, MetadataCommand};

/// The crates of this workspace that each of them may name. A crate that is not listed is a breach, so that
/// whoever adds one decides where it stands.
const ARROWS: &[(&str, &[&str])] = &[
    ("chatai-types", &[]),
    ("chatai-config", &["chatai-types"]),
    ("chatai-store", &["chatai-types"]),
    ("chatai-llm", &["chatai-types"]),
    // For its HTTP client, which sends keys to one host and nowhere else.
    ("chatai-mcp", &["chatai-llm"]),
    ("chatai-files", &["chatai-types"]),
    (
        "chatai-rag",
        &["chatai-types", "chatai-store", "chatai-llm", "chatai-files"],
    ),
    (
        "chatai-engine",
        &[
            "chatai-types",
            "chatai-store",
            "chatai-llm",
            "chatai-mcp",
            "chatai-files",
            "chatai-rag",
        ],
    ),
    ("chatai-server", &["chatai-types", "chatai-engine"]),
    (
        "chatai",
        &[
            "chatai-types",
            "chatai-config",
            "chatai-store",
            "chatai-llm",
            "chatai-mcp",
            "chatai-files",
            "chatai-rag",
            "chatai-engine",
            "chatai-server",
        ],
    ),
];

/// Crates that serve tests and development: they may know everything, and nothing shipped may know them.
const FREE: &[&str] = &["chatai-testkit", "xtask"];

/// Outside crates that only some of ours may name.
const RESERVED: &[(&str, &[&str])] = &[
    ("rusqlite", &["chatai-store"]),
    ("libsqlite3-sys", &["chatai-store"]),
    ("postgres", &["chatai-store"]),
    ("tokio-postgres", &["chatai-store"]),
    ("tokio-postgres-rustls", &["chatai-store"]),
    ("axum", &["chatai-server"]),
    ("tower-http", &["chatai-server"]),
    ("utoipa", &["chatai-server"]),
    ("utoipa-axum", &["chatai-server"]),
    ("utoipa-swagger-ui", &["chatai-server"]),
    ("reqwest", &["chatai-llm", "chatai-mcp"]),
    ("rmcp", &["chatai-mcp"]),
    ("dotenvy", &["chatai-config"]),
    ("clap", &["chatai"]),
    ("tracing-subscriber", &["chatai"]),
];

/// A crate of the workspace and what its shipped code may name.
#[derive(Debug)]
pub(crate) struct Package {
    name: String,
    dependencies: Vec<String>,
}

/// The workspace as cargo sees it.
pub(crate) fn workspace(root: &Path) -> Result<Vec<Package>, String> {
    let metadata = MetadataCommand::new()
        .manifest_path(root.join("Cargo.toml"))
        .features(CargoOpt::AllFeatures)
        .no_deps()
        .exec()
        .map_err(|error| format!("`cargo metadata` failed: {error}"))?;
    let packages = metadata.workspace_packages().into_iter().map(|package| Package {
        name: package.name.to_string(),
        dependencies: package
            .dependencies
            .iter()
            .filter(|dependency| dependency.kind != DependencyKind::Development)
            .map(|dependency| dependency.name.clone())
            .collect(),
    });
    Ok(packages.collect())
}

/// Every dependency that should not be.
pub(crate) fn breaches(packages: &[Package]) -> Vec<String> {
    let names: Vec<&str> = packages.iter().map(|package| package.name.as_str()).collect();
    let mut breaches = Vec::new();
    for package in packages
        .iter()
        .filter(|package| !FREE.contains(&package.name.as_str()))
    {
        let Some((_, allowed)) = ARROWS.iter().find(|(name, _)| *name == package.name) else {
            breaches.push(format!(
                "`{}` has no place among the arrows of `xtask/src/tidy/arrows.rs`",
                package.name
            ));
            continue;
        };
        for dependency in &package.dependencies {
            let dependency = dependency.as_str();
            if names.contains(&dependency) && !allowed.contains(&dependency) {
                breaches.push(format!("`{}` must not depend on `{dependency}`", package.name));
            }
            if let Some((_, owners)) = RESERVED.iter().find(|(name, _)| *name == dependency)
                && !owners.contains(&package.name.as_str())
            {
                let owners = owners.join("`, `");
                breaches.push(format!(
                    "`{}` must not name `{dependency}`, only `{owners}` may",
                    package.name
                ));
            }
        }
    }
    breaches
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(name: &str, dependencies: &[&str]) -> Package {
        Package {
            name: name.to_owned(),
            dependencies: dependencies.iter().map(|&name| name.to_owned()).collect(),
        }
    }

    #[test]
    fn wrong_arrows_are_found() {
        let packages = [
            package("chatai-types", &["serde"]),
            package("chatai-store", &["chatai-types", "rusqlite", "chatai-llm"]),
            package("chatai-llm", &["chatai-types", "rusqlite"]),
            package("chatai-server", &["axum", "chatai-store"]),
            package("chatai-testkit", &["axum", "chatai-store"]),
            package("chatai-novel", &[]),
        ];
        assert_eq!(
            breaches(&packages),
            [
                "`chatai-store` must not depend on `chatai-llm`",
                "`chatai-llm` must not name `rusqlite`, only `chatai-store` may",
                "`chatai-server` must not depend on `chatai-store`",
                "`chatai-novel` has no place among the arrows of `xtask/src/tidy/arrows.rs`",
            ]
        );
    }

    #[test]
    fn this_workspace_keeps_its_arrows() {
        assert_eq!(
            breaches(&workspace(&crate::run::root()).unwrap()),
            Vec::<String>::new()
        );
    }
}
