// Chat completions, responses and errors as OpenAI's Node SDK asks for them and reads them. The package lies where
// `NODE_PATH` says, which only `require` looks at.
"use strict";

const assert = require("node:assert/strict");
const { default: OpenAI } = require("openai");
const { zodResponseFormat } = require("openai/helpers/zod");
const { z } = require("zod");

const { BASE_URL, API_KEY, POOR_KEY, BUSY_KEY, BUSY_URL, MODEL } = process.env;
const caller = (apiKey, more) =>
  new OpenAI({ baseURL: `${BASE_URL}/v1`, apiKey, maxRetries: 0, timeout: 60_000, ...more });
const client = caller(API_KEY);
const saying = (text) => [{ role: "user", content: text }];
const PIXEL =
  "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
const textOf = (events) =>
  events.filter((event) => event.type === "response.output_text.delta").map((event) => event.delta).join("");
const parameters = { type: "object", properties: { city: { type: "string" } }, required: ["city"] };

const cases = {
  async models() {
    const names = [];
    for await (const model of client.models.list()) names.push(model.id);
    assert(names.includes(MODEL), names.join());
  },

  async whole() {
    const answer = await client.chat.completions.create({ model: MODEL, messages: saying("hello there") });
    assert.equal(answer.choices[0].message.content, "Echo: hello there");
    assert.equal(answer.choices[0].finish_reason, "stop");
    assert(answer.usage.total_tokens > 0);
  },

  async streamed() {
    const stream = await client.chat.completions.create({
      model: MODEL, messages: saying("hello there"), stream: true, stream_options: { include_usage: true },
    });
    let [text, usage] = ["", null];
    for await (const chunk of stream) {
      text += chunk.choices[0]?.delta.content ?? "";
      usage = chunk.usage ?? usage;
    }
    assert.equal(text, "Echo: hello there");
    assert(usage.completion_tokens > 0);
  },

  async tools() {
    const tools = [{ type: "function", function: { name: "get_weather", parameters } }];
    const messages = saying("the weather, please");
    const first = await client.chat.completions.create({ model: MODEL, messages, tools });
    const [call] = first.choices[0].message.tool_calls;
    assert.deepEqual(JSON.parse(call.function.arguments), { city: "Oslo" });
    messages.push(first.choices[0].message, { role: "tool", tool_call_id: call.id, content: "rain" });
    const second = await client.chat.completions.create({ model: MODEL, messages, tools });
    assert.equal(second.choices[0].message.content, "In Oslo: rain");
  },

  async streamedTools() {
    const tools = [{ type: "function", function: { name: "get_weather", parameters } }];
    const messages = saying("the weather, please");
    const stream = client.chat.completions.stream({ model: MODEL, messages, tools });
    const first = await stream.finalChatCompletion();
    assert.equal(first.choices[0].finish_reason, "tool_calls");
    const [call] = first.choices[0].message.tool_calls;
    assert.deepEqual([call.function.name, JSON.parse(call.function.arguments)], ["get_weather", { city: "Oslo" }]);
    messages.push(first.choices[0].message, { role: "tool", tool_call_id: call.id, content: "rain" });
    const second = client.chat.completions.stream({ model: MODEL, messages, tools });
    assert.equal(await second.finalContent(), "In Oslo: rain");
  },

  async images() {
    const content = [{ type: "text", text: "what is this?" }, { type: "image_url", image_url: { url: PIXEL } }];
    const answer = await client.chat.completions.create({ model: MODEL, messages: [{ role: "user", content }] });
    assert.equal(answer.choices[0].message.content, "An image of image/png");
    const parts = [{ type: "input_text", text: "what is this?" }, { type: "input_image", image_url: PIXEL, detail: "auto" }];
    const made = await client.responses.create({ model: MODEL, input: [{ role: "user", content: parts }] });
    assert.equal(made.output_text, "An image of image/png");
  },

  async structured() {
    const Person = z.object({ name: z.string(), age: z.number().int() });
    const answer = await client.chat.completions.parse({
      model: MODEL, messages: saying("Ada Lovelace"), response_format: zodResponseFormat(Person, "person"),
    });
    assert.deepEqual(Object.keys(answer.choices[0].message.parsed), ["name", "age"]);
    assert.equal(answer.choices[0].message.parsed.name, "Ada Lovelace");
  },

  async responses() {
    const made = await client.responses.create({ model: MODEL, input: "keep this" });
    assert.equal(made.output_text, "Echo: keep this");
    assert.equal((await client.responses.retrieve(made.id)).id, made.id);
    const events = [];
    for await (const event of await client.responses.retrieve(made.id, { stream: true })) events.push(event.type);
    assert.equal(events.at(-1), "response.completed");
    await client.responses.delete(made.id);
    await assert.rejects(client.responses.retrieve(made.id), OpenAI.NotFoundError);
  },

  async responsesByTools() {
    const tools = [{ type: "function", name: "get_weather", parameters, strict: false }];
    const input = saying("the weather, please");
    const first = await client.responses.create({ model: MODEL, input, tools });
    const call = first.output.find((item) => item.type === "function_call");
    const output = { type: "function_call_output", call_id: call.call_id, output: "rain" };
    // The history as the client kept it, and by the ids of what it was given.
    for (const said of [first.output, first.output.map(({ id }) => ({ type: "item_reference", id }))]) {
      const second = await client.responses.create({ model: MODEL, input: [...input, ...said, output], tools });
      assert.equal(second.output_text, "In Oslo: rain");
    }
  },

  async leftAndResumed() {
    const seen = [];
    const stream = await client.responses.create({
      model: MODEL, input: "wait in the middle", background: true, stream: true,
    });
    for await (const event of stream) {
      seen.push(event);
      if (event.type === "response.output_text.delta") break;
    }
    const { id } = seen[0].response;
    const starting_after = seen.at(-1).sequence_number;
    assert(["queued", "in_progress"].includes((await client.responses.retrieve(id)).status));
    const resumed = await client.responses.retrieve(id, { stream: true, starting_after });
    // The one who runs this opens the gate at which the model waits.
    console.log("open");
    const rest = [];
    for await (const event of resumed) rest.push(event);
    assert.equal(rest[0].sequence_number, starting_after + 1);
    assert.equal(rest.at(-1).type, "response.completed");
    assert.equal(textOf(seen) + textOf(rest), "one two three four");
  },

  async cancelled() {
    const made = await client.responses.create({ model: MODEL, input: "never end", background: true });
    assert.equal((await client.responses.cancel(made.id)).status, "cancelled");
  },

  async errors() {
    const ask = (client, more) =>
      client.chat.completions.create({ model: MODEL, messages: saying("hello"), ...more });
    await assert.rejects(ask(caller("sk-wrong")), OpenAI.AuthenticationError);
    await assert.rejects(ask(client, { model: "no-such-model" }), OpenAI.NotFoundError);
    await assert.rejects(ask(client, { n: 2 }), OpenAI.BadRequestError);
    await assert.rejects(ask(client, { messages: saying("break down") }), OpenAI.InternalServerError);
    await assert.rejects(ask(caller(POOR_KEY, { maxRetries: 2 })), (error) => {
      assert(error instanceof OpenAI.RateLimitError);
      assert.equal(error.code, "insufficient_quota");
      return true;
    });
    await assert.rejects(ask(caller(BUSY_KEY, { baseURL: `${BUSY_URL}/v1` })), (error) => {
      assert(error instanceof OpenAI.RateLimitError);
      assert(error.headers.get("retry-after"));
      return true;
    });
  },

  // The SDK asks again by itself after a 5xx: the model breaks off the first answer to this, and no other.
  async retried() {
    const patient = caller(API_KEY, { maxRetries: 1 });
    const answer = await patient.chat.completions.create({ model: MODEL, messages: saying("break off once") });
    assert.equal(answer.choices[0].message.content, "Echo: break off once");
  },
};

(async () => {
  for (const [name, run] of Object.entries(cases)) {
    await run();
    console.log("passed", name);
  }
})();
