//! What the configuration takes, what it refuses and in which words.

mod example;
mod mistakes;
mod overrides;
mod secrets;
mod sound;

use std::path::PathBuf;

use super::{Config, ConfigErrors, Origin};

/// The least that is sound.
const LEAST: &str = "installation = \"acme\"\n[database]\nurl = \"postgres://db/entryway\"\n";

/// A folder with an empty `policies` in it, gone when dropped.
struct Home(PathBuf);

impl Home {
    fn new() -> Self {
        let folder = std::env::temp_dir().join(format!("entryway-config-{}", uuid::Uuid::new_v4()));
        std::fs::create_dir_all(folder.join("policies")).expect("a folder to test in");
        Self(folder)
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.join(name);
        std::fs::write(&path, text).expect("a file to test with");
        path
    }

    fn load(&self, toml: &str, env: &[(&str, &str)], origin: Origin) -> Result<Config, ConfigErrors> {
        let path = self.write("entryway.toml", toml);
        Config::load(Some(&path), vars(env), origin)
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).expect("the folder this test made");
    }
}

fn vars(env: &[(&str, &str)]) -> Vec<(String, String)> {
    env.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect()
}

fn load(toml: &str) -> Result<Config, ConfigErrors> {
    Home::new().load(toml, &[], Origin::Production)
}

fn load_with(toml: &str, env: &[(&str, &str)]) -> Result<Config, ConfigErrors> {
    Home::new().load(toml, env, Origin::Production)
}

/// The messages of a configuration that must be refused, one line each.
fn mistakes(toml: &str, env: &[(&str, &str)]) -> String {
    load_with(toml, env).expect_err(toml).to_string()
}

/// One sound cluster called `name`, with `more` lines in its table.
fn cluster(name: &str, more: &str) -> String {
    format!(
        "[[clusters]]\nname = \"{name}\"\nregion = \"eu-central-1\"\naccount_id = \"111122223333\"\n\
         environment = \"dev\"\n{more}\n"
    )
}
