//! From events to lines.

use std::io::{self, Write};

use jiff::Timestamp;
use tracing::{
    Event, Subscriber,
    span::{Attributes, Id, Record},
};
use tracing_subscriber::{Layer, layer::Context, registry::LookupSpan};

use super::{
    field::Fields,
    line::{Happening, Style},
};
use crate::config::Redactor;

/// Writes a line for each event, with the fields of the spans around it.
#[derive(Debug)]
pub(super) struct Lines<W> {
    style: Style,
    redactor: Redactor,
    writer: W,
}

impl<W, O> Lines<W>
where
    W: Fn() -> O,
    O: Write,
{
    /// `writer` opens the output anew for each line.
    pub(super) fn new(style: Style, redactor: Redactor, writer: W) -> Self {
        Self {
            style,
            redactor,
            writer,
        }
    }

    fn write(&self, line: &str) -> io::Result<()> {
        // One write for the whole line, so that lines of several processes do not mix.
        (self.writer)().write_all(line.as_bytes())
    }
}

impl<S, W, O> Layer<S> for Lines<W>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    W: Fn() -> O + 'static,
    O: Write,
{
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        if let Some(span) = context.span(id) {
            let fields = Fields::read(&self.redactor, |visitor| attributes.record(visitor));
            span.extensions_mut().insert(fields);
        }
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        if let Some(span) = context.span(id) {
            let more = Fields::read(&self.redactor, |visitor| values.record(visitor));
            if let Some(fields) = span.extensions_mut().get_mut::<Fields>() {
                fields.extend(&more);
            }
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut own = Fields::read(&self.redactor, |visitor| event.record(visitor));
        let message = own.take_message();
        let mut fields = Fields::default();
        if let Some(scope) = context.event_scope(event) {
            for span in scope.from_root() {
                if let Some(outer) = span.extensions().get::<Fields>() {
                    fields.extend(outer);
                }
            }
        }
        fields.extend(&own);
        let line = self.style.line(&Happening {
            at: Timestamp::now(),
            level: *event.metadata().level(),
            target: event.metadata().target(),
            message,
            fields,
        });
        // A log that cannot be written must not stop the work.
        let _unseen = self.write(&line);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use serde_json::{Map, Value};
    use tracing_subscriber::layer::SubscriberExt as _;

    use super::*;

    #[derive(Clone, Default)]
    struct Paper(Arc<Mutex<Vec<u8>>>);

    impl Write for Paper {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn logged(redactor: Redactor, style: Style, work: impl FnOnce()) -> String {
        let paper = Paper::default();
        let writer = paper.clone();
        let subscriber =
            tracing_subscriber::registry()
                .with(Lines::new(style, redactor, move || writer.clone()));
        tracing::subscriber::with_default(subscriber, work);
        let bytes = paper.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn an_event_has_the_fields_of_its_spans_under_flat_names() {
        let text = logged(Redactor::new(), Style::Json, || {
            let span = tracing::info_span!(
                "job.process",
                queue = "content",
                job.id = "7",
                attempt = tracing::field::Empty
            );
            span.record("attempt", 2);
            span.in_scope(|| {
                tracing::info!(
                    job.name = "recap",
                    took_ms = 35_u64,
                    late = true,
                    "completed"
                );
            });
        });
        let line: Map<String, Value> = serde_json::from_str(&text).unwrap();
        let expected = serde_json::json!({
            "timestamp": line["timestamp"], "level": "info", "message": "completed",
            "queue": "content", "job_id": "7", "attempt": 2, "job_name": "recap",
            "duration_ms": 35, "late": true, "target": module_path!(),
        });
        assert_eq!(Value::from(line), expected);
    }

    #[test]
    fn no_secret_reaches_a_line_by_any_way() {
        let mut redactor = Redactor::new();
        redactor.learn_url("redis://:canary-pass\"word@cache:6379");
        redactor.learn_keys("k1:Y2FuYXJ5LWtleS1jYW5hcnkta2V5LWNhbmFyeS0=");
        for style in [Style::Json, Style::Pretty { coloured: true }] {
            let text = logged(redactor.clone(), style, || {
                let span = tracing::info_span!("s", url = "redis://:canary-pass\"word@cache:6379");
                let _entered = span.enter();
                let error = io::Error::other("no route to postgres://u:canary@db/x");
                tracing::warn!(error = &error as &dyn std::error::Error, "url");
                tracing::warn!(value = ?"AUTH canary-pass\"word", text = "canary-pass\"word");
                tracing::warn!("key Y2FuYXJ5LWtleS1jYW5hcnkta2V5LWNhbmFyeS0= in the message");
                tracing::warn!(value = %"redis://default:canary@h", "redis://:canary@h");
            });
            assert_eq!(text.lines().count(), 4);
            assert!(
                !text.contains("canary") && !text.contains("Y2FuYXJ5"),
                "{text}"
            );
        }
    }
}
