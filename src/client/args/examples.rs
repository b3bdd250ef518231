//! Examples for the help of each command. Tests see to it that they can be typed in, and that they fit a terminal of 80 columns,
//! so that nothing breaks them where it does not say `\`.

pub(super) const LOGIN: &str = r"The token is never an argument: whoever lists processes, or reads the shell's
history, would see it. Pipelines need no profile: ENTRYWAY_URL with
ENTRYWAY_TOKEN, or ENTRYWAY_TOKEN_FILE, is enough.

Examples:
  entryway login --url https://access.example.com
  entryway login --url https://access.example.com \
    --token-file /run/secrets/token
  entryway login --url http://127.0.0.1:8080 --profile demo < token";

pub(super) const LOGOUT: &str = "Examples:
  entryway logout
  entryway logout --profile demo";

pub(super) const WHOAMI: &str = "Examples:
  entryway whoami";

pub(super) const CLUSTERS: &str = "Examples:
  entryway clusters";

pub(super) const ACCESS_POLICIES: &str = "Examples:
  entryway access-policies
  entryway access-policies --cluster prod";

pub(super) const REQUEST: &str = r"Examples:
  entryway request --cluster prod \
    --principal arn:aws:iam::111122223333:role/dev/apps/my-role \
    --policy AmazonEKSViewPolicy --namespace payments \
    --duration 8h --reason 'Look into the failed run'
  entryway request --cluster dev \
    --principal arn:aws:iam::111122223333:role/dev/apps/my-role \
    --policy 'AmazonEKSEditPolicy@payments,payments-*' \
    --policy AmazonEKSViewPolicy --cluster-wide \
    --duration 1h --reason 'What would it be?' --dry-run
  entryway request --file request.json --wait --timeout 30m --json

With --wait, exit code 0 means that access is active, which is proven; 1 that
the request failed, 6 that the time was up first, 7 that it was turned down.";

pub(super) const EXTEND: &str = r"Examples:
  entryway extend 01980a1b-7c3d-7e4f-8a5b-6c7d8e9fa0b1 \
    --duration 2h --reason 'The run takes longer'";

pub(super) const LIST: &str = "Examples:
  entryway list --mine
  entryway list --to-review
  entryway list --state active --cluster prod --json";

pub(super) const SHOW: &str = "Examples:
  entryway show 01980a1b-7c3d-7e4f-8a5b-6c7d8e9fa0b1
  entryway show 01980a1b-7c3d-7e4f-8a5b-6c7d8e9fa0b1 --events";

pub(super) const APPROVE: &str = r"It shows what would be signed off, and asks. The approval is bound to what was
shown. Without a terminal to ask on, --yes or --digest is needed.

Examples:
  entryway approve 01980a1b-7c3d-7e4f-8a5b-6c7d8e9fa0b1
  entryway approve 01980a1b-7c3d-7e4f-8a5b-6c7d8e9fa0b1 \
    --yes --comment 'looks right to me'
  entryway approve 01980a1b-7c3d-7e4f-8a5b-6c7d8e9fa0b1 --digest \
    sha256:2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae";

pub(super) const DENY: &str = r"Examples:
  entryway deny 01980a1b-7c3d-7e4f-8a5b-6c7d8e9fa0b1 \
    --comment 'Ask for the namespace payments only'";

pub(super) const ACKNOWLEDGE: &str = r"Examples:
  entryway acknowledge 01980a1b-7c3d-7e4f-8a5b-6c7d8e9fa0b1 \
    --yes --comment 'INC-7, fine'";

pub(super) const WAIT: &str = r"What happens meanwhile goes to stderr, a line each. Exit code 0: the state is
reached. 1: the request failed. 6: the time was up. 7: it was turned down, or
is over.

Examples:
  entryway wait 01980a1b-7c3d-7e4f-8a5b-6c7d8e9fa0b1
  entryway wait 01980a1b-7c3d-7e4f-8a5b-6c7d8e9fa0b1 \
    --until ended --timeout 10m";

pub(super) const WITHDRAW: &str = r"Examples:
  entryway withdraw 01980a1b-7c3d-7e4f-8a5b-6c7d8e9fa0b1 \
    --reason 'not needed after all'";

pub(super) const RELINQUISH: &str = "Examples:
  entryway relinquish 01980a1b-7c3d-7e4f-8a5b-6c7d8e9fa0b1";

pub(super) const RETRY: &str = "Examples:
  entryway retry 01980a1b-7c3d-7e4f-8a5b-6c7d8e9fa0b1";

pub(super) const REVOKE: &str = r"Examples:
  entryway revoke 01980a1b-7c3d-7e4f-8a5b-6c7d8e9fa0b1 \
    --reason 'the incident is over'";

pub(super) const INCIDENT: &str = r"What matches everything that is given ends, as far as you may revoke it:
access is taken away, and what is undecided is turned down. It shows what that
is, and asks. Without a terminal to ask on, --yes or --dry-run is needed. Exit
code 0: all of it is ending. 3: some of it you may not revoke. 5: not all was
come to; run the same again.

Examples:
  entryway incident --requester alice --dry-run \
    --reason 'INC-7: her laptop was stolen'
  entryway incident --requester alice --yes \
    --reason 'INC-7: her laptop was stolen'
  entryway incident --cluster prod --reason 'INC-8: a key has leaked' \
    --principal arn:aws:iam::111122223333:role/dev/apps/my-role";
