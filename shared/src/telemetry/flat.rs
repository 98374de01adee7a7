//! The format of a line: one JSON object without nesting, so that CloudWatch Logs Insights finds every field by its own name.
//! The fields of the spans around an event are the event's own.

use std::fmt::{self, Debug, Display};

use tracing::{
    Event, Subscriber,
    field::{Field, Visit},
    span::Record,
};
use tracing_subscriber::{
    field::RecordFields,
    fmt::{
        FmtContext, FormatEvent, FormatFields, FormattedFields,
        format::Writer,
        time::{FormatTime, SystemTime},
    },
    registry::{LookupSpan, Scope},
};

use super::metrics::MEMBERS;

/// The format.
pub(super) struct Flat;

impl<S, N> FormatEvent<S, N> for Flat
where
    S: Subscriber + for<'s> LookupSpan<'s>,
    N: for<'w> FormatFields<'w> + 'static,
{
    fn format_event(&self, context: &FmtContext<'_, S, N>, mut out: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let metadata = event.metadata();
        out.write_str("{\"timestamp\":\"")?;
        SystemTime.format_time(&mut out)?;
        write!(
            out,
            "\",\"level\":\"{}\",\"target\":\"{}\"",
            metadata.level(),
            metadata.target()
        )?;
        context.format_fields(out.by_ref(), event)?;
        for span in context.event_scope().into_iter().flat_map(Scope::from_root) {
            if let Some(fields) = span.extensions().get::<FormattedFields<N>>() {
                out.write_str(fields)?;
            }
        }
        out.write_str("}\n")
    }
}

impl<'w> FormatFields<'w> for Flat {
    fn format_fields<R: RecordFields>(&self, out: Writer<'w>, fields: R) -> fmt::Result {
        Members::write(out, "", fields)
    }

    /// What a span knows already stays: an object has no two members of one name.
    fn add_fields(&self, current: &'w mut FormattedFields<Self>, fields: &Record<'_>) -> fmt::Result {
        let known = current.fields.clone();
        Members::write(current.as_writer(), &known, fields)
    }
}

/// Members of a JSON object, each behind a comma.
struct Members<'w, 'k> {
    out: Writer<'w>,
    known: &'k str,
    written: fmt::Result,
}

impl<'w, 'k> Members<'w, 'k> {
    fn write(out: Writer<'w>, known: &'k str, fields: impl RecordFields) -> fmt::Result {
        let mut members = Self {
            out,
            known,
            written: Ok(()),
        };
        fields.record(&mut members);
        members.written
    }

    fn member(&mut self, field: &Field, value: impl Display) {
        let name = format!(",\"{}\":", field.name());
        // A quote within a value has a backslash before it, so this is found as a name only.
        if self.written.is_ok() && !self.known.contains(&name) {
            self.written = write!(self.out, "{name}{value}");
        }
    }

    fn text(&mut self, field: &Field, text: &str) {
        match serde_json::to_string(text) {
            Ok(json) => self.member(field, json),
            Err(_) => self.written = Err(fmt::Error),
        }
    }
}

impl Visit for Members<'_, '_> {
    fn record_f64(&mut self, field: &Field, value: f64) {
        if value.is_finite() {
            self.member(field, value);
        }
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.member(field, value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.member(field, value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.member(field, value);
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() != MEMBERS {
            self.text(field, value);
        } else if self.written.is_ok() {
            self.written = write!(self.out, ",{value}");
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.text(field, &format!("{value:?}"));
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use tracing::field::Empty;

    use crate::telemetry::kept::Kept;

    #[test]
    fn a_line_has_the_fields_of_all_spans_around_it_and_no_object_in_it() {
        let kept = Kept::default();
        let begun = kept.begin();
        let outer = tracing::info_span!("outer", requestId = "r-1").entered();
        let inner = tracing::error_span!("inner", tenant = Empty, bot = Empty).entered();
        tracing::info!(
            n = 3,
            half = 0.5,
            yes = true,
            none = None::<u64>,
            why = "\"so\"\n",
            "said {}",
            1
        );
        inner.record("tenant", "t-1");
        inner.record("tenant", "t-2");
        inner.record("bot", "a\",\"tenant\":\"");
        tracing::warn!(error = %"e", "again");
        drop((inner, outer, begun));
        let mut lines = kept.lines();
        for line in &mut lines {
            assert!(line["timestamp"].as_str().unwrap().ends_with('Z'));
            line.as_object_mut().unwrap().remove("timestamp");
        }
        let target = "shared::telemetry::flat::tests";
        assert_eq!(
            lines,
            [
                json!({"level": "INFO", "target": target, "message": "said 1", "n": 3, "half": 0.5, "yes": true,
                    "why": "\"so\"\n", "requestId": "r-1"}),
                json!({"level": "WARN", "target": target, "message": "again", "error": "e", "requestId": "r-1",
                    "tenant": "t-1", "bot": "a\",\"tenant\":\""}),
            ]
        );
    }

    #[test]
    fn what_is_known_of_a_span_is_never_written_twice() {
        let kept = Kept::default();
        let begun = kept.begin();
        let span = tracing::error_span!("span", tenant = Empty, other = Empty);
        span.record("tenant", "a");
        span.record("other", "b");
        span.record("tenant", "c");
        span.in_scope(|| tracing::info!("said"));
        drop(begun);
        assert_eq!(kept.text().matches("\"tenant\"").count(), 1);
        assert_eq!(kept.lines()[0]["tenant"], "a");
    }
}
