// The AI SDK's own client against a widget: its transport checks every part of the stream against its schema, and its reader
// puts the message together. Prints the message as JSON.
const { DefaultChatTransport, readUIMessageStream } = require("ai");

const warnings = [];
console.warn = (...said) => warnings.push(said.join(" "));
console.error = (...said) => warnings.push(said.join(" "));

(async () => {
  const { url, token, question } = JSON.parse(process.argv[2]);
  const transport = new DefaultChatTransport({ api: url, headers: { Authorization: `Bearer ${token}` } });
  const messages = [{ id: "m1", role: "user", parts: [{ type: "text", text: question }] }];
  const stream = await transport.sendMessages({ chatId: "c1", messages, trigger: "submit-message" });
  const kinds = [];
  const noted = stream.pipeThrough(
    new TransformStream({
      transform(part, controller) {
        kinds.push(part.type);
        controller.enqueue(part);
      },
    }),
  );
  let message;
  const failures = [];
  const onError = (error) => failures.push(String(error));
  for await (const snapshot of readUIMessageStream({ stream: noted, onError, terminateOnError: true })) message = snapshot;
  process.stdout.write(JSON.stringify({ message, kinds, warnings, failures }));
})();
