//! A reader of server-sent events, by the standard: what it makes of a stream is what a browser would.

use std::time::Duration;

use reqwest::Response;
use serde_json::Value;

/// Far more than anything here takes.
const SOON: Duration = Duration::from_secs(30);

/// What stands between two blank lines.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Frame {
    pub(crate) id: Option<i64>,
    pub(crate) event: Option<String>,
    pub(crate) data: Option<Value>,
    pub(crate) retry: Option<u64>,
    pub(crate) comment: Option<String>,
}

pub(crate) struct Reader {
    answer: Response,
    text: String,
    /// The last id that came: what a browser would send as `Last-Event-ID`.
    pub(crate) last: Option<i64>,
}

impl Reader {
    /// Calls `url` as `who`, with `Last-Event-ID` where there is one.
    pub(crate) async fn open(url: &str, who: &str, last: Option<i64>) -> Self {
        let mut headers = vec![("authorization", format!("Bearer {who}-token"))];
        headers.extend(last.map(|last| ("last-event-id", last.to_string())));
        Self::with(url, &headers).await
    }

    pub(crate) async fn with(url: &str, headers: &[(&str, String)]) -> Self {
        let client = reqwest::Client::builder().connect_timeout(SOON).build().unwrap();
        let call = headers.iter().fold(client.get(url), |call, (name, value)| call.header(*name, value));
        let answer = tokio::time::timeout(SOON, call.send()).await.expect("an answer").unwrap();
        assert_eq!(answer.status(), 200, "{:?}", answer.text().await);
        let mut reader = Self { answer, text: String::new(), last: None };
        let first = reader.frame().await.expect("the first frame says where it starts");
        assert!(first.id.is_some() && first.retry.is_some() && first.data.is_none(), "{first:?}");
        reader
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.answer.headers()[name].to_str().unwrap()
    }

    /// The next frame; nothing once the stream has ended as it should.
    pub(crate) async fn frame(&mut self) -> Option<Frame> {
        while !self.text.contains("\n\n") {
            let chunk = tokio::time::timeout(SOON, self.answer.chunk()).await.expect("it goes on").expect("no cut");
            let Some(chunk) = chunk else {
                assert_eq!(self.text, "", "it ends between two frames");
                return None;
            };
            self.text.push_str(std::str::from_utf8(&chunk).unwrap());
        }
        let (frame, rest) = self.text.split_once("\n\n").unwrap();
        let frame = parse(frame);
        self.text = rest.to_owned();
        self.last = frame.id.or(self.last);
        Some(frame)
    }

    /// The next frame with an event.
    pub(crate) async fn event(&mut self) -> Value {
        loop {
            let frame = self.frame().await.expect("it has not ended");
            if let Some(data) = frame.data {
                assert_eq!((frame.id, frame.event.as_deref()), (data["seq"].as_i64(), data["type"].as_str()));
                return data;
            }
        }
    }

    /// The next `count` events.
    pub(crate) async fn events(&mut self, count: usize) -> Vec<Value> {
        let mut events = vec![];
        while events.len() < count {
            events.push(self.event().await);
        }
        events
    }

    /// The last frame of a stream that ends, before which nothing happens any more.
    pub(crate) async fn farewell(&mut self) -> Frame {
        let mut last = Frame::default();
        while let Some(frame) = self.frame().await {
            assert_eq!(frame.data, None, "it should have ended before");
            last = frame;
        }
        last
    }
}

fn parse(text: &str) -> Frame {
    let mut frame = Frame::default();
    for line in text.lines() {
        let (name, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match name {
            "" => frame.comment = Some(value.to_owned()),
            "id" => frame.id = Some(value.parse().unwrap()),
            "event" => frame.event = Some(value.to_owned()),
            "retry" => frame.retry = Some(value.parse().unwrap()),
            "data" => frame.data = Some(serde_json::from_str(value).unwrap()),
            other => panic!("{other:?} is no field of an event: {text}"),
        }
    }
    frame
}
