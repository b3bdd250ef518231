//! `login` and `logout`.

use std::io::{self, IsTerminal as _};

use secrecy::{ExposeSecret as _, SecretString};
use serde_json::json;

use super::args::Login;
use super::connect::{self, Place};
use super::failure::Failure;
use super::http::Service;
use super::profiles::{Profile, Profiles, USUAL};
use super::{Session, look};
use crate::api::wire::Me;

/// Longer than any token.
const LONGEST: u64 = 64 * 1024;

/// `login`: the token is kept once the service knows whose it is, and not before.
pub(super) async fn login(session: &Session<'_>, login: &Login) -> Result<(), Failure> {
    let connection = session.connection;
    let path = session.environment.profiles()?;
    let mut known = Profiles::load(&path)?;
    let name = connection.profile.clone().filter(|name| !name.is_empty()).unwrap_or_else(|| USUAL.to_owned());
    let before = known.profiles.get(&name);
    let url = connection.url.as_ref().filter(|url| !url.is_empty()).or(before.map(|profile| &profile.url));
    let url =
        url.ok_or_else(|| Failure::Usage("say where the service is: --url https://access.example.com".to_owned()))?;
    let allow_http = connection.allow_http || before.is_some_and(|profile| profile.allow_http && profile.url == *url);
    let url = connect::address(url, allow_http)?;
    let token = match &login.token_file {
        Some(file) => connect::token_in(file)?,
        None => ask_for_token(&url)?,
    };
    let origin = connect::origin(connection, session.environment);
    let place = Place { url: url.clone(), token: token.clone(), profile: Some(name.clone()), origin };
    let service = Service::at(place, None)?;
    let answer = service.get::<Me>("/v1/me", &[]).await?;
    let user = answer.view.user.clone();
    known.profiles.insert(name, Profile { url, user, token: token.expose_secret().to_owned(), allow_http });
    known.save(&path)?;
    session.out.result(&look::me(&answer.view, &service), &answer.json);
    session.out.note(&format!("signed in; the token is kept in {}", path.display()));
    Ok(())
}

/// `logout`
pub(super) fn logout(session: &Session<'_>) -> Result<(), Failure> {
    let path = session.environment.profiles()?;
    let mut known = Profiles::load(&path)?;
    let name = session.connection.profile.as_deref().filter(|name| !name.is_empty()).unwrap_or(USUAL);
    if known.profiles.remove(name).is_none() {
        return Err(Failure::Usage(format!("there is no profile {name} in {}", path.display())));
    }
    known.save(&path)?;
    let text = format!(
        "the token of profile {name} is forgotten here; it stays good until the service's operators take it back\n"
    );
    session.out.result(&text, &json!({ "forgotten": name }));
    Ok(())
}

/// From the terminal, without showing it, or else from stdin.
fn ask_for_token(url: &str) -> Result<SecretString, Failure> {
    let unread = |error: io::Error| Failure::Here(format!("cannot read the token: {error}"));
    if io::stdin().is_terminal() {
        let typed = rpassword::prompt_password(format!("Token for {url} (not shown): ")).map_err(unread)?;
        return connect::sound(&typed);
    }
    let text = io::read_to_string(io::Read::take(io::stdin(), LONGEST)).map_err(unread)?;
    connect::sound(&text)
}
