//! Which service is meant and which token is shown to it. A token goes to the service it was given for and nowhere else: that of
//! a profile only to the profile's address, and none in the clear unless somebody says so.

use std::fs;
use std::path::PathBuf;

use reqwest::Url;
use secrecy::{ExposeSecret as _, SecretString};

use super::args::Connection;
use super::failure::Failure;
use super::profiles::{self, Profiles, USUAL};

/// What the environment says. Empty variables count as not set.
#[derive(Debug, Default)]
pub struct Environment {
    url: Option<String>,
    token: Option<SecretString>,
    token_file: Option<PathBuf>,
    config_home: Option<PathBuf>,
}

impl Environment {
    /// What `variables` say.
    pub fn new(variables: impl IntoIterator<Item = (String, String)>) -> Self {
        let mut found = Self::default();
        let mut home = None;
        for (name, value) in variables.into_iter().filter(|(_, value)| !value.is_empty()) {
            match name.as_str() {
                "ENTRYWAY_URL" => found.url = Some(value),
                "ENTRYWAY_TOKEN" => found.token = Some(value.into()),
                "ENTRYWAY_TOKEN_FILE" => found.token_file = Some(value.into()),
                "XDG_CONFIG_HOME" => found.config_home = Some(value.into()),
                "HOME" => home = Some(PathBuf::from(value).join(".config")),
                _ => {}
            }
        }
        found.config_home = found.config_home.filter(|path| path.is_absolute()).or(home);
        found
    }

    /// Where the profiles are.
    ///
    /// # Errors
    /// When nothing says where the home is.
    pub(super) fn profiles(&self) -> Result<PathBuf, Failure> {
        let home = self.config_home.as_deref();
        home.map(profiles::file)
            .ok_or_else(|| Failure::Usage("set HOME or XDG_CONFIG_HOME, below which profiles are kept".into()))
    }
}

/// A service, and the token to show to it.
#[derive(Debug)]
pub(super) struct Place {
    /// Without a slash at its end.
    pub(super) url: String,
    pub(super) token: SecretString,
    /// The profile it is from.
    pub(super) profile: Option<String>,
    /// What says where it is, for when it is not there.
    pub(super) origin: String,
}

/// What `connection`, the environment and the profiles come to.
///
/// # Errors
/// When nothing says where the service is, or there is no token for it.
pub(super) fn place(connection: &Connection, environment: &Environment) -> Result<Place, Failure> {
    let asked = given(connection.url.as_ref());
    let token = own_token(environment)?;
    let name = given(connection.profile.as_ref());
    let origin = origin(connection, environment);
    // Whoever says both needs no profile, and no home either.
    if let (Some(url), Some(token), None) = (asked, &token, name) {
        let url = address(url, connection.allow_http)?;
        return Ok(Place { url, token: token.clone(), profile: None, origin });
    }
    let named = name.unwrap_or(USUAL);
    let known = Profiles::load(&environment.profiles()?)?;
    let profile = known.profiles.get(named);
    if profile.is_none() && name.is_some() {
        return Err(Failure::NotSignedIn(format!(
            "there is no profile {named}; run entryway login --profile {named} --url URL"
        )));
    }
    let allow_http = connection.allow_http || profile.is_some_and(|profile| profile.allow_http);
    let url = match (asked, profile) {
        (Some(url), _) => address(url, allow_http)?,
        (None, Some(profile)) => address(&profile.url, allow_http)?,
        (None, None) => {
            let how = "run entryway login --url URL, or set ENTRYWAY_URL and ENTRYWAY_TOKEN";
            return Err(Failure::Usage(format!("nothing says where the service is; {how}")));
        }
    };
    let theirs = profile.filter(|profile| profile.url.trim_end_matches('/') == url);
    match (token, theirs) {
        (Some(token), _) => Ok(Place { url, token, profile: None, origin }),
        (None, Some(profile)) => {
            Ok(Place { url, token: profile.token.clone().into(), profile: Some(named.to_owned()), origin })
        }
        (None, None) => Err(Failure::NotSignedIn(format!(
            "there is no token for {url}; run entryway login --url {url}, or set ENTRYWAY_TOKEN"
        ))),
    }
}

/// What says where the service is. An argument and the variable that stands for it are one to whoever reads the arguments.
pub(super) fn origin(connection: &Connection, environment: &Environment) -> String {
    match given(connection.url.as_ref()) {
        Some(url) if environment.url.as_deref().is_some_and(|variable| variable.trim() == url) => {
            "ENTRYWAY_URL".to_owned()
        }
        Some(_) => "--url".to_owned(),
        None => format!("the profile {}", given(connection.profile.as_ref()).unwrap_or(USUAL)),
    }
}

fn given(text: Option<&String>) -> Option<&str> {
    text.map(|text| text.trim()).filter(|text| !text.is_empty())
}

fn own_token(environment: &Environment) -> Result<Option<SecretString>, Failure> {
    match (&environment.token, &environment.token_file) {
        (Some(token), _) => sound(token.expose_secret()).map(Some),
        (None, Some(path)) => token_in(path).map(Some),
        (None, None) => Ok(None),
    }
}

/// The token in a file.
///
/// # Errors
/// When there is none in it.
pub(super) fn token_in(path: &std::path::Path) -> Result<SecretString, Failure> {
    let text = fs::read_to_string(path).map_err(|error| Failure::Usage(format!("{}: {error}", path.display())))?;
    sound(&text)
}

/// A token without the line end that files and pastes have.
///
/// # Errors
/// When it is none; the text is not repeated.
pub(super) fn sound(text: &str) -> Result<SecretString, Failure> {
    let token = text.trim();
    if token.is_empty() || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(Failure::Usage("that is no token: it is one word of visible ASCII characters".to_owned()));
    }
    Ok(SecretString::from(token))
}

/// The address of a service, without a slash at its end.
///
/// # Errors
/// When it is none, or a token would travel in the clear.
pub(super) fn address(text: &str, allow_http: bool) -> Result<String, Failure> {
    let told = |what: &str| Failure::Usage(format!("{text} {what}"));
    let url = Url::parse(text).map_err(|_| told("is no URL; write it like https://access.example.com"))?;
    if !url.username().is_empty() || url.password().is_some() || url.query().is_some() || url.fragment().is_some() {
        return Err(told("holds more than where the service is; write it like https://access.example.com"));
    }
    match url.scheme() {
        "https" => {}
        "http" if allow_http || is_loopback(&url) => {}
        "http" => {
            return Err(told(
                "is not https, and the token could be read on its way; --allow-http sends it all the same",
            ));
        }
        _ => return Err(told("is no URL of a service; write it like https://access.example.com")),
    }
    Ok(url.as_str().trim_end_matches('/').to_owned())
}

/// Whether `url` is this very machine.
pub(super) fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<std::net::IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_travel_over_tls_or_not_at_all() {
        for (text, expected) in [
            ("https://access.example.com/", "https://access.example.com"),
            ("https://example.com/entryway/", "https://example.com/entryway"),
            ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
            ("http://[::1]:8080/", "http://[::1]:8080"),
        ] {
            assert_eq!(address(text, false).ok().as_deref(), Some(expected), "{text}");
        }
        for text in ["http://access.example.com", "http://127.0.0.1.example.com", "http://10.0.0.1:8080"] {
            assert!(address(text, false).is_err() && address(text, true).is_ok(), "{text}");
        }
        for text in
            ["access.example.com", "ftp://example.com", "https://a:b@example.com", "https://example.com?x", "file:///x"]
        {
            assert!(address(text, true).is_err(), "{text}");
        }
    }

    #[test]
    fn what_is_no_token_is_not_repeated() {
        assert_eq!(sound(" abc\n").ok().map(|token| token.expose_secret().to_owned()).as_deref(), Some("abc"));
        for text in ["", "  \n", "two words", "s3crét"] {
            let Err(Failure::Usage(told)) = sound(text) else { panic!("{text} was taken") };
            assert!(text.trim().is_empty() || !told.contains(text), "{told}");
        }
    }

    #[test]
    fn empty_variables_count_as_not_set() {
        let variables = [("ENTRYWAY_TOKEN", ""), ("HOME", "/home/alice"), ("XDG_CONFIG_HOME", "relative")];
        let found = Environment::new(variables.map(|(name, value)| (name.to_owned(), value.to_owned())));
        assert!(found.token.is_none());
        assert_eq!(found.config_home, Some(PathBuf::from("/home/alice/.config")));
    }
}
