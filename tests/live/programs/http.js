// An HTTP server and its client in one process, with a connection that is kept open between requests.
"use strict";
const http = require("http");
const port = Number(process.argv[2]);
setTimeout(() => process.exit(1), 25000).unref();
const server = http.createServer((request, response) => {
  let body = "";
  request.on("data", (piece) => (body += piece));
  request.on("end", () => response.end(`you said ${body}`));
});
const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });

function ask(number) {
  if (number === 3) {
    agent.destroy();
    server.close();
    return;
  }
  const options = { port, host: "127.0.0.1", agent, method: "POST" };
  const request = http.request(options, (response) => {
    response.resume();
    response.on("end", () => setImmediate(ask, number + 1));
  });
  request.end("word ".repeat(1 + number * 4000));
}

server.listen(port, "127.0.0.1", () => ask(0));
