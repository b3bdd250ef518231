//! Pages by key: a page starts after the last key of the one before, so entries that come and go in between never
//! make a page repeat or skip another.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::refusal::{Refused, parameter};

/// One page of a list, as asked for.
#[derive(Debug)]
pub(crate) struct Page {
    /// What is being listed; a token of another list is no token of this one.
    list: String,
    limit: usize,
    after: Option<String>,
}

/// The value of a query parameter, if it was given.
pub(crate) fn parameter_of<'q>(query: &'q [(String, String)], name: &str) -> Option<&'q str> {
    query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
}

impl Page {
    /// Reads `maxResults` and `nextToken`.
    ///
    /// # Errors
    /// `InvalidParameterException`.
    pub(crate) fn read(query: &[(String, String)], list: &str) -> Refused<Self> {
        let limit = match parameter_of(query, "maxResults") {
            None => 100,
            Some(text) => text
                .parse()
                .ok()
                .filter(|limit| (1..=100).contains(limit))
                .ok_or_else(|| parameter("maxResults must be a number from 1 to 100"))?,
        };
        let after = match parameter_of(query, "nextToken") {
            None => None,
            Some(token) => Some(open(token, list).ok_or_else(|| parameter("The nextToken is not valid"))?),
        };
        Ok(Self { list: list.to_owned(), limit, after })
    }

    /// Cuts this page out of a list in ascending order of its keys, and makes the token for the next.
    pub(crate) fn cut(&self, items: impl IntoIterator<Item = (String, Value)>) -> (Vec<Value>, Option<String>) {
        let mut rest = items.into_iter().filter(|(key, _)| self.after.as_ref().is_none_or(|after| key > after));
        let page: Vec<_> = rest.by_ref().take(self.limit).collect();
        let more = rest.next().is_some();
        let token = page.last().filter(|_| more).map(|(key, _)| seal(&self.list, key));
        (page.into_iter().map(|(_, value)| value).collect(), token)
    }
}

fn seal(list: &str, after: &str) -> String {
    URL_SAFE_NO_PAD.encode(json!([list, after]).to_string())
}

fn open(token: &str, list: &str) -> Option<String> {
    let (for_list, after): (String, String) = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(token).ok()?).ok()?;
    (for_list == list).then_some(after)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_never_repeat_what_came_before() {
        let items = |names: &[&str]| names.iter().map(|name| ((*name).to_owned(), json!(name))).collect::<Vec<_>>();
        let first = Page { list: "l".into(), limit: 2, after: None };
        let (page, token) = first.cut(items(&["b", "d", "f"]));
        assert_eq!(page, [json!("b"), json!("d")]);
        let query = [("nextToken".to_owned(), token.expect("there is more"))];
        let next = Page::read(&query, "l").expect("our own token");
        let (page, token) = next.cut(items(&["a", "b", "c", "d", "e", "f"]));
        assert_eq!((page, token), (vec![json!("e"), json!("f")], None));
        assert!(Page::read(&query, "another list").is_err());
    }
}
