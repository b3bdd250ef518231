//! The one table of codes: which status each goes with, what it means, and what to do about it.

use axum::http::StatusCode;

use crate::domain::rules::{self, Explanation};
use crate::domain::trouble::Trouble;

/// A code as `GET /problems/{code}` explains it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Entry {
    /// The code.
    pub(crate) code: &'static str,
    /// Where it shows up.
    pub(crate) place: Place,
    /// One sentence.
    pub(crate) title: &'static str,
    /// Why it is so.
    pub(crate) meaning: &'static str,
    /// What to do about it.
    pub(crate) remedy: &'static str,
    /// What to do about it where it stands in `lastError` of a request; `None` where it never does, or stands nowhere else.
    pub(crate) remedy_later: Option<&'static str>,
}

impl Entry {
    /// The HTTP status of answers that carry it; `None` for what comes with successes.
    pub(crate) const fn status(&self) -> Option<u16> {
        match self.place {
            Place::Answer(status) => Some(status),
            Place::Field => Some(422),
            Place::Conflict => Some(409),
            Place::Warning | Place::LastError => None,
        }
    }
}

/// Where a code shows up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// In `code` of an answer with this status.
    Answer(u16),
    /// In `errors` of a `validation-failed`.
    Field,
    /// In `errors` of a `validation-failed`, or in `code` of a 409 when nothing else is wrong.
    Conflict,
    /// In `warnings` of a request.
    Warning,
    /// In `lastError` of a request.
    LastError,
}

macro_rules! codes {
    ($($name:ident = $status:literal $text:literal, $title:literal, $meaning:literal, $remedy:literal;)+) => {
        /// What an answer that is not a success says in `code`, besides the codes of the rules.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum Code { $(#[doc = $title] $name),+ }

        impl Code {
            /// Every one.
            pub(crate) const ALL: &[Self] = &[$(Self::$name),+];

            /// Its line of the table.
            pub(crate) const fn entry(self) -> Entry {
                match self {
                    $(Self::$name => Entry {
                        code: $text,
                        place: Place::Answer($status),
                        title: $title,
                        meaning: $meaning,
                        remedy: $remedy,
                        remedy_later: None,
                    }),+
                }
            }

            /// The status it goes with.
            pub(crate) fn status(self) -> StatusCode {
                let status: u16 = match self { $(Self::$name => $status),+ };
                StatusCode::from_u16(status).expect("the table holds HTTP statuses")
            }
        }
    };
}

codes! {
    MalformedJson = 400 "malformed-json", "The body is not the JSON this call takes.",
        "It is no JSON at all, a field is unknown, repeated or of another type, or a text holds a NUL character.",
        "Mend the place that `errors` points at; /docs shows what each call takes.";
    BadParameter = 400 "bad-parameter", "A parameter or header is wrong.",
        "It is unknown, repeated, or not of the form this call takes. Nothing is guessed or ignored.",
        "Mend the one that `errors` names; /docs lists the parameters of each call.";
    NextTokenInvalid = 400 "next-token-invalid", "The page token is not one of this list.",
        "A nextToken is good for the caller and the filters that it was given for, and for nothing else.",
        "Start again without nextToken, and send the same filters with every page.";
    IdempotencyKeyInvalid = 400 "idempotency-key-invalid", "The Idempotency-Key is not one.",
        "It is 1 to 255 visible ASCII characters, with or without double quotes around it, sent once.",
        "Send a fresh UUID, for example.";

    Unauthenticated = 401 "unauthenticated", "It is not known who is calling.",
        "The call carries no bearer token, more than one, or one that nobody here has.",
        "Send `Authorization: Bearer <token>` with a token the operators gave you.";
    Forbidden = 403 "forbidden", "Policy does not permit this.",
        "No policy lets this caller do it, or one forbids it; `detail` carries the reasons.",
        "Ask somebody who may, or have the policy's owners change it.";
    SelfApproval = 403 "self-approval", "Nobody reviews their own request.",
        "That holds for the person it is for and for whoever filed it for them, and no policy can loosen it.",
        "Ask another reviewer.";
    NotAPerson = 403 "not-a-person", "Services do not review.",
        "A review is one person's word. A service may carry it, in that person's name.",
        "Send `Entryway-On-Behalf-Of` with the reviewer's name, or have them review it themselves.";
    RequestNotPermitted = 403 "request-not-permitted", "Policy does not permit this request.",
        "No policy lets this person ask for this, or one forbids it; `detail` carries the reasons.",
        "Ask for less, for another cluster or for a shorter time, or have the policy's owners change it.";
    NotFound = 404 "not-found", "There is no such thing, or it is not yours to see.",
        "The path leads nowhere, the id is unknown, or policy does not let you see it. These look the same on purpose.",
        "Check the path and the id; ask as somebody who may see it.";
    MethodNotAllowed = 405 "method-not-allowed", "The path is right and the method is not.",
        "The header Allow lists the methods this path takes.",
        "Use one of these.";

    RequestTimeout = 408 "request-timeout", "The call took too long to arrive.",
        "Its body came in so slowly that it was not waited for. Nothing was done.",
        "Send it again over a connection that is fast enough.";
    NotPending = 409 "not-pending", "The request is decided already.",
        "Only pending requests are reviewed or withdrawn.",
        "Read the request again; access that was signed off ends with revoke or relinquish.";
    AlreadyReviewed = 409 "already-reviewed", "You have reviewed this request already.",
        "One person counts once, and a review is final.",
        "If it has to be undone, revoke the request.";
    IllegalState = 409 "illegal-state", "The request's state does not allow this.",
        "`detail` says where the request is and what would be possible. It may have changed a moment ago.",
        "Read the request again; `allowedActions` lists what you may do now.";
    IdempotencyInFlight = 409 "idempotency-in-flight", "The same call is being worked on.",
        "A call with this Idempotency-Key has not been answered yet.",
        "Wait a moment and send it again: it will get the first call's answer.";
    TooManyPending = 409 "too-many-pending", "The requester has too many undecided requests.",
        "The operators limit them (`requests.max_pending_per_requester`), so that reviewers see what matters.",
        "Withdraw some, or have them decided, first.";
    Stale = 412 "stale", "It has changed since you saw it.",
        "If-Match or specDigest is of something else than what is stored.",
        "Read the request again, and decide on what it is now.";
    TooLarge = 413 "too-large", "The body is too large.",
        "Bodies are at most 64 KiB.",
        "Ask for less at once.";
    UnsupportedMediaType = 415 "unsupported-media-type", "The body is not marked as JSON.",
        "Bodies are UTF-8 JSON, uncompressed.",
        "Send `Content-Type: application/json`, and no Content-Encoding.";
    ValidationFailed = 422 "validation-failed", "The request is not sound.",
        "`errors` lists everything that is wrong with it. Nothing was stored.",
        "Mend every place in `errors` and send it again; each has a code of its own.";
    IdempotencyKeyReused = 422 "idempotency-key-reused", "This Idempotency-Key was used for another call.",
        "A key belongs to one call, with one body, for 24 hours.",
        "Send a new key with a new call.";
    RateLimited = 429 "rate-limited", "You are calling too often.",
        "The header Retry-After says when there is room again.",
        "Wait that long, and call less often.";
    Internal = 500 "internal", "Something is broken on our side.",
        "It is not what you sent. The operators find the cause in the log, by the requestId.",
        "Tell the operators the requestId. A POST with an Idempotency-Key is safe to repeat.";
    Unavailable = 503 "unavailable", "Not just now.",
        "Entryway is overloaded, stopping, or cannot reach its database. Whether a call that was cut off took \
         effect is unknown.",
        "Try again after Retry-After seconds; a POST with the same Idempotency-Key is safe to repeat.";
}

/// Codes that belong to no rule.
const OTHERS: [Entry; 8] = [
    explained(
        "cluster-names-invalid",
        Place::Field,
        Explanation {
            title: "The list of clusters is not one.",
            meaning: "clusterNames takes 1 to 50 names, each once, and excludes clusterName.",
            remedy: "Give either clusterName or clusterNames, and each name once.",
        },
    ),
    explained(
        "comment-required",
        Place::Field,
        Explanation {
            title: "A deny needs a comment.",
            meaning: "The requester has to know what to do next.",
            remedy: "Say in `comment` why.",
        },
    ),
    explained(
        "comment-too-long",
        Place::Field,
        Explanation {
            title: "The comment is too long.",
            meaning: "A comment has at most 1,000 characters.",
            remedy: "Put the gist into `comment` and the rest into the ticket.",
        },
    ),
    explained(
        "comment-invalid",
        Place::Field,
        Explanation {
            title: "The comment holds characters that could disguise what it says.",
            meaning: "Control characters other than line ends and tabs, and those that turn the direction of text, are \
                      refused.",
            remedy: "Remove them; pasting as plain text helps.",
        },
    ),
    explained(
        "revocation-matches-everything",
        Place::Field,
        Explanation {
            title: "Nobody ends everything there is in one call.",
            meaning: "A revocation ends what matches requester, principalArn and clusterName; one of them must be given.",
            remedy: "Say whose access, of which principal, or on which cluster.",
        },
    ),
    explained(
        "after-invalid",
        Place::Field,
        Explanation {
            title: "A replay starts after an event of the log.",
            meaning: "after is the seq of the last event that arrived, 0 for everything there ever was, and no more than the \
                      seq of the newest event.",
            remedy: "Send the seq of the last event that the receiver has.",
        },
    ),
    explained(
        "break-glass-waits",
        Place::Warning,
        Explanation {
            title: "Breaking the glass did not help.",
            meaning: "With breakGlass a request is applied at once only where policy lets it be applied without a sign-off.",
            remedy: "Have it signed off, or have the policy's owners allow it for such cases.",
        },
    ),
    explained(
        "break-glass-unreviewed",
        Place::Warning,
        Explanation {
            title: "It was applied without a sign-off, and nobody has looked at it yet.",
            meaning: "Somebody broke the glass. One of those who could have signed it off is to look at it afterwards.",
            remedy: "Review it with the decision acknowledge; GET /v1/requests?reviewable=true lists what waits for you.",
        },
    ),
];

/// Every code there is.
pub(crate) fn all() -> impl Iterator<Item = Entry> {
    let warnings =
        rules::WarningCode::ALL.iter().map(|code| explained(code.as_str(), Place::Warning, code.explanation()));
    let later = Trouble::ALL.iter().filter(|trouble| rules::Code::parse(trouble.as_str()).is_none());
    Code::ALL
        .iter()
        .map(|code| code.entry())
        .chain(OTHERS)
        .chain(rules::Code::ALL.iter().map(|code| rule(*code)))
        .chain(warnings)
        .chain(later.map(|trouble| explained(trouble.as_str(), Place::LastError, trouble.explanation())))
}

/// What to do about `code`, where it is one of ours.
pub(crate) fn remedy(code: &str) -> Option<&'static str> {
    all().find(|entry| entry.code == code).map(|entry| entry.remedy)
}

/// The code of a rule. Some of what the rules refuse may also turn up once a request is signed off.
pub(crate) fn rule(code: rules::Code) -> Entry {
    let conflict = matches!(code, rules::Code::TypeConflict | rules::Code::UsernameConflict);
    let place = if conflict { Place::Conflict } else { Place::Field };
    let later = Trouble::parse(code.as_str()).map(|trouble| trouble.explanation().remedy);
    Entry { remedy_later: later, ..explained(code.as_str(), place, code.explanation()) }
}

const fn explained(code: &'static str, place: Place, words: Explanation) -> Entry {
    let Explanation { title, meaning, remedy } = words;
    Entry { code, place, title, meaning, remedy, remedy_later: None }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn no_code_means_two_things() {
        let mut seen = BTreeSet::new();
        for entry in all() {
            assert!(seen.insert(entry.code), "{} is there twice", entry.code);
            assert!(entry.code.bytes().all(|b| b.is_ascii_lowercase() || b == b'-'), "{}", entry.code);
        }
    }

    #[test]
    fn every_code_of_the_contract_has_its_status() {
        let contract: [(u16, &[&str]); 13] = [
            (400, &["malformed-json", "next-token-invalid", "bad-parameter", "idempotency-key-invalid"]),
            (401, &["unauthenticated"]),
            (403, &["forbidden", "self-approval", "not-a-person", "request-not-permitted"]),
            (404, &["not-found"]),
            (408, &["request-timeout"]),
            (409, &["not-pending", "already-reviewed", "illegal-state", "idempotency-in-flight", "too-many-pending"]),
            (412, &["stale"]),
            (413, &["too-large"]),
            (415, &["unsupported-media-type"]),
            (422, &["validation-failed", "idempotency-key-reused"]),
            (429, &["rate-limited"]),
            (500, &["internal"]),
            (503, &["unavailable"]),
        ];
        for (status, codes) in contract {
            for code in codes {
                let entry = all().find(|entry| entry.code == *code).unwrap_or_else(|| panic!("{code} is missing"));
                assert_eq!(entry.place, Place::Answer(status), "{code}");
            }
        }
        for code in ["type-conflict", "username-conflict"] {
            assert!(all().any(|entry| entry.code == code && entry.place == Place::Conflict));
        }
    }
}
