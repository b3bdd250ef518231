//! What keeps a grant from being applied, or has made it fail: the codes of `lastError.code`, each with the words that
//! `GET /problems/{code}` shows. What happened this time, and EKS's own words, stand beside the code in the request.

use super::rules::{Explanation, codes};

codes! {
    /// What went wrong with a grant that was signed off.
    Trouble:

    EksThrottled = "eks-throttled", "AWS limits the calls to EKS.",
        "EKS takes so many calls a second from an account and region, whoever makes them.",
        "Nothing: Entryway slows down and goes on by itself. If it lasts, lower `worker.eks_calls_per_second`.";
    EksUnavailable = "eks-unavailable", "EKS did not answer properly.",
        "It timed out, broke off or answered that something is wrong on its side.",
        "Nothing: Entryway tries again by itself, more and more slowly.";
    EksBadAnswer = "eks-bad-answer", "What came back from EKS cannot be right.",
        "It was about something else than what was asked, or could not be read, so nothing was concluded from it.",
        "Entryway tries again by itself. If it lasts, the operators find the details in the log.";
    EksRefused = "eks-refused", "EKS refused it for good.",
        "Entryway's rules let it pass and EKS's did not; `awsMessage` has EKS's own words.",
        "File a new request that takes them into account.";
    EntryNotVisibleYet = "entry-not-visible-yet", "EKS does not show the entry yet.",
        "What was written to EKS shows in its reads some seconds later.",
        "Nothing: Entryway looks again by itself.";
    EntryInUse = "entry-in-use", "There is an entry for this principal already.",
        "EKS has one entry per principal and cluster, and has just said that it exists.",
        "Nothing: Entryway looks whose it is and goes on from there.";
    EntryNotOwned = "entry-not-owned", "The entry is somebody else's.",
        "The cluster has an entry for this principal that this installation did not make, and those are never touched.",
        "Delete that entry, or have its owner do so; then retry the request.";
    EntryQuotaReached = "entry-quota-reached", "The cluster takes no more entries.",
        "EKS allows 3,000 access entries per cluster, and does not raise that.",
        "Delete some that nobody needs; then retry the request.";
    PrincipalNotFound = "principal-not-found", "IAM does not know the principal.",
        "It does not exist, has another path, or was made a moment ago and is not known everywhere yet.",
        "Create the role or user, or file a new request with the right ARN, path included; then retry.";
    PrincipalMissing = "principal-missing", "The principal is gone from IAM.",
        "The role or user was deleted, or has another path by now. EKS keeps the entry all the same, and nobody can use it.",
        "Give the access back if it is no longer needed. If the principal is made anew, have the entry repaired.";
    PrincipalRecreated = "principal-recreated", "The principal was deleted and made anew.",
        "EKS binds an entry to the principal's unique id, so the one that bears the ARN now is not let in by it.",
        "Have somebody who may administer Entryway repair the entry: it is deleted and made anew with all that is live.";
    PolicyUnknown = "policy-unknown", "EKS has no such access policy.",
        "Entryway's catalogue lists it and EKS does not, or not in this partition.",
        "File a new request with another policy from GET /v1/access-policies.";
    ClusterNotActive = "cluster-not-active", "The cluster is being created, changed or deleted.",
        "EKS takes no changes of entries meanwhile.",
        "Nothing: Entryway goes on by itself once the cluster is ACTIVE.";
    ClusterNotFound = "cluster-not-found", "EKS does not know the cluster.",
        "It was deleted, or the configuration looks for it in another account or region, or by another name.",
        "Check `eks_name`, `region`, `account_id` and `role_arn` of the cluster; then retry the request.";
    ClusterAuthMode = "cluster-auth-mode", "The cluster does not take access entries.",
        "Its authentication mode is CONFIG_MAP, or it became known only after the request was signed off.",
        "Have the cluster's owner run the command in `detail`; then retry the request.";
    ClusterNotConfigured = "cluster-not-configured", "The cluster is no longer in Entryway's configuration.",
        "Nothing can be done to its access entries, and access that was given there stays.",
        "Put the cluster back into the configuration, and everything goes on; or delete the access entry by hand.";
    AwsAccessDenied = "aws-access-denied", "AWS does not let Entryway do it.",
        "A permission is missing, or a policy of the organization denies it; `detail` names which.",
        "Have the operators allow what `detail` names; then retry the request.";
    PassRoleDenied = "pass-role-denied", "Entryway may not pass the node role to EKS.",
        "For entries of nodes EKS asks for `iam:PassRole` on the role itself.",
        "Have the operators allow it on the role that `detail` names; then retry the request.";
    AwsCredentials = "aws-credentials", "AWS does not take Entryway's credentials.",
        "They are missing or expired, or the role of the cluster's account does not trust Entryway.",
        "Have the operators mend the credentials or the trust policy; Entryway goes on by itself.";
    ApplyDeadlinePassed = "apply-deadline-passed", "It could not be applied in time.",
        "The worker tries for as long as `worker.apply_deadline` says; what was in the way before is in the timeline.",
        "Retry it once that is mended, or file a new request.";
    TypeConflict = "type-conflict", "The entry is live with another type.",
        "Two requests were signed off for one entry, and the type of an entry can never change.",
        "Retry it once the other grants on the entry have ended.";
    UsernameConflict = "username-conflict", "The entry is live with another username.",
        "Two requests were signed off for one entry, and an entry has one username.",
        "Retry it once the other grants on the entry have ended.";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_reads_back_and_is_explained_in_sentences() {
        for trouble in Trouble::ALL {
            let code = trouble.as_str();
            assert_eq!(Trouble::parse(code), Some(*trouble));
            let Explanation { title, meaning, remedy } = trouble.explanation();
            for sentence in [title, meaning, remedy] {
                assert!(sentence.ends_with('.') && !sentence.starts_with(char::is_lowercase), "{code}: {sentence}");
            }
        }
    }
}
