// A receiver of webhooks with the specification's own library for JavaScript. Prints its port, and for each request whether the
// library takes it.
const http = require("http");
const { Webhook } = require("standardwebhooks");

const webhook = new Webhook(process.argv[2]);
const server = http.createServer((request, response) => {
  const pieces = [];
  request.on("data", (piece) => pieces.push(piece));
  request.on("end", () => {
    let said;
    try {
      const event = webhook.verify(Buffer.concat(pieces).toString("utf8"), request.headers);
      said = { verified: true, type: event.type, id: event.id, same: event.id === request.headers["webhook-id"] };
    } catch (error) {
      said = { verified: false, why: String(error) };
    }
    console.log(JSON.stringify(said));
    response.writeHead(said.verified ? 204 : 401).end();
  });
});
server.listen(0, "127.0.0.1", () => console.log(JSON.stringify({ port: server.address().port })));
process.stdin.on("end", () => process.exit()).resume();
