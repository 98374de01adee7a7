//! Requests to a widget's endpoints, written out with a bot's own ids.

use serde::Serialize;
use shared::bots::Bot;

/// A request, ready to run.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = WidgetExample)]
pub(crate) struct Example {
    /// What it does.
    title: &'static str,
    /// What runs it: `curl` (a shell), `javascript` (Node.js 18 or a page), `python` (3.8), `react` (with `@ai-sdk/react`).
    language: &'static str,
    /// The text.
    code: String,
}

const CURL: &str = r#"curl -sS -N -X POST "{base}/api/channels/widget/{bot}/chat" \
  -H "Authorization: Bearer {token}" \
  -H "Content-Type: application/json" \{origin}
  -d '{"messages": [{"id": "msg-1", "role": "user", "content": "What can you help me with?"}], "visitor": {"id": "user-123"}}'
"#;

const TEXT: &str = r#"curl -sS -N -X POST "{base}/api/channels/widget/{bot}/chat" \
  -H "Authorization: Bearer {token}" \
  -H "Accept: text/plain" \
  -H "Content-Type: application/json" \{origin}
  -d '{"messages": [{"id": "msg-1", "role": "user", "content": "What can you help me with?"}], "visitor": {"id": "user-123"}}'
"#;

const THREAD: &str = r#"VISITOR_TOKEN=$(curl -sS -D - -o /dev/null -X POST "{base}/api/channels/widget/{bot}/chat" \
  -H "Authorization: Bearer {token}" \
  -H "Content-Type: application/json" \{origin}
  -d '{"messages": [{"id": "msg-1", "role": "user", "content": "What can you help me with?"}], "visitor": {"id": "user-123"}}' \
  | tr -d '\r' | sed -n 's/^[Xx]-[Vv]isitor-[Tt]oken: //p')
curl -sS "{base}/api/channels/widget/{bot}/history" \
  -H "Authorization: Bearer {token}" \{origin}
  -H "X-Visitor-Token: $VISITOR_TOKEN"
curl -sS -X POST "{base}/api/channels/widget/{bot}/archive" \
  -H "Authorization: Bearer {token}" \
  -H "X-Visitor-Token: $VISITOR_TOKEN" \
  -H "Content-Type: application/json" \{origin}
  -d '{}'
"#;

const JAVASCRIPT: &str = r#"const response = await fetch("{base}/api/channels/widget/{bot}/chat", {
  method: "POST",
  headers: {
    "Authorization": "Bearer {token}",
    "Content-Type": "application/json",{origin_js}
  },
  body: JSON.stringify({
    messages: [{ id: "msg-1", role: "user", content: "What can you help me with?" }],
    visitor: { id: "user-123" },
  }),
});
if (!response.ok) throw new Error((await response.json()).error);
let unread = "";
for await (const bytes of response.body.pipeThrough(new TextDecoderStream())) {
  const events = (unread + bytes).split("\n\n");
  unread = events.pop();
  for (const event of events) {
    if (!event.startsWith("data: {")) continue;
    const part = JSON.parse(event.slice("data: ".length));
    if (part.type === "text-delta") console.log(part.delta);
    if (part.type === "error") throw new Error(part.errorText);
  }
}
"#;

const PYTHON: &str = r#"import json
import urllib.request

request = urllib.request.Request(
    "{base}/api/channels/widget/{bot}/chat",
    data=json.dumps({
        "messages": [{"id": "msg-1", "role": "user", "content": "What can you help me with?"}],
        "visitor": {"id": "user-123"},
    }).encode(),
    headers={
        "Authorization": "Bearer {token}",
        "Content-Type": "application/json",{origin_python}
    },
)
with urllib.request.urlopen(request) as response:
    for line in response:
        if not line.startswith(b"data: {"):
            continue
        part = json.loads(line[len(b"data: "):])
        if part["type"] == "text-delta":
            print(part["delta"], end="", flush=True)
        if part["type"] == "error":
            raise RuntimeError(part["errorText"])
print()
"#;

const REACT: &str = r#"import { useState } from "react";
import { useChat } from "@ai-sdk/react";
import { DefaultChatTransport } from "ai";

let visitorToken;
const transport = new DefaultChatTransport({
  api: "{base}/api/channels/widget/{bot}/chat",
  headers: { Authorization: "Bearer {token}" },
  prepareSendMessagesRequest: ({ messages }) => ({ body: { messages: messages.slice(-1), visitorToken } }),
});

export function Chat() {
  const [text, setText] = useState("");
  const { messages, sendMessage } = useChat({ transport });
  visitorToken = messages.findLast((message) => message.metadata?.visitorToken)?.metadata.visitorToken;
  const send = (event) => {
    event.preventDefault();
    sendMessage({ text });
    setText("");
  };
  return (
    <form onSubmit={send}>
      {messages.map((message) => (
        <p key={message.id}>{message.parts.map((part) => (part.type === "text" ? part.text : "")).join("")}</p>
      ))}
      <input value={text} onChange={(event) => setText(event.target.value)} />
    </form>
  );
}
"#;

/// The examples with this bot's ids and its publishable token.
pub(crate) fn examples(base: &str, bot: &Bot) -> Vec<Example> {
    let origin = bot
        .allowed_origins
        .first()
        .map(|origin| origin.replace("://*.", "://www."));
    let line = |before: &str, quote: &str, after: &str| {
        let origin = origin.as_deref();
        origin.map_or_else(String::new, |origin| format!("{before}{quote}{origin}{quote}{after}"))
    };
    let written = |title, language, text: &str| Example {
        title,
        language,
        code: text
            .replace("{origin}", &origin_line(origin.as_deref()))
            .replace("{origin_js}", &line("\n    \"Origin\": ", "\"", ","))
            .replace("{origin_python}", &line("\n        \"Origin\": ", "\"", ","))
            .replace("{base}", base)
            .replace("{bot}", bot.id.as_str())
            .replace("{token}", &bot.public_token),
    };
    vec![
        written("Ask, and get the answer as a stream of events", "curl", CURL),
        written("Ask, and get the answer as bare text", "curl", TEXT),
        written("Ask, read the thread, archive it", "curl", THREAD),
        written("Ask, and read the stream", "javascript", JAVASCRIPT),
        written("Ask, and read the stream", "python", PYTHON),
        written("A chat with useChat", "react", REACT),
    ]
}

/// A bot with a list of origins answers pages of these only; a shell states one itself.
fn origin_line(origin: Option<&str>) -> String {
    origin.map_or_else(String::new, |origin| format!("\n  -H \"Origin: {origin}\" \\"))
}
