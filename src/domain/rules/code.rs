//! The codes that rules and warnings answer with, each with the words that `GET /problems/{code}` shows.

/// What a code means to a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Explanation {
    /// One sentence.
    pub title: &'static str,
    /// Why it is so, and where the rule comes from.
    pub meaning: &'static str,
    /// What to do about it.
    pub remedy: &'static str,
}

macro_rules! codes {
    (
        $(#[$about:meta])* $kind:ident:
        $($name:ident = $text:literal, $title:literal, $meaning:literal, $remedy:literal;)+
    ) => {
        $(#[$about])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum $kind { $(#[doc = $title] $name),+ }

        impl $kind {
            /// Every code.
            pub const ALL: &[Self] = &[$(Self::$name),+];

            /// The spelling of the contract.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text),+ }
            }

            /// Reads the spelling of the contract.
            #[must_use]
            pub fn parse(text: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|code| code.as_str() == text)
            }

            /// What it means and what to do about it.
            #[must_use]
            pub const fn explanation(self) -> Explanation {
                match self {
                    $(Self::$name => Explanation { title: $title, meaning: $meaning, remedy: $remedy }),+
                }
            }
        }
    };
}
pub(in crate::domain) use codes;

codes! {
    /// Why an ask is not sound: one code for each rule.
    Code:

    ClusterUnknown = "cluster-unknown", "There is no such cluster here.",
        "`clusterName` is Entryway's own name for a cluster, from its configuration; it need not be EKS's name.",
        "Pick a name from GET /v1/clusters, or ask the operators to configure the cluster.";
    ClusterNotActive = "cluster-not-active", "The cluster is going away or has failed.",
        "EKS reports DELETING or FAILED, and waiting will not mend that. A cluster that is being made or updated does \
         not get this code: Entryway waits for it.",
        "Ask for another cluster, or have this one repaired first.";
    ClusterAuthMode = "cluster-auth-mode", "The cluster does not take access entries.",
        "Its authentication mode is CONFIG_MAP. EKS takes access entries with API_AND_CONFIG_MAP or API only, and \
         there is no way back to CONFIG_MAP.",
        "Have the cluster's owner run the command in `detail`, wait until the cluster is ACTIVE again, and ask anew.";

    PrincipalArnInvalid = "principal-arn-invalid", "The principal is not the ARN of an IAM role or user.",
        "An access entry belongs to exactly one IAM role or user. Account roots, groups, wildcards, instance profiles \
         and access entries' own ARNs are none.",
        "Copy the ARN from `aws iam get-role` or `aws iam get-user`, path included.";
    PrincipalStsSession = "principal-sts-session", "The principal is an STS session, not an IAM role.",
        "What `aws sts get-caller-identity` prints for an assumed role is a session. EKS wants the role behind it, \
         with the role's path.",
        "Take the role's ARN from `aws iam get-role --role-name …`.";
    PrincipalServiceLinkedRole = "principal-service-linked-role", "The principal is a service-linked role.",
        "EKS refuses every access entry for roles under /aws-service-role/ but those it makes itself.",
        "Use a role of your own.";
    PrincipalPartitionMismatch = "principal-partition-mismatch", "The principal lives in another AWS partition than the cluster.",
        "The partitions (aws, aws-cn, aws-us-gov, …) share no identities, so this principal could never sign in.",
        "Give a principal from the cluster's partition.";
    PrincipalAccountMismatch = "principal-account-mismatch", "A node's role must live in the cluster's account.",
        "EKS takes principals from other accounts for type STANDARD only.",
        "Give a role from the cluster's account, or use type STANDARD if this is not a node's role.";
    PrincipalAccountNotAllowed = "principal-account-not-allowed", "Principals from this account are not allowed on this cluster.",
        "The operators list the accounts principals may come from (`allowed_principal_accounts`); by default only the \
         cluster's own.",
        "Use a role in an allowed account, or ask the operators to allow this one.";
    PrincipalMustBeRole = "principal-must-be-role", "A node's principal must be a role.",
        "EKS takes IAM users for type STANDARD only.",
        "Give the role the nodes run with, or use type STANDARD for a person.";
    PrincipalProtected = "principal-protected", "The principal is protected.",
        "The operators keep this principal out of Entryway's hands (`protected_principals`), or it is the role \
         Entryway itself works with. Path and case make no difference, because IAM allows one role of a name per \
         account.",
        "Use another principal; access of this one is managed elsewhere.";
    PrincipalNotFound = "principal-not-found", "IAM does not know the principal.",
        "EKS takes principals that exist only, by their full ARN, path included. Tools often show roles without their \
         path, those of IAM Identity Center (AWSReservedSSO_…) above all.",
        "Create it first, or copy the ARN from `aws iam get-role` or `aws iam get-user`. If it was created just now, \
         wait some seconds and ask again.";

    TypeUnknown = "type-unknown", "There is no such type of access entry.",
        "EKS knows STANDARD, EC2_LINUX, EC2_WINDOWS, FARGATE_LINUX, HYBRID_LINUX, EC2 and HYPERPOD_LINUX. `EC2_Linux` \
         and `EC2 Linux` are understood too.",
        "Use one of these, or leave `type` out for STANDARD.";
    TypeConflict = "type-conflict", "The entry is live with another type.",
        "A principal has one entry per cluster, and the type of an entry can never change.",
        "Ask for the type that is live, or have the live requests ended first.";

    UsernameNotAllowedForType = "username-not-allowed-for-type", "Only type STANDARD takes a username.",
        "EKS derives the username of nodes from the node itself.",
        "Leave `username` out, or use type STANDARD.";
    UsernameReservedPrefix = "username-reserved-prefix", "The username starts with a reserved prefix.",
        "EKS refuses usernames that start with system:, eks:, aws:, amazon: or iam:.",
        "Choose another start, or leave `username` out and let EKS derive it.";
    UsernameSessionNameNeedsColon = "username-session-name-needs-colon", "There is no colon before the session name.",
        "EKS wants a colon somewhere before {{SessionName}} or {{SessionNameRaw}}, so that a session name cannot pose \
         as a user.",
        "Write `:john{{SessionName}}` or `jo:hn{{SessionName}}`, not `john{{SessionName}}`.";
    UsernameTooLong = "username-too-long", "The username is too long.",
        "EKS publishes no limit; Entryway takes up to 256 characters.",
        "Shorten it, or leave `username` out and let EKS derive it.";
    UsernameInvalid = "username-invalid", "The username holds characters that could mislead its reader.",
        "Entryway takes printable ASCII without spaces at either end, so that what a reviewer reads is what \
         Kubernetes compares.",
        "Retype it in plain letters, digits and punctuation.";
    UsernameConflict = "username-conflict", "The entry is live with another username.",
        "A principal has one entry per cluster, and an entry has one username.",
        "Ask for the username that is live, leave `username` out, or have the live requests ended first.";

    GroupsNotAllowedForType = "groups-not-allowed-for-type", "Only type STANDARD takes Kubernetes groups.",
        "EKS sets the groups of nodes itself.",
        "Leave `kubernetesGroups` out, or use type STANDARD.";
    GroupReservedPrefix = "group-reserved-prefix", "The group starts with a reserved prefix.",
        "EKS refuses groups that start with system:, eks:, aws:, amazon: or iam:. Entryway also refuses what only \
         looks like that (other case, spaces, invisible or full-width characters).",
        "Bind a group of your own to the ClusterRole you need, or use an access policy such as \
         AmazonEKSClusterAdminPolicy.";
    GroupInvalid = "group-invalid", "The group is not a name that Entryway takes.",
        "1 to 63 of ASCII letters, digits and : . _ / @ -, and at most 100 groups. That is stricter than EKS, so that \
         what a reviewer reads is what Kubernetes compares.",
        "Retype the group, and bind the same name in your RoleBinding or ClusterRoleBinding.";
    GroupDuplicate = "group-duplicate", "The group is listed twice.",
        "An entry holds each group once.",
        "Remove the repetition.";

    PoliciesNotAllowedForType = "policies-not-allowed-for-type", "This access policy does not go with this type of entry.",
        "EKS associates access policies with entries of type STANDARD, and with EC2 for nodes of Auto Mode; \
         AmazonEKSAutoNodePolicy is for EC2 only.",
        "Leave `accessPolicies` out for nodes, or use type STANDARD for people and workloads.";
    PolicyArnInvalid = "policy-arn-invalid", "This is not the ARN or name of an EKS access policy.",
        "Access policies are arn:<partition>:eks::aws:cluster-access-policy/<name> (two colons after eks). IAM \
         policies are something else.",
        "Give the bare name, such as AmazonEKSViewPolicy; Entryway completes it.";
    PolicyUnknown = "policy-unknown", "There is no such access policy.",
        "EKS does not list it, or not in the cluster's partition.",
        "Pick one from GET /v1/access-policies; names are case-sensitive.";
    PolicyServiceLinkedOnly = "policy-service-linked-only", "Only AWS itself may have this access policy.",
        "EKS associates it with service-linked roles and refuses everybody else.",
        "Pick a policy meant for customers from GET /v1/access-policies.";
    PolicyDuplicate = "policy-duplicate", "The access policy is listed twice.",
        "A policy stands once on an entry, with one scope; EKS would keep the last.",
        "List it once, with all its namespaces.";
    ScopeTypeInvalid = "scope-type-invalid", "The scope is neither cluster nor namespace.",
        "EKS wants every access policy to say where it holds. Entryway does not guess the whole cluster.",
        "Set accessScope.type to `cluster`, or to `namespace` with a list of namespaces.";
    ScopeNamespacesRequired = "scope-namespaces-required", "A namespace scope needs namespaces.",
        "EKS refuses a namespace scope without at least one.",
        "List the namespaces, or patterns such as payments-*.";
    ScopeNamespacesNotAllowed = "scope-namespaces-not-allowed", "A cluster scope takes no namespaces.",
        "EKS refuses the combination, which may mean either.",
        "Set accessScope.type to `namespace`, or remove the namespaces.";
    NamespaceInvalid = "namespace-invalid", "No namespace can have this name.",
        "Kubernetes namespaces are 1 to 63 lower-case letters, digits and inner hyphens (DNS-1123); * stands for any \
         run of characters. Entryway takes at most 100 per policy.",
        "Check the spelling with `kubectl get namespaces`.";

    TagsTooMany = "tags-too-many", "There are too many tags.",
        "An access entry takes 50, and Entryway keeps 2 of them for itself.",
        "Keep at most 48.";
    TagKeyInvalid = "tag-key-invalid", "The tag key is not one AWS takes.",
        "1 to 128 letters, digits, spaces and + - = . _ : / @.",
        "Shorten or respell the key.";
    TagValueInvalid = "tag-value-invalid", "The tag value is not one AWS takes.",
        "Up to 256 letters, digits, spaces and + - = . _ : / @.",
        "Shorten or respell the value.";
    TagReserved = "tag-reserved", "The tag is reserved.",
        "AWS keeps keys and values that start with aws: (in any case), Entryway keeps keys that start with entryway/ \
         or entryway: to know its own entries.",
        "Choose another key.";

    ReasonRequired = "reason-required", "A reason is required.",
        "Whoever signs off, and whoever reads the audit log later, has to know why.",
        "Say in `reason` what the access is for.";
    ReasonTooLong = "reason-too-long", "The reason is too long.",
        "Up to 1,000 characters are shown to the people who sign off.",
        "Put the gist into `reason` and the rest into the ticket.";
    ReasonInvalid = "reason-invalid", "The reason holds characters that could disguise what it says.",
        "Control characters other than line ends and tabs, and those that turn the direction of text, are refused.",
        "Remove them; pasting as plain text helps.";
    TicketInvalid = "ticket-invalid", "The ticket is not one Entryway can show.",
        "One line of up to 256 characters, without control characters.",
        "Give the ticket's number or its address alone.";

    DurationInvalid = "duration-invalid", "The duration cannot be read.",
        "Durations are written 8h, 1h30m or ISO 8601 PT8H, longer than zero, without months and years.",
        "Write it like that.";
    DurationTooLong = "duration-too-long", "The duration is longer than is allowed here.",
        "The operators set the longest duration (`requests.max_duration`).",
        "Ask for less, and extend it while it is live if that is not enough.";
    DurationRequired = "duration-required", "Access here has to end.",
        "The operators do not allow permanent access (`requests.allow_permanent`).",
        "Say in `duration` how long it is needed.";
    StartInPast = "start-in-past", "The start lies in the past.",
        "Access cannot start before it is asked for. A start up to a minute ago means now.",
        "Leave `startAt` out to start as soon as it is signed off.";
    StartTooFar = "start-too-far", "The start is too far ahead.",
        "The operators set how far ahead access may be signed off (`requests.max_start_ahead`), so that nobody signs \
         what they have forgotten by then.",
        "Ask again nearer to the time.";
}
