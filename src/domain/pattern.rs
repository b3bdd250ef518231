//! Patterns in which `*` stands for any run of characters: those of namespaces in an access scope (`EKS user guide, access
//! policies`), and IAM's.

/// Whether `text` is like `pattern`, where `*` stands for any run of characters.
#[must_use]
pub fn like(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = parts.next().and_then(|head| text.strip_prefix(head)) else { return false };
    let mut parts = parts.peekable();
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return rest.ends_with(part);
        }
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_stand_for_any_run() {
        for (pattern, text, expected) in [
            ("*", "", true),
            ("*", "eks:X", true),
            ("eks:*", "eks:CreateAccessEntry", true),
            ("eks:*Entry", "eks:CreateAccessEntry", true),
            ("eks:*Entry", "eks:ListAccessEntries", false),
            ("eks:Create", "eks:CreateAccessEntry", false),
            ("a*b*c", "axxbyyc", true),
            ("ab*ba", "aba", false),
            ("payments-*", "payments-api", true),
        ] {
            assert_eq!(like(pattern, text), expected, "{pattern} {text}");
        }
    }
}
