//! Secrets: from files, and never shown.

use secrecy::ExposeSecret;

use super::*;

/// Planted wherever a secret may stand, or may be put by mistake.
const PLANTED: &str = "hunter2-planted";

#[test]
fn reads_secrets_from_files_beside_the_configuration() {
    let home = Home::new();
    home.write("db-url", "postgres://file/db\n");
    let toml = "installation = \"acme\"\n[database]\nurl_file = \"db-url\"\n";
    let config = home.load(toml, &[], Origin::Production).expect("sound");
    assert_eq!(config.database.url.expose_secret(), "postgres://file/db", "without the line's end");

    let by_env = home.load(LEAST, &[("ENTRYWAY__DATABASE__URL_FILE", "db-url")], Origin::Production).expect("sound");
    assert_eq!(by_env.database.url.expose_secret(), "postgres://file/db", "the environment wins over the file's url");
}

#[test]
fn says_what_is_wrong_with_a_secret_and_its_file() {
    let home = Home::new();
    home.write("empty", "\n");
    let both = "installation = \"acme\"\n[database]\nurl = \"postgres://db\"\nurl_file = \"x\"\n";
    for (toml, expected) in [
        (both.to_owned(), "database.url: set here and in url_file; keep one of them (line 3)"),
        (both.replace("url = \"postgres://db\"\n", ""), "x cannot be read: "),
        (both.replace("url = \"postgres://db\"\n", "").replace("\"x\"", "\"empty\""), "database.url_file: is empty"),
    ] {
        let lines = home.load(&toml, &[], Origin::Production).expect_err("unsound").to_string();
        assert!(lines.contains(expected) && lines.lines().count() == 1, "{lines}");
    }
}

#[test]
fn no_secret_is_ever_printed() {
    let home = Home::new();
    let wrong = format!(
        "installation = \"acme\"\n[database]\nurl = \"{PLANTED}\"\n\
         [[auth.tokens]]\nuser = \"u\"\nsha256 = \"{PLANTED}\"\n\
         [server]\npublic_url = \"https://u:{PLANTED}@host\"\n\
         [verify]\nreads = \"{PLANTED}\"\n\
         [slack]\nsigning_secrets = \"{PLANTED}\"\nbot_token = \"{PLANTED}\"\nteam_id = \"T\"\n\
         [[webhooks]]\nname = \"a\"\nurl = \"https://h/#{PLANTED}\"\nsecret = \"{PLANTED}\"\n\
         [[clusters]]\nname = \"a\"\nexternal_id = \"{PLANTED} \"\n"
    );
    let errors = home.load(&wrong, &[("ENTRYWAY__WORKER__CONCURRENCY", PLANTED)], Origin::Production);
    let errors = errors.expect_err("all wrong");
    assert!(errors.0.len() > 10, "{errors}");
    assert!(!format!("{errors}{errors:?}").contains(PLANTED), "{errors}");

    let broken = format!("url = \"{PLANTED}\nurl = {PLANTED}\n\"{PLANTED}\" = 1 1\n");
    let errors = home.load(&broken, &[], Origin::Production).expect_err("not TOML");
    assert!(!format!("{errors}{errors:?}").contains(PLANTED), "{errors}");
}

#[test]
fn debug_of_a_sound_configuration_shows_no_secret() {
    let hash = "0a".repeat(32);
    let toml = format!(
        "{}[[auth.tokens]]\nuser = \"u\"\nsha256 = \"{hash}\"\n",
        LEAST.replace("//db", &format!("//u:{PLANTED}@db"))
    );
    let config = load(&toml).expect("sound");
    assert!(config.database.url.expose_secret().contains(PLANTED));
    let shown = format!("{config:?}");
    assert!(shown.contains("REDACTED") && !shown.contains(PLANTED), "{shown}");
    assert!(!shown.contains("10, 10, 10"), "the hash of a token is nobody's business either: {shown}");
}
