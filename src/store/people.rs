//! Who tokens of identity providers told about.

use chrono::{DateTime, Utc};

use super::{StoreError, Tx};
use crate::domain::person::Person;

struct PersonRow {
    user_name: String,
    issuer: String,
    subject: String,
    display_name: Option<String>,
    groups: Vec<String>,
    service: bool,
    issued_at: DateTime<Utc>,
    known_until: DateTime<Utc>,
}

impl From<PersonRow> for Person {
    fn from(row: PersonRow) -> Self {
        Self {
            user: row.user_name,
            issuer: row.issuer,
            subject: row.subject,
            display_name: row.display_name,
            groups: row.groups.into_iter().collect(),
            service: row.service,
            issued_at: row.issued_at,
            known_until: row.known_until,
        }
    }
}

/// Writes down what a token says of `person`, unless a newer one has said something else; answers who they are now. The
/// name is theirs from the first time on, whatever later tokens call them.
///
/// # Errors
/// [`StoreError::Duplicate`] when the name is somebody else's, upper and lower case being the same.
pub async fn write(tx: &mut Tx, person: &Person) -> Result<Person, StoreError> {
    let groups: Vec<_> = person.groups.iter().cloned().collect();
    let written = sqlx::query_as!(
        PersonRow,
        "-- people.write
        INSERT INTO person AS known (user_name, issuer, subject, display_name, groups, service, issued_at, known_until,
                                     first_seen_at, changed_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $9)
        ON CONFLICT (issuer, subject) DO UPDATE
           SET display_name = excluded.display_name, groups = excluded.groups, service = excluded.service,
               issued_at = excluded.issued_at, known_until = excluded.known_until, changed_at = excluded.changed_at
         WHERE known.issued_at <= excluded.issued_at
        RETURNING user_name, issuer, subject, display_name, groups, service, issued_at, known_until",
        person.user,
        person.issuer,
        person.subject,
        person.display_name,
        &groups,
        person.service,
        person.issued_at,
        person.known_until,
        tx.now,
    )
    .fetch_optional(&mut *tx.inner)
    .await?;
    if let Some(row) = written {
        return Ok(row.into());
    }
    let newer = sqlx::query_as!(
        PersonRow,
        "-- people.newer
        SELECT user_name, issuer, subject, display_name, groups, service, issued_at, known_until
          FROM person WHERE issuer = $1 AND subject = $2",
        person.issuer,
        person.subject,
    )
    .fetch_one(&mut *tx.inner)
    .await?;
    Ok(newer.into())
}

/// What is known of those of `users` whose groups still count.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn of(tx: &mut Tx, users: &[String]) -> Result<Vec<Person>, StoreError> {
    let rows = sqlx::query_as!(
        PersonRow,
        "-- people.of
        SELECT user_name, issuer, subject, display_name, groups, service, issued_at, known_until
          FROM person WHERE user_name = ANY($1) AND known_until > $2",
        users,
        tx.now,
    )
    .fetch_all(&mut *tx.inner)
    .await?;
    Ok(rows.into_iter().map(Person::from).collect())
}

/// Everybody of whom something was written down since `since`, and whose groups still count.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn since(tx: &mut Tx, since: DateTime<Utc>) -> Result<Vec<Person>, StoreError> {
    let rows = sqlx::query_as!(
        PersonRow,
        "-- people.since
        SELECT user_name, issuer, subject, display_name, groups, service, issued_at, known_until
          FROM person WHERE changed_at >= $1 AND known_until > $2",
        since,
        tx.now,
    )
    .fetch_all(&mut *tx.inner)
    .await?;
    Ok(rows.into_iter().map(Person::from).collect())
}
