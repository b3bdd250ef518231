//! From AWS's answers to our classes: one table. EKS leaves throttling and denied access out of its model of the
//! access entry calls and folds many meanings into few codes, so the code alone is not enough, and what the SDK
//! makes of it is less than that: a row is a code and what AWS's words contain.

use super::error::Class;

/// One line of the table.
struct Row {
    /// AWS's code.
    code: &'static str,
    /// What AWS's words contain, whatever the case of the letters; empty matches any words.
    says: &'static str,
    /// What kind of no that is.
    class: Class,
}

const fn row(code: &'static str, says: &'static str, class: Class) -> Row {
    Row { code, says, class }
}

/// The first row that fits decides, so the rows of a code go from the particular to the general. The words are
/// those seen from the real service; where they are reworded some day, the general row still errs to the safe side.
const TABLE: &[Row] = &[
    // The entry that is written to. Seen for seconds after CreateAccessEntry on associate and update; a single 404
    // proves nothing. This row comes first because its words mention other things that one can list.
    row("ResourceNotFoundException", "principalArn", Class::NotVisibleYet),
    // Associating a policy that is unknown or of another partition. It will not appear by waiting.
    row("ResourceNotFoundException", "policyArn", Class::Final),
    // "No cluster found for name: X." Must never be taken for "no such entry", which would prove access gone.
    row("ResourceNotFoundException", "cluster", Class::ClusterGone),
    // Words not seen yet: waiting is harmless, failing a grant is not.
    row("ResourceNotFoundException", "", Class::NotVisibleYet),
    // Another update of the cluster itself is under way; nothing is wrong with the entry.
    row("ResourceInUseException", "in progress", Class::ClusterNotReady),
    // An entry for the principal exists: the cluster creator's, a node role's, somebody's, or ours from a create
    // whose answer was lost.
    row("ResourceInUseException", "", Class::InUse),
    // "The specified principalArn is invalid: invalid principal.": IAM does not know the principal, or not yet.
    row("InvalidParameterException", "invalid principal", Class::FreshPrincipal),
    // Everything else about the parameters stays wrong however often it is said.
    row("InvalidParameterException", "", Class::Final),
    // CONFIG_MAP clusters refuse every access entry call, reads included, and so do clusters on their way out of it.
    row("InvalidRequestException", "authentication mode", Class::AuthMode),
    // By its definition "the request is invalid given the state of the cluster": creating, updating, deleting.
    row("InvalidRequestException", "", Class::ClusterNotReady),
    // 3,000 entries per cluster, and AWS does not raise it.
    row("ResourceLimitExceededException", "", Class::Final),
    // Something else the call needs was made moments ago (a service-linked role).
    row("ResourcePropagationDelayException", "", Class::Transient),
    // EKS's own trouble.
    row("ServerException", "", Class::Transient),
    row("ServiceUnavailableException", "", Class::Transient),
    // The same from the layers in front of every AWS service (`AWS API reference, common errors`).
    row("InternalFailure", "", Class::Transient),
    row("InternalServerError", "", Class::Transient),
    row("InternalServerException", "", Class::Transient),
    row("ServiceUnavailable", "", Class::Transient),
    row("RequestTimeout", "", Class::Transient),
    row("RequestTimeoutException", "", Class::Transient),
    // Throttling. EKS models it for few calls and sends it for all; the names are those the SDKs know.
    row("TooManyRequestsException", "", Class::Throttled),
    row("ThrottlingException", "", Class::Throttled),
    row("Throttling", "", Class::Throttled),
    row("ThrottledException", "", Class::Throttled),
    row("RequestThrottled", "", Class::Throttled),
    row("RequestThrottledException", "", Class::Throttled),
    row("RequestLimitExceeded", "", Class::Throttled),
    row("LimitExceededException", "", Class::Throttled),
    row("BandwidthLimitExceeded", "", Class::Throttled),
    row("SlowDown", "", Class::Throttled),
    // Good credentials without the right, be it for want of a permission or by an explicit deny.
    row("AccessDeniedException", "", Class::Denied),
    row("AccessDenied", "", Class::Denied),
    row("UnauthorizedOperation", "", Class::Denied),
    row("NotAuthorized", "", Class::Denied),
    // Credentials that AWS does not take: expired, revoked, of another partition, a clock that is off.
    row("ExpiredToken", "", Class::Credentials),
    row("ExpiredTokenException", "", Class::Credentials),
    row("InvalidClientTokenId", "", Class::Credentials),
    row("UnrecognizedClientException", "", Class::Credentials),
    row("InvalidToken", "", Class::Credentials),
    row("MissingAuthenticationToken", "", Class::Credentials),
    row("MissingAuthenticationTokenException", "", Class::Credentials),
    row("IncompleteSignature", "", Class::Credentials),
    row("IncompleteSignatureException", "", Class::Credentials),
    row("InvalidSignatureException", "", Class::Credentials),
    row("SignatureDoesNotMatch", "", Class::Credentials),
    row("RequestExpired", "", Class::Credentials),
    row("AuthFailure", "", Class::Credentials),
    row("OptInRequired", "", Class::Credentials),
];

/// What kind of no an answer is: HTTP status, AWS's code, AWS's words.
pub(super) fn classify(status: u16, code: Option<&str>, message: Option<&str>) -> Class {
    let words = message.unwrap_or_default().to_ascii_lowercase();
    let listed = code.and_then(|code| {
        TABLE.iter().find(|row| row.code == code && words.contains(&row.says.to_ascii_lowercase())).map(|row| row.class)
    });
    listed.unwrap_or_else(|| by_status(status, code.is_some()))
}

/// `code`, if it is one of the table's.
pub(super) fn listed(code: &str) -> Option<&'static str> {
    TABLE.iter().map(|row| row.code).find(|known| *known == code)
}

/// Codes that are not in the table, and answers without a code, which are not EKS's but of something on the way. A
/// 404 of a proxy must never look like a missing entry.
const fn by_status(status: u16, has_code: bool) -> Class {
    match status {
        429 => Class::Throttled,
        408 | 500.. => Class::Transient,
        401 | 403 if has_code => Class::Denied,
        400..=499 if has_code => Class::Final,
        _ => Class::BadAnswer,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Answers as the real service gives them, or (where marked) with the words it might.
    const ANSWERS: &[(u16, &str, &str, Class)] = &[
        (
            404,
            "ResourceNotFoundException",
            "The specified principalArn could not be found. You can view your available access entries with 'list-access-entries'.",
            Class::NotVisibleYet,
        ),
        (404, "ResourceNotFoundException", "The specified policyArn could not be found.", Class::Final),
        (404, "ResourceNotFoundException", "No cluster found for name: prod.", Class::ClusterGone),
        (404, "ResourceNotFoundException", "Nothing here.", Class::NotVisibleYet),
        (
            409,
            "ResourceInUseException",
            "The specified access entry resource is already in use on this cluster.",
            Class::InUse,
        ),
        (
            409,
            "ResourceInUseException",
            "Cannot AccessConfigUpdate because cluster prod currently has update 6f1a in progress",
            Class::ClusterNotReady,
        ),
        (
            400,
            "InvalidParameterException",
            "The specified principalArn is invalid: invalid principal.",
            Class::FreshPrincipal,
        ),
        (400, "InvalidParameterException", "The principalArn parameter format is not valid", Class::Final),
        (400, "InvalidParameterException", "The username must not begin with system:", Class::Final),
        (
            400,
            "InvalidParameterException",
            "The caller is not allowed to modify access entries with a principalArn value of a Service Linked Role",
            Class::Final,
        ),
        (
            400,
            "InvalidRequestException",
            "The cluster's authentication mode must be set to one of [API, API_AND_CONFIG_MAP] to perform this operation.",
            Class::AuthMode,
        ),
        (400, "InvalidRequestException", "The cluster is not ACTIVE.", Class::ClusterNotReady),
        (400, "ResourceLimitExceededException", "", Class::Final),
        (400, "ResourcePropagationDelayException", "", Class::Transient),
        (500, "ServerException", "", Class::Transient),
        (503, "ServiceUnavailableException", "", Class::Transient),
        (500, "InternalFailure", "", Class::Transient),
        (500, "InternalServerError", "", Class::Transient),
        (500, "InternalServerException", "", Class::Transient),
        (503, "ServiceUnavailable", "", Class::Transient),
        (400, "RequestTimeout", "", Class::Transient),
        (408, "RequestTimeoutException", "", Class::Transient),
        (429, "TooManyRequestsException", "Too Many Requests", Class::Throttled),
        (400, "ThrottlingException", "Rate exceeded", Class::Throttled),
        (400, "Throttling", "Rate exceeded", Class::Throttled),
        (400, "ThrottledException", "", Class::Throttled),
        (400, "RequestThrottled", "", Class::Throttled),
        (400, "RequestThrottledException", "", Class::Throttled),
        (400, "RequestLimitExceeded", "", Class::Throttled),
        (400, "LimitExceededException", "", Class::Throttled),
        (400, "BandwidthLimitExceeded", "", Class::Throttled),
        (503, "SlowDown", "", Class::Throttled),
        (
            403,
            "AccessDeniedException",
            "User: arn:aws:iam::111122223333:user/x is not authorized to perform: eks:CreateAccessEntry on resource: arn:aws:eks:eu-central-1:111122223333:cluster/prod",
            Class::Denied,
        ),
        (403, "AccessDenied", "", Class::Denied),
        (403, "UnauthorizedOperation", "", Class::Denied),
        (400, "NotAuthorized", "", Class::Denied),
        (403, "ExpiredToken", "", Class::Credentials),
        (403, "ExpiredTokenException", "The security token included in the request is expired", Class::Credentials),
        (403, "InvalidClientTokenId", "", Class::Credentials),
        (
            403,
            "UnrecognizedClientException",
            "The security token included in the request is invalid.",
            Class::Credentials,
        ),
        (400, "InvalidToken", "", Class::Credentials),
        (403, "MissingAuthenticationToken", "", Class::Credentials),
        (403, "MissingAuthenticationTokenException", "Missing Authentication Token", Class::Credentials),
        (403, "IncompleteSignature", "", Class::Credentials),
        (403, "IncompleteSignatureException", "", Class::Credentials),
        (403, "InvalidSignatureException", "Signature expired", Class::Credentials),
        (403, "SignatureDoesNotMatch", "", Class::Credentials),
        (400, "RequestExpired", "", Class::Credentials),
        (401, "AuthFailure", "", Class::Credentials),
        (403, "OptInRequired", "", Class::Credentials),
    ];

    #[test]
    fn every_answer_has_its_class() {
        for (status, code, message, class) in ANSWERS {
            assert_eq!(classify(*status, Some(code), Some(message)), *class, "{code}: {message}");
        }
    }

    #[test]
    fn every_row_decides_some_answer() {
        for (at, row) in TABLE.iter().enumerate() {
            let decides = |code: &str, message: &str| {
                let fits = |r: &Row| r.code == code && message.to_lowercase().contains(&r.says.to_lowercase());
                TABLE.iter().position(fits) == Some(at)
            };
            assert!(ANSWERS.iter().any(|(_, code, message, _)| decides(code, message)), "{}: {}", row.code, row.says);
        }
    }

    #[test]
    fn what_the_table_lacks_goes_by_status() {
        for (status, class) in [
            (400, Class::Final),
            (404, Class::Final),
            (403, Class::Denied),
            (429, Class::Throttled),
            (502, Class::Transient),
        ] {
            assert_eq!(classify(status, Some("SomethingNew"), None), class, "{status}");
        }
    }

    #[test]
    fn an_answer_without_a_code_is_not_taken_for_one_of_eks() {
        for (status, class) in [
            (404, Class::BadAnswer),
            (400, Class::BadAnswer),
            (302, Class::BadAnswer),
            (403, Class::BadAnswer),
            (429, Class::Throttled),
            (502, Class::Transient),
            (504, Class::Transient),
        ] {
            assert_eq!(classify(status, None, None), class, "{status}");
        }
    }
}
