//! Going through the pages of a list without trusting the other side to ever stop.

use super::EksError;

/// Far more pages than any list here has: a cluster holds 3,000 entries at most, in pages of 100.
const MOST: usize = 500;

/// Where one is in a paged list.
pub(super) struct Pages {
    operation: &'static str,
    token: Option<String>,
    seen: usize,
}

impl Pages {
    /// Before the first page of `operation`.
    pub(super) const fn new(operation: &'static str) -> Self {
        Self { operation, token: None, seen: 0 }
    }

    /// What to ask the next page with.
    pub(super) fn token(&self) -> Option<String> {
        self.token.clone()
    }

    /// Takes the token that came with a page; `false` after the last page.
    pub(super) fn go_on(&mut self, next: Option<String>) -> Result<bool, EksError> {
        let next = next.filter(|token| !token.is_empty());
        self.seen += 1;
        if next.is_some() && (next == self.token || self.seen == MOST) {
            return Err(EksError::bad_answer(format!("the pages of {} do not end", self.operation)));
        }
        self.token = next;
        Ok(self.token.is_some())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_ends_where_no_token_comes() {
        let mut pages = Pages::new("ListAccessEntries");
        assert_eq!(pages.token(), None);
        assert!(pages.go_on(Some("a".into())).unwrap());
        assert_eq!(pages.token().as_deref(), Some("a"));
        assert!(!pages.go_on(None).unwrap());
        assert!(!Pages::new("ListAccessEntries").go_on(Some(String::new())).unwrap());
    }

    #[test]
    fn a_list_that_goes_in_circles_is_a_bad_answer() {
        let mut same = Pages::new("ListAccessEntries");
        assert!(same.go_on(Some("a".into())).unwrap());
        assert!(same.go_on(Some("a".into())).is_err());

        let mut endless = Pages::new("ListAccessEntries");
        let end = (0..).find_map(|page| endless.go_on(Some(page.to_string())).err()).unwrap();
        assert_eq!(end.class, crate::eks::Class::BadAnswer);
    }
}
