use serde_json::{Value, json};

use super::*;

fn raw(value: &Value) -> Box<RawValue> {
    to_raw_value(value).unwrap()
}

/// The problems of one example, as `code: message`.
fn problems(example: &Value) -> Vec<String> {
    let mut file = TrainingFile::new(None);
    file.add(7, &raw(example), None);
    assert!(file.problems.iter().all(|problem| problem.line == 7));
    assert_eq!(file.counts.examples, usize::from(file.problems.is_empty()));
    file.problems
        .iter()
        .map(|problem| format!("{}: {}", problem.code, problem.message))
        .collect()
}

fn user(text: &str) -> Value {
    json!({"role": "user", "content": text})
}

fn assistant(text: &str) -> Value {
    json!({"role": "assistant", "content": text})
}

fn tool() -> Value {
    json!([{"type": "function", "function": {"name": "find", "parameters": {"type": "object"}}}])
}

fn calls(ids: &[&str]) -> Value {
    let calls: Vec<Value> = ids
        .iter()
        .map(|id| {
            json!({"id": id, "type": "function",
                   "function": {"name": "find", "arguments": "{\"q\":1}"}})
        })
        .collect();
    json!({"role": "assistant", "tool_calls": calls})
}

fn answer(id: &str) -> Value {
    json!({"role": "tool", "tool_call_id": id, "content": "found"})
}

#[test]
fn good_examples_have_no_problem() {
    for example in [
        json!({"messages": [user("Hi"), assistant("Hello")]}),
        json!({"messages": [
            {"role": "system", "content": "Be kind", "name": "boss"},
            user("Hi"),
            {"role": "assistant", "content": "No", "weight": 0},
            user("Please"),
            {"role": "assistant", "content": "Yes", "weight": 1},
        ]}),
        json!({"tools": tool(), "parallel_tool_calls": false,
               "messages": [user("Find"), calls(&["a", "b"]), answer("b"), answer("a"),
                            assistant("Here")]}),
        json!({"tools": tool(), "messages": [user("Find"), calls(&["a"])]}),
        json!({"functions": [{"name": "old"}], "messages": [
            user("Go"),
            {"role": "assistant", "content": null,
             "function_call": {"name": "old", "arguments": "{}"}},
            {"role": "function", "name": "old", "content": "ok"},
            assistant("Done"),
        ]}),
        json!({"messages": [
            {"role": "user", "content": [
                {"type": "text", "text": "What is it?"},
                {"type": "image_url", "image_url": {"url": "https://x/y.png", "detail": "low"}}]},
            {"role": "assistant", "content": [{"type": "text", "text": "A bull"}]},
        ]}),
        json!({"messages": [user("Hi"), {"role": "assistant", "refusal": "I may not"}]}),
    ] {
        assert_eq!(problems(&example), Vec::<String>::new(), "{example}");
    }
}

#[test]
fn each_fault_has_its_code_and_its_path() {
    let secret = "xyzzy";
    for (example, expected) in [
        (
            json!([secret]),
            "not_an_object: the example must be an object",
        ),
        (json!({}), "messages_missing: `messages` is missing"),
        (
            json!({"messages": secret}),
            "messages_not_a_list: `messages` must be a list",
        ),
        (
            json!({"messages": []}),
            "messages_empty: `messages` must not be empty",
        ),
        (
            json!({"messages": [user("a"), assistant("b")], "extra": 1}),
            "unknown_field: `extra` is no field of an example",
        ),
        (
            json!({"messages": [user("a"), assistant("b")], "my secret": 1}),
            "unknown_field: an odd name is no field of an example",
        ),
        (
            json!({"messages": [secret, assistant("b")]}),
            "message_not_an_object: `messages[0]` must be an object",
        ),
        (
            json!({"messages": [{"content": secret}, assistant("b")]}),
            "role_missing: `messages[0].role` is missing",
        ),
        (
            json!({"messages": [{"role": secret, "content": "a"}, assistant("b")]}),
            "unknown_role: `messages[0].role` must be `system`, `user`, `assistant` or `tool`",
        ),
        (
            json!({"messages": [{"role": "user"}, assistant("b")]}),
            "content_missing: `messages[0].content` is missing",
        ),
        (
            json!({"messages": [user(" \n"), assistant("b")]}),
            "content_empty: `messages[0].content` must not be empty",
        ),
        (
            json!({"messages": [user("a"), {"role": "assistant", "content": null}]}),
            "content_missing: `messages[1].content` is missing",
        ),
        (
            json!({"messages": [{"role": "user", "content": 5}, assistant("b")]}),
            "content_type: `messages[0].content` must be a text or a list of parts",
        ),
        (
            json!({"messages": [{"role": "user", "content": []}, assistant("b")]}),
            "content_empty: `messages[0].content` must not be empty",
        ),
        (
            json!({"messages": [
                {"role": "user", "content": [{"type": "input_audio"}]}, assistant("b")]}),
            "content_part: `messages[0].content[0].type` must be `text` or `image_url`",
        ),
        (
            json!({"messages": [
                {"role": "user", "content": [{"type": "image_url", "image_url": {"url": secret}}]},
                assistant("b")]}),
            "image_url: `messages[0].content[0].image_url.url` must be an address or a data URL",
        ),
        (
            json!({"messages": [user("a"), {"role": "assistant", "content": [
                {"type": "image_url", "image_url": {"url": "https://x"}}]}]}),
            "image_not_from_user: `messages[1].content[0]` is an image, \
             which only the user may send",
        ),
    ] {
        assert_eq!(problems(&example), [expected]);
    }
}

#[test]
fn names_weights_and_the_end_have_their_rules() {
    for (example, expected) in [
        (
            json!({"messages": [{"role": "user", "content": "a", "name": "two words"},
                                assistant("b")]}),
            "name: `messages[0].name` must be 1 to 64 letters, digits, `_` or `-`",
        ),
        (
            json!({"messages": [{"role": "user", "content": "a", "weight": 1}, assistant("b")]}),
            "unknown_message_field: `messages[0]` has `weight`, \
             which is no field of a user message",
        ),
        (
            json!({"messages": [user("a"),
                                {"role": "assistant", "content": "b", "weight": 0.5}]}),
            "weight: `messages[1].weight` must be 0 or 1",
        ),
        (
            json!({"messages": [user("a"), {"role": "assistant", "content": "b", "weight": 0}]}),
            "nothing_to_learn: every message of the assistant has weight 0, \
             so nothing is learned",
        ),
        (
            json!({"messages": [user("a")]}),
            "no_assistant: there must be a message of the assistant to learn from",
        ),
        (
            json!({"messages": [user("a"), assistant("b"), user("c")]}),
            "last_not_assistant: the last message must be the assistant's",
        ),
    ] {
        assert_eq!(problems(&example), [expected]);
    }
}

#[test]
fn tool_calls_must_be_offered_answered_and_well_formed() {
    let broken = json!({"role": "assistant", "tool_calls": [
        {"id": "", "type": "retrieval", "function": {"name": "lose", "arguments": "{"}}]});
    for (example, expected) in [
        (
            json!({"messages": [user("a"), calls(&["x"])]}),
            vec![
                "tools_missing: `messages[1].tool_calls[0].function` calls a function, \
                 but the example has no `tools`",
            ],
        ),
        (
            json!({"tools": tool(), "messages": [user("a"), broken]}),
            vec![
                "tool_calls: `messages[1].tool_calls[0].type` must be `function`",
                "tool_calls: `messages[1].tool_calls[0].id` is missing",
                "tool_unknown: `messages[1].tool_calls[0].function.name` \
                 is not among the example's `tools`",
                "tool_arguments: `messages[1].tool_calls[0].function.arguments` \
                 must be a text that holds JSON",
            ],
        ),
        (
            json!({"tools": tool(),
                   "messages": [user("a"), calls(&["x", "y"]), answer("x"), assistant("b")]}),
            vec!["tool_call_unanswered: `messages[3]` comes before all tool calls are answered"],
        ),
        (
            json!({"tools": tool(),
                   "messages": [user("a"), calls(&["x", "x"]), answer("x"), assistant("b")]}),
            vec!["tool_calls: `messages[1].tool_calls[1].id` is there twice"],
        ),
        (
            json!({"messages": [user("a"), answer("x"), assistant("b")]}),
            vec![
                "tool_call_id_unknown: `messages[1].tool_call_id` \
                 names no open call of the assistant",
            ],
        ),
        (
            json!({"messages": [user("a"), {"role": "tool", "content": "x"}, assistant("b")]}),
            vec!["tool_call_id_missing: `messages[1].tool_call_id` is missing"],
        ),
        (
            json!({"tools": [], "parallel_tool_calls": 1,
                   "messages": [user("a"), {"role": "assistant", "tool_calls": []}]}),
            vec![
                "parallel_tool_calls: `parallel_tool_calls` must be true or false",
                "tools: `tools` must be a list of 1 to 128",
                "tool_calls: `messages[1].tool_calls` must be a list that is not empty",
            ],
        ),
        (
            json!({"tools": [{"type": "function", "function": {"name": "a b", "parameters": 1}},
                             {"function": {"name": "c"}},
                             {"type": "function", "function": {"name": "c"}}],
                   "messages": [user("a"), assistant("b")]}),
            vec![
                "tools: `tools[0].function.name` must be 1 to 64 letters, digits, `_` or `-`",
                "tools: `tools[0].function.parameters` must be an object",
                "tools: `tools[1].type` must be `function`",
                "tools: `tools[2].function.name` is there twice",
            ],
        ),
    ] {
        assert_eq!(problems(&example), expected);
    }
}

#[test]
fn eleven_images_are_one_too_many() {
    let images = vec![json!({"type": "image_url", "image_url": {"url": "https://x"}}); 11];
    let example = json!({"messages": [{"role": "user", "content": images}, assistant("b")]});
    assert_eq!(
        problems(&example),
        ["too_many_images: it has 11 images, at most 10 are allowed"]
    );
}

#[test]
fn rows_become_conversations_with_the_system_message_before_them() {
    let mut file = TrainingFile::new(Some("gpt-4o-mini"));
    file.add_row(
        1,
        &raw(&json!({"prompt": "Hi", "completion": "Hello"})),
        Some("Be kind"),
    );
    file.add_row(2, &raw(&json!({"prompt": "", "other": 1})), Some("Be kind"));
    file.add_row(3, &raw(&json!("x")), None);
    assert_eq!(
        String::from_utf8(file.content).unwrap(),
        "{\"messages\":[{\"role\":\"system\",\"content\":\"Be kind\"},\
         {\"role\":\"user\",\"content\":\"Hi\"},{\"role\":\"assistant\",\"content\":\"Hello\"}]}\n"
    );
    let codes: Vec<_> = file
        .problems
        .iter()
        .map(|one| (one.line, one.code))
        .collect();
    assert_eq!(
        codes,
        [
            (2, "prompt_missing"),
            (2, "completion_missing"),
            (3, "not_an_object")
        ]
    );
    assert_eq!((file.counts.examples, file.counts.skipped), (1, 2));
}

#[test]
fn a_system_message_is_added_only_where_none_is() {
    let mut file = TrainingFile::new(None);
    let with = RawValue::from_string(
        "{\"messages\": [\n {\"role\":\"system\",\"content\":\"Own\"},\
         {\"content\":\"a  b\",\"role\":\"user\"},{\"role\":\"assistant\",\"content\":\"c\"}],\n\
         \"parallel_tool_calls\": true}"
            .into(),
    )
    .unwrap();
    file.add(1, &with, Some("Other"));
    let without = RawValue::from_string(
        "{\"tools\": null, \"messages\": [{\"role\":\"assistant\",\"content\":\"c\"}]}".into(),
    )
    .unwrap();
    file.add(2, &without, Some("Other"));
    assert_eq!(
        String::from_utf8(file.content).unwrap(),
        "{\"messages\":[{\"role\":\"system\",\"content\":\"Own\"},\
         {\"content\":\"a  b\",\"role\":\"user\"},{\"role\":\"assistant\",\"content\":\"c\"}],\
         \"parallel_tool_calls\":true}\n\
         {\"tools\":null,\"messages\":[{\"role\":\"system\",\"content\":\"Other\"},\
         {\"role\":\"assistant\",\"content\":\"c\"}]}\n"
    );
    assert_eq!(
        serde_json::to_value(&file.counts.messages).unwrap(),
        json!({"system": 2, "user": 1, "assistant": 2})
    );
}

#[test]
fn counts_cover_tokens_duplicates_and_overlong_examples() {
    let mut file = TrainingFile::new(Some("gpt-3.5-turbo"));
    let short = raw(&json!({"messages": [user("abcd efg"), assistant("né")]}));
    file.add(1, &short, None);
    file.add(2, &short, None);
    let long = raw(&json!({"messages": [assistant(&"word ".repeat(14_000))]}));
    file.add(3, &long, None);
    let counts = &file.counts;
    // 3 for the example, 4 for each message, 2 and 1 + 1 for the texts.
    assert_eq!(counts.tokens_estimate, 15 * 2 + 3 + 4 + 17_500);
    assert_eq!(counts.longest_example_tokens, 17_507);
    assert_eq!((counts.overlong_examples, counts.duplicates), (1, 1));
    assert_eq!(counts.bytes, file.content.len());
    assert_eq!(
        file.unfit().unwrap(),
        "the file has 3 valid examples; fine-tuning needs at least 10"
    );
}

#[test]
fn problems_are_listed_up_to_a_hundred_and_all_counted() {
    let mut file = TrainingFile::new(None);
    for line in 1..=150 {
        file.add(line, &raw(&json!({})), None);
    }
    assert_eq!((file.problems.len(), file.problem_count), (100, 150));
}
