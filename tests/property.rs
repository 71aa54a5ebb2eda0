//! What others wrote, or garbage, is read or refused: no panic, and no default in silence.
//!
//! `BULLRS_PROPERTY_CASES` is how many cases each property tries (64 by default),
//! `BULLRS_PROPERTY_MEGABYTES` how large the largest data is (4 by default).
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may panic")]

mod support;

use std::{collections::BTreeMap, fmt::Write as _};

use bullrs::{
    backoff,
    cron::{Next, Schedule, read_date, zone},
    wire::{
        BackoffOpts, Event, EventId, JobOpts, JobRecord, KeepJobs, QueueKeys, RepeatOpts, packed,
        read_json, score,
    },
};
use jiff::tz::TimeZone;
use proptest::{collection::vec, option, prelude::*, sample::select, string::string_regex};
use serde_json::{Map, Value, json};
use support::Server;

fn setting(name: &str, default: u32) -> u32 {
    std::env::var(name).map_or(default, |text| text.parse().expect(name))
}

fn cases() -> ProptestConfig {
    ProptestConfig {
        cases: setting("BULLRS_PROPERTY_CASES", 64),
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

/// Numbers as some client may have written them, and what only looks like one.
fn number_text() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<i64>().prop_map(|number| number.to_string()),
        any::<f64>().prop_map(|number| number.to_string()),
        any::<f64>().prop_map(|number| format!("{number:e}")),
        select(vec![
            "",
            " ",
            "0",
            "-0",
            "00",
            "+5",
            " 7 ",
            "1_000",
            "1,5",
            "0x10",
            "NaN",
            "nan",
            "-nan",
            "Infinity",
            "-Infinity",
            "inf",
            "1e400",
            "-1e400",
            "1e-400",
            "9007199254740993",
            "18446744073709551616",
            "1.7976931348623157e308",
            "null",
            "undefined",
            "true",
            "١٢",
            "1.5e",
            ".5",
            "5.",
            "--1",
            "\u{0}1",
        ])
        .prop_map(str::to_owned),
        any::<String>(),
    ]
}

/// JSON as JavaScript and cjson write it.
fn json_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        number_text().prop_map(Value::from),
        ".{0,40}".prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 40, 6, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..6).prop_map(Value::from),
            vec((".{0,8}", inner), 0..6)
                .prop_map(|pairs| Value::Object(pairs.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

fn json_text() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => json_value().prop_map(|value| value.to_string()),
        1 => any::<String>(),
        1 => number_text(),
        1 => select(vec!["{", "[1,", "\"", "{}x", "{\"a\":1,\"a\":2}", "nul", "[1e999]", "\u{feff}{}"])
            .prop_map(str::to_owned),
    ]
}

/// The integer of a number's text, by another way than the one under test.
fn integer(text: &str) -> Option<i64> {
    let text = text.trim();
    if let Ok(exact) = text.parse::<i128>() {
        let clamped = exact.clamp(i64::MIN.into(), i64::MAX.into());
        return i64::try_from(clamped).ok();
    }
    let number = text
        .parse::<f64>()
        .ok()
        .filter(|number| number.is_finite())?;
    #[expect(clippy::cast_possible_truncation, reason = "saturates")]
    Some(number.trunc() as i64)
}

/// The number that an option's JSON stands for: none, one, or neither.
fn option_number(value: &Value) -> Result<Option<f64>, ()> {
    match value {
        Value::Null => Ok(None),
        Value::Number(number) => Ok(number.as_f64()),
        Value::String(text) => match text.trim().parse::<f64>() {
            Ok(number) if number.is_finite() => Ok(Some(number)),
            _ => Err(()),
        },
        _ => Err(()),
    }
}

const NUMBERS: [&str; 7] = [
    "timestamp",
    "processedOn",
    "priority",
    "atm",
    "attemptsMade",
    "ats",
    "stc",
];
const TEXTS: [&str; 8] = [
    "name",
    "defa",
    "parentKey",
    "rjk",
    "progress",
    "returnvalue",
    "stacktrace",
    "unknown",
];

fn hash() -> impl Strategy<Value = BTreeMap<&'static str, String>> {
    let numbers = vec((select(&NUMBERS[..]), number_text()), 0..5);
    let texts = vec((select(&TEXTS[..]), any::<String>()), 0..5);
    (
        numbers,
        texts,
        option::of(json_text()),
        option::of(json_text()),
    )
        .prop_map(|(numbers, texts, data, opts)| {
            let mut hash: BTreeMap<&str, String> = numbers.into_iter().chain(texts).collect();
            hash.extend(data.map(|data| ("data", data)));
            hash.extend(opts.map(|opts| ("opts", opts)));
            hash
        })
}

fn read_hash(hash: &BTreeMap<&'static str, String>) -> JobRecord {
    JobRecord::read(
        "1",
        hash.iter().map(|(field, text)| (*field, text.as_str())),
    )
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn a_hash_field_that_cannot_be_read_is_named(hash in hash()) {
        let record = read_hash(&hash);
        let fault = record.fault.clone().unwrap_or_default();
        for field in NUMBERS {
            let unreadable = hash.get(field).is_some_and(|text| integer(text).is_none());
            prop_assert_eq!(fault.contains(&format!("`{field}` is not a number")), unreadable, "{}", field);
        }
        let gone = !hash.contains_key("name") && !hash.contains_key("data");
        prop_assert_eq!(fault.contains("hash is gone"), gone);
        if let Some(data) = hash.get("data") {
            let valid = serde_json::from_str::<serde::de::IgnoredAny>(data).is_ok();
            prop_assert_eq!(fault.contains("`data` is not JSON"), !valid, "{}", fault);
            if valid {
                prop_assert_eq!(record.data.get(), data.trim_matches([' ', '\t', '\n', '\r']));
            }
        }
        if let Some(opts) = hash.get("opts") {
            let read = read_json::<JobOpts>(opts, "`opts`");
            prop_assert_eq!(fault.contains("cannot read `opts`"), read.is_err(), "{}", fault);
            prop_assert_eq!(&record.opts_json, opts);
        }
    }

    #[test]
    fn a_numeric_hash_field_reads_as_its_integer(text in number_text()) {
        let fields = [("name", "n"), ("timestamp", text.as_str()), ("atm", text.as_str())];
        let record = JobRecord::read("1", fields);
        let number = integer(&text).unwrap_or(0);
        prop_assert_eq!(record.timestamp, number);
        prop_assert_eq!(u64::from(record.attempts_made), number.clamp(0, u32::MAX.into()).unsigned_abs());
    }

    #[test]
    fn an_option_is_read_or_refused_by_its_name(
        field in select(vec!["attempts", "delay", "priority", "stackTraceLimit", "kl", "timeout", "ttl", "prevMillis"]),
        value in json_value(),
    ) {
        let text = json!({field: value.clone(), "mine": {"deep": [value.clone()]}}).to_string();
        match (read_json::<JobOpts>(&text, "opts"), option_number(&value)) {
            (Ok(opts), Ok(number)) => {
                let read = [
                    ("attempts", opts.attempts), ("delay", opts.delay), ("priority", opts.priority),
                    ("stackTraceLimit", opts.stack_trace_limit), ("kl", opts.keep_logs),
                    ("timeout", opts.timeout), ("ttl", opts.ttl), ("prevMillis", opts.prev_millis),
                ];
                for (name, read) in read {
                    prop_assert_eq!(read, if name == field { number } else { None });
                }
            }
            (Err(error), Err(())) => {
                let error = error.to_string();
                let named = format!("cannot read opts: at `{field}`: expected a number");
                prop_assert!(error.starts_with(&named), "{}", error);
            }
            (read, expected) => prop_assert!(false, "{:?} but {:?} for {}", read, expected, text),
        }
    }

    #[test]
    fn retention_is_read_or_refused_by_its_name(value in json_value()) {
        let text = json!({"removeOnComplete": value.clone()}).to_string();
        let all = |count| Some(KeepJobs { count, age: None, limit: None });
        let read = read_json::<JobOpts>(&text, "opts").map(|opts| opts.remove_on_complete);
        match &value {
            Value::Null => prop_assert_eq!(read.unwrap(), None),
            Value::Bool(true) => prop_assert_eq!(read.unwrap(), all(Some(0.0))),
            Value::Bool(false) => prop_assert_eq!(read.unwrap(), all(Some(-1.0))),
            Value::Number(count) => prop_assert_eq!(read.unwrap(), all(count.as_f64())),
            Value::Object(rule) => {
                let part = |name| option_number(rule.get(name).unwrap_or(&Value::Null));
                match (part("count"), part("age"), part("limit")) {
                    (Ok(count), Ok(age), Ok(limit)) => {
                        prop_assert_eq!(read.unwrap(), Some(KeepJobs { count, age, limit }));
                    }
                    _ => prop_assert!(read.unwrap_err().to_string().contains("removeOnComplete")),
                }
            }
            Value::String(_) | Value::Array(_) => {
                prop_assert!(read.unwrap_err().to_string().contains("removeOnComplete"));
            }
        }
    }

    #[test]
    fn a_backoff_is_never_negative_endless_or_out_of_its_jitter(
        kind in select(vec!["fixed", "exponential"]),
        delay in any::<f64>().prop_filter("JSON", |number| number.is_finite()),
        jitter in option::of(any::<f64>().prop_filter("JSON", |number| number.is_finite())),
        made in any::<u32>(),
        random in 0.0..1.0_f64,
    ) {
        const CENTURY: u64 = 100 * 365 * 86_400_000;
        let backoff: BackoffOpts =
            serde_json::from_value(json!({"type": kind, "delay": delay, "jitter": jitter})).unwrap();
        let plain: BackoffOpts =
            serde_json::from_value(json!({"type": kind, "delay": delay})).unwrap();
        let full = backoff::delay(&plain, made, random).unwrap();
        let waits = backoff::delay(&backoff, made, random).unwrap();
        prop_assert!(full <= CENTURY && waits <= full);
        let later = backoff::delay(&plain, made.saturating_add(1), random).unwrap();
        prop_assert!(later >= full);
        if jitter.is_none_or(|jitter| jitter <= 0.0) {
            prop_assert_eq!(waits, full);
        }
    }

    #[test]
    fn a_backoff_of_any_form_is_read_or_refused(value in json_value(), made in any::<u32>()) {
        let text = json!({"backoff": value.clone()}).to_string();
        match (read_json::<JobOpts>(&text, "opts"), &value) {
            (Ok(opts), Value::Null) => prop_assert_eq!(opts.backoff, None),
            (Ok(opts), Value::Number(delay)) => {
                let backoff = opts.backoff.unwrap();
                prop_assert_eq!((&backoff.kind[..], backoff.delay), ("fixed", delay.as_f64()));
                prop_assert!(backoff::delay(&backoff, made, 0.5).is_some());
            }
            (Ok(opts), Value::Object(written)) => {
                let backoff = opts.backoff.unwrap();
                let kind = written.get("type").cloned().unwrap_or_else(|| json!(""));
                prop_assert_eq!(json!(backoff.kind), kind);
                prop_assert_eq!(Ok(backoff.delay), option_number(written.get("delay").unwrap_or(&Value::Null)));
                let _ = backoff::delay(&backoff, made, 0.5);
            }
            (Err(error), _) => prop_assert!(error.to_string().contains("`backoff`"), "{}", error),
            (Ok(opts), _) => prop_assert!(false, "{:?} of {}", opts.backoff, text),
        }
    }

    #[test]
    fn an_event_keeps_what_it_has_and_names_what_it_lacks(
        name in select(vec![
            "added", "waiting", "delayed", "active", "completed", "failed", "retries-exhausted", "drained",
            "progress", "stalled", "waiting-children", "duplicated", "deduplicated", "debounced", "removed",
            "cleaned", "paused", "resumed", "mine", "", "Completed",
        ]),
        fields in vec((
            select(vec!["jobId", "name", "prev", "delay", "returnvalue", "failedReason", "attemptsMade", "data",
                "deduplicationId", "deduplicatedJobId", "debounceId", "count", "other"]),
            prop_oneof![number_text(), json_text()],
        ), 0..8),
    ) {
        let pairs = || std::iter::once(("event", name)).chain(fields.iter().map(|(field, text)| (*field, text.as_str())));
        let (event, fault) = Event::read_checked(pairs());
        prop_assert_eq!(event.name(), name);
        prop_assert_eq!(&event, &Event::read(pairs()));
        let last = |wanted: &str| fields.iter().rev().find(|(field, _)| *field == wanted).map(|(_, text)| text.as_str());
        if let Some(fault) = fault {
                let text = last(fault.field);
                let right = match fault.problem {
                    "is missing" => text.is_none(),
                    "is not a number" => integer(text.unwrap()).is_none(),
                    "is missing or not JSON" => text.is_none_or(|text| serde_json::from_str::<serde::de::IgnoredAny>(text).is_err()),
                    _ => false,
                };
                prop_assert!(right, "{}", fault);
                prop_assert!(Event::is_known_name(name));
        } else {
            prop_assert_eq!(matches!(event, Event::Other { .. }), !Event::is_known_name(name));
        }
        if let Event::Other { fields: kept, .. } = &event {
            let written: Vec<(String, String)> = fields.iter().map(|(field, text)| ((*field).to_owned(), text.clone())).collect();
            prop_assert_eq!(kept, &written);
        }
        if let Event::Completed { returnvalue, .. } = &event {
            prop_assert_eq!(returnvalue.get(), last("returnvalue").unwrap_or_default());
            prop_assert_eq!(returnvalue.is_valid(), fault.is_none());
        }
        let _ = event.fields::<Mine>();
        let _ = event.fields::<BTreeMap<String, Value>>();
    }

    #[test]
    fn garbage_is_an_event_too(fields in vec((any::<String>(), any::<String>()), 0..6)) {
        let pairs = || fields.iter().map(|(field, text)| (field.as_str(), text.as_str()));
        let (event, fault) = Event::read_checked(pairs());
        let named = fields.iter().any(|(field, _)| field == "event");
        prop_assert_eq!(fault.is_some_and(|fault| fault.field == "event"), !named);
        let _ = event.fields::<Mine>();
    }

    #[test]
    fn ids_of_entries_are_read_as_they_are_written(millis in any::<u64>(), sequence in any::<u64>(), text in any::<String>()) {
        let id = EventId { millis, sequence };
        prop_assert_eq!(id.to_string().parse::<EventId>().unwrap(), id);
        if let Ok(read) = text.parse::<EventId>() {
            prop_assert!(text.split('-').all(|part| part.bytes().all(|byte| byte.is_ascii_digit())));
            prop_assert_eq!(read.to_string().parse::<EventId>().unwrap(), read);
        }
    }

    #[test]
    fn keys_stand_under_their_queue_or_the_name_is_refused(
        prefix in any::<String>(), queue in any::<String>(), id in any::<String>(), worker in any::<String>(),
    ) {
        let refused = prefix.is_empty() || queue.is_empty() || queue.contains(':');
        match QueueKeys::new(&prefix, &queue) {
            Err(_) => prop_assert!(refused),
            Ok(keys) => {
                prop_assert!(!refused);
                prop_assert_eq!(keys.base(), format!("{}:{}:", prefix, queue));
                prop_assert_eq!(keys.job(&id), format!("{}:{}:{}", prefix, queue, id));
                prop_assert_eq!(keys.job_part(&id, "lock"), format!("{}:{}:{}:lock", prefix, queue, id));
                prop_assert_eq!(keys.qualified(), format!("{}:{}", prefix, queue));
                let base = keys.client_name(None).unwrap();
                prop_assert_eq!(keys.events_client_name(), format!("{}:qe", base));
                let printable = worker.bytes().all(|byte| (b'!'..=b'~').contains(&byte));
                prop_assert_eq!(keys.client_name(Some(&worker)).is_ok(), printable);
            }
        }
    }

    #[test]
    fn scores_of_any_time_stand_in_its_order(a in any::<i64>(), b in any::<i64>(), highest in any::<f64>()) {
        let (low, high) = score::delayed_range(a);
        prop_assert!(low <= high && low.is_finite() && high.is_finite());
        let placed = score::delayed(a, Some(highest).filter(|score| score.is_finite()));
        prop_assert!((low..=high).contains(&placed));
        prop_assert!(a > b || score::delayed_until(a) <= score::delayed_until(b));
        prop_assert!(score::due_at(a, b) >= a);
    }

    #[test]
    fn a_schedule_is_read_or_refused_and_goes_forward(
        repeat in vec((
            select(vec!["pattern", "every", "count", "limit", "tz", "startDate", "endDate", "offset", "immediately"]),
            prop_oneof![
                json_value(),
                select(vec![json!("*/5 * * * *"), json!("0 9 * * 1-5"), json!("H * * * *"), json!(1000), json!("UTC"),
                    json!("Europe/Paris"), json!("2030-01-31T09:00:00Z")]),
            ],
        ), 0..5),
        count in any::<u64>(), now in -1_i64 << 50..1_i64 << 50, previous in option::of(any::<i64>()),
    ) {
        let text = Value::Object(repeat.into_iter().map(|(field, value)| (field.to_owned(), value)).collect()).to_string();
        let Ok(opts) = read_json::<RepeatOpts>(&text, "repeat") else { return Ok(()) };
        let Ok(schedule) = Schedule::read(&opts, "seed", &TimeZone::UTC) else { return Ok(()) };
        if let Next::At(at) = schedule.next(count, now, previous) {
            prop_assert!(at > now && previous.is_none_or(|previous| at > previous));
            prop_assert!(schedule.end_date.is_none_or(|end| at <= end));
        }
    }

    #[test]
    fn zones_and_dates_are_read_or_refused(text in prop_oneof![any::<String>(), string_regex("[A-Z][a-z]+/[A-Z][a-z]+|[0-9T:Z.+-]{0,30}").unwrap()]) {
        let _ = zone(&text, &TimeZone::UTC);
        let _ = read_date(&json!(text), "startDate", &TimeZone::UTC);
    }
}

#[derive(Debug, serde::Deserialize)]
#[expect(dead_code, reason = "only read into")]
struct Mine {
    #[serde(default)]
    name: String,
    count: Option<u32>,
    delay: Option<f64>,
    data: Option<Value>,
    other: Option<(bool, Vec<i8>)>,
}

/// What Redis must make of a value: the kinds that Lua has, numbers by their bits, no `nil`.
fn canonical(value: &Value, into: &mut String) {
    match value {
        Value::Null => into.push('z'),
        Value::Bool(flag) => write!(into, "b{}", u8::from(*flag)).unwrap(),
        Value::Number(number) => {
            // Lua has one zero only for our purposes.
            let number = number.as_f64().unwrap() + 0.0;
            write!(into, "n{:016x}", number.to_bits()).unwrap();
        }
        Value::String(text) => write!(into, "s{}:{text}", text.len()).unwrap(),
        Value::Array(items) => {
            let present = items.iter().enumerate().filter(|(_, item)| !item.is_null());
            into.push('{');
            for (index, item) in present {
                write!(into, "#{}=", index + 1).unwrap();
                canonical(item, into);
            }
            into.push('}');
        }
        Value::Object(fields) => {
            let sorted: BTreeMap<&String, &Value> = fields.iter().collect();
            into.push('{');
            for (field, item) in sorted.into_iter().filter(|(_, item)| !item.is_null()) {
                write!(into, "${}:{field}=", field.len()).unwrap();
                canonical(item, into);
            }
            into.push('}');
        }
    }
}

const CANONICAL_LUA: &str = r##"
local function canonical(value)
  local kind = type(value)
  if kind == "nil" then return "z"
  elseif kind == "boolean" then return value and "b1" or "b0"
  elseif kind == "string" then return "s" .. #value .. ":" .. value
  elseif kind == "number" then
    local bits = struct.pack(">d", value + 0)
    return "n" .. (string.gsub(bits, ".", function(c) return string.format("%02x", string.byte(c)) end))
  end
  local numbers, texts = {}, {}
  for key in pairs(value) do
    if type(key) == "number" then numbers[#numbers + 1] = key else texts[#texts + 1] = key end
  end
  table.sort(numbers)
  table.sort(texts)
  local parts = {}
  for _, key in ipairs(numbers) do parts[#parts + 1] = "#" .. key .. "=" .. canonical(value[key]) end
  for _, key in ipairs(texts) do parts[#parts + 1] = "$" .. #key .. ":" .. key .. "=" .. canonical(value[key]) end
  return "{" .. table.concat(parts) .. "}"
end
return canonical(cmsgpack.unpack(ARGV[1]))
"##;

#[test]
fn redis_unpacks_what_was_packed() {
    let server = Server::start(false);
    let client = redis::Client::open(server.url()).unwrap();
    let connection = std::cell::RefCell::new(client.get_connection().unwrap());
    let unpacked = |packed: Vec<u8>| -> Vec<u8> {
        let mut connection = connection.borrow_mut();
        redis::cmd("EVAL")
            .arg(CANONICAL_LUA)
            .arg(0)
            .arg(packed)
            .query(&mut *connection)
            .unwrap()
    };
    proptest!(cases(), |(value in json_value())| {
        let mut expected = String::new();
        canonical(&value, &mut expected);
        let answer = unpacked(packed(&value));
        prop_assert_eq!(String::from_utf8_lossy(&answer), expected);
    });
    for length in [0, 31, 32, 255, 256, 65_535, 65_536] {
        let text = "x".repeat(length);
        let answer = unpacked(packed(&json!([text, "y"])));
        let expected = format!("{{#1=s{length}:{text}#2=s1:y}}");
        assert_eq!(String::from_utf8(answer).unwrap(), expected);
    }
}

/// `[[[…]]]`, and the same as objects.
fn nested(depth: usize) -> [String; 2] {
    [
        format!("{}{}", "[".repeat(depth), "]".repeat(depth)),
        format!("{}1{}", "{\"a\":".repeat(depth), "}".repeat(depth)),
    ]
}

#[test]
fn depth_neither_overflows_a_stack_nor_hides_what_is_beside_it() {
    for text in nested(200_000) {
        let record = JobRecord::read("1", [("name", "n"), ("data", text.as_str())]);
        assert_eq!(record.fault, None, "data is kept as it stands");
        assert!(read_json::<Value>(&text, "data").is_err());

        // An option that nobody knows may be as deep as it likes.
        let opts = format!(r#"{{"mine":{text},"attempts":3}}"#);
        assert_eq!(
            read_json::<JobOpts>(&opts, "opts").unwrap().attempts,
            Some(3.0)
        );
        for field in ["attempts", "backoff", "removeOnFail", "lifo"] {
            let opts = format!(r#"{{"{field}":{text}}}"#);
            let error = read_json::<JobOpts>(&opts, "opts").unwrap_err().to_string();
            assert!(error.starts_with("cannot read opts: "), "{error}");
            assert!(error.len() < 1000, "the error grows with the data");
        }
        let event = [
            ("event", "completed"),
            ("jobId", "1"),
            ("returnvalue", text.as_str()),
        ];
        let (event, fault) = Event::read_checked(event);
        assert_eq!(fault, None);
        let Event::Completed { returnvalue, .. } = event else {
            panic!("{event:?}");
        };
        assert!(returnvalue.read::<Value>().is_err());
        let mine = Event::read([("event", "mine"), ("other", text.as_str())]);
        assert!(mine.fields::<Mine>().is_err());
    }
}

#[test]
fn numbers_are_read_as_javascript_wrote_them() {
    // The nearest doubles, where a quicker reader is off by one in the last place.
    for text in [
        "5.8797100701101e-104",
        "9.243606394203959e122",
        "0.30000000000000004",
        "-5.6613247500721996e268",
    ] {
        let read: f64 = read_json(text, "data").unwrap();
        let nearest: f64 = text.parse().unwrap();
        assert_eq!(read.to_bits(), nearest.to_bits(), "{text}");
    }
}

#[test]
fn size_costs_time_and_nothing_else() {
    let megabytes = setting("BULLRS_PROPERTY_MEGABYTES", 4) as usize;
    let large = format!("\"{}\"", "x".repeat(megabytes << 20));
    let spoilt = &large[..large.len() - 1];
    let opts = format!(r#"{{"attempts":3,"mine":{large}}}"#);
    let record = JobRecord::read(
        "1",
        [
            ("name", "n"),
            ("data", large.as_str()),
            ("opts", opts.as_str()),
        ],
    );
    assert_eq!((record.fault, record.opts.attempts), (None, Some(3.0)));
    assert_eq!(record.data.get().len(), large.len());

    let record = JobRecord::read("1", [("name", "n"), ("data", spoilt)]);
    let fault = record.fault.unwrap();
    assert!(fault.len() < 200, "the fault quotes the data");

    let opts = format!(r#"{{"attempts":{large}}}"#);
    let error = read_json::<JobOpts>(&opts, "opts").unwrap_err().to_string();
    assert!(error.len() < 200, "the error quotes the data");

    let digits = "9".repeat(megabytes << 20);
    let record = JobRecord::read("1", [("name", "n"), ("timestamp", digits.as_str())]);
    assert_eq!(record.fault.as_deref(), Some("`timestamp` is not a number"));
}
