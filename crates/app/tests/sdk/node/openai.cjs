// Chat completions, responses and errors as OpenAI's Node SDK asks for them and reads them. The package lies where
// `NODE_PATH` says, which only `require` looks at.
"use strict";

const assert = require("node:assert/strict");
const { default: OpenAI } = require("openai");
const { zodResponseFormat } = require("openai/helpers/zod");
const { z } = require("zod");

const { BASE_URL, API_KEY, MODEL } = process.env;
const caller = (apiKey) => new OpenAI({ baseURL: `${BASE_URL}/v1`, apiKey, maxRetries: 0, timeout: 60_000 });
const client = caller(API_KEY);
const saying = (text) => [{ role: "user", content: text }];
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
  },
};

(async () => {
  for (const [name, run] of Object.entries(cases)) {
    await run();
    console.log("passed", name);
  }
})();
