//! `config iam`: prints the IAM policies, and writes them to files where asked to.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use super::Failure;
use crate::config::{Estate, environment};
use crate::domain::iam::{Asked, Refused, Rights, Walls};

/// What `config iam` prints.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IamFormat {
    /// Sections for people, with the documents in them.
    Text,
    /// One JSON object for programs.
    Json,
}

/// How `config iam` was called.
#[derive(Debug)]
pub struct IamOptions {
    /// Who the service is, and how tight the walls are.
    pub asked: Asked,
    /// What goes to stdout.
    pub format: IamFormat,
    /// Where each document goes to a file.
    pub out: Option<PathBuf>,
}

impl From<Refused> for Failure {
    fn from(refused: Refused) -> Self {
        Self::Misconfigured(refused.to_string())
    }
}

/// `config iam`: prints what Entryway needs in AWS for exactly the configured clusters.
///
/// # Errors
/// What is wrong with the clusters or the options, all of it; a file that cannot be written.
pub fn config_iam(path: Option<&Path>, options: &IamOptions) -> Result<(), Failure> {
    let walls = Walls::read(&options.asked)?;
    let estate = Estate::load(path, environment())?;
    let rights = Rights::of(&estate.installation, &estate.clusters, &walls)?;
    if let Some(folder) = &options.out {
        write(&rights, folder)?;
    }
    let text = match options.format {
        IamFormat::Json => {
            serde_json::to_string_pretty(&rights).map_err(|error| Failure::Failed(error.to_string()))? + "\n"
        }
        IamFormat::Text => rights.to_text(options.out.as_deref().map(Path::to_string_lossy).as_deref()),
    };
    super::print(&text)?;
    if let Some(folder) = &options.out {
        for name in left_over(&rights, folder) {
            eprintln!("{} was not written now; remove it if it is of an earlier run", folder.join(name).display());
        }
    }
    Ok(())
}

fn write(rights: &Rights, folder: &Path) -> Result<(), Failure> {
    let failed = |path: &Path, error: std::io::Error| {
        Failure::Failed(format!("{} cannot be written: {error}; name another folder with --out", path.display()))
    };
    fs::create_dir_all(folder).map_err(|error| failed(folder, error))?;
    for policy in rights.policies() {
        let path = folder.join(&policy.file);
        fs::write(&path, policy.document.json() + "\n").map_err(|error| failed(&path, error))?;
    }
    Ok(())
}

/// JSON files in the folder that are none of ours: of clusters or roles that are gone, most likely.
fn left_over(rights: &Rights, folder: &Path) -> BTreeSet<String> {
    let ours: BTreeSet<&str> = rights.policies().map(|policy| &*policy.file).collect();
    let names = fs::read_dir(folder).into_iter().flatten().flatten();
    names
        .filter_map(|entry| entry.file_name().into_string().ok())
        .filter(|name| Path::new(name).extension().is_some_and(|kind| kind == "json") && !ours.contains(&**name))
        .collect()
}
