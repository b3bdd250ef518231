//! The profiles that `entryway login` keeps: for each a service, a token, and whose it is. The file holds tokens, so only its
//! owner may read it; it is made so, and refused when it is not.

use std::collections::BTreeMap;
use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::failure::Failure;

/// The profile that is meant where none is named.
pub(super) const USUAL: &str = "default";

/// Everything that is in the file.
#[derive(Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Profiles {
    /// By name.
    #[serde(default)]
    pub(super) profiles: BTreeMap<String, Profile>,
}

/// One service and how to speak to it.
#[derive(Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Profile {
    /// Where the service is.
    pub(super) url: String,
    /// Who the token says one is; for people who read the file.
    pub(super) user: String,
    /// The bearer token.
    pub(super) token: String,
    /// Whether the token may go over plain http.
    #[serde(default)]
    pub(super) allow_http: bool,
}

/// The file below `config_home`.
pub(super) fn file(config_home: &Path) -> PathBuf {
    config_home.join("entryway").join("profiles.toml")
}

impl Profiles {
    /// What is in the file at `path`; nothing where there is none.
    ///
    /// # Errors
    /// When others can read it, or it is not one.
    pub(super) fn load(path: &Path) -> Result<Self, Failure> {
        let told = |what: String| Failure::Usage(format!("{}: {what}", path.display()));
        let mode = match fs::metadata(path) {
            Ok(found) => found.mode() & 0o777,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => return Err(told(error.to_string())),
        };
        if mode & 0o077 != 0 {
            let path = path.display();
            return Err(told(format!("others may read your tokens (mode {mode:o}); run chmod 600 {path}")));
        }
        let text = fs::read_to_string(path).map_err(|error| told(error.to_string()))?;
        // What the parser says quotes the line, which may be that with the token.
        toml::from_str(&text)
            .map_err(|_| told("this is no file of profiles; remove it and run entryway login".to_owned()))
    }

    /// Writes the file anew, whole or not at all.
    ///
    /// # Errors
    /// What keeps it from being written.
    pub(super) fn save(&self, path: &Path) -> Result<(), Failure> {
        let told = |error: &dyn std::fmt::Display| Failure::Here(format!("cannot write {}: {error}", path.display()));
        let text = toml::to_string(self).map_err(|error| told(&error))?;
        replace(path, &text).map_err(|error| told(&error))
    }
}

fn replace(path: &Path, text: &str) -> io::Result<()> {
    let folder = path.parent().ok_or(io::ErrorKind::InvalidInput)?;
    DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let beside = folder.join(format!("profiles.{}.new", uuid::Uuid::new_v4()));
    let written = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&beside).and_then(|mut file| {
        file.write_all(text.as_bytes())?;
        file.sync_all()
    });
    let replaced = written.and_then(|()| fs::rename(&beside, path));
    if replaced.is_err() {
        // The error is told; a leftover with a token in it would be worse.
        let _ = fs::remove_file(&beside);
    }
    replaced
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn folder() -> PathBuf {
        std::env::temp_dir().join(format!("entryway-profiles-{}", uuid::Uuid::new_v4()))
    }

    fn with(name: &str) -> Profiles {
        let profile = Profile {
            url: "https://access.example.com".to_owned(),
            user: "alice".to_owned(),
            token: "s3cret".to_owned(),
            allow_http: false,
        };
        Profiles { profiles: BTreeMap::from([(name.to_owned(), profile)]) }
    }

    #[test]
    fn what_is_kept_is_read_by_its_owner_only() {
        let home = folder();
        let path = file(&home);
        assert!(Profiles::load(&path).is_ok_and(|none| none.profiles.is_empty()));
        with("work").save(&path).expect("saved");
        assert_eq!(fs::metadata(&path).expect("there").mode() & 0o777, 0o600);
        assert_eq!(fs::metadata(path.parent().expect("a folder")).expect("there").mode() & 0o777, 0o700);
        let read = Profiles::load(&path).unwrap_or_default();
        assert_eq!(read.profiles.get("work").map(|profile| profile.token.as_str()), Some("s3cret"));
        assert_eq!(
            fs::read_dir(path.parent().expect("a folder")).expect("there").count(),
            1,
            "nothing is left beside it"
        );
        fs::remove_dir_all(home).expect("removed");
    }

    #[test]
    fn what_others_can_read_or_nobody_is_refused_without_a_word_of_what_is_in_it() {
        let home = folder();
        let path = file(&home);
        with("work").save(&path).expect("saved");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).expect("changed");
        let Err(Failure::Usage(text)) = Profiles::load(&path) else { panic!("a file that others read was taken") };
        assert!(text.contains("chmod 600"), "{text}");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("changed");
        fs::write(&path, "token = s3cret").expect("written");
        let Err(Failure::Usage(text)) = Profiles::load(&path) else { panic!("a broken file was taken") };
        assert!(!text.contains("s3cret"), "{text}");
        fs::remove_dir_all(home).expect("removed");
    }
}
