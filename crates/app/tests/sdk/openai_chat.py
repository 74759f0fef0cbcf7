"""Chat completions, models and embeddings as OpenAI's Python SDK asks for them and reads them."""

import math
import os

from openai import OpenAI
from pydantic import BaseModel

client = OpenAI(base_url=os.environ["BASE_URL"] + "/v1", api_key=os.environ["API_KEY"], max_retries=0, timeout=60)
MODEL = os.environ["MODEL"]
PIXEL = (
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk"
    "+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather in a city.",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}},
            "required": ["city"],
            "additionalProperties": False,
        },
    },
}


class Person(BaseModel):
    name: str
    age: int


def user(text):
    return {"role": "user", "content": text}


def models():
    names = [model.id for model in client.models.list()]
    assert MODEL in names, names
    assert client.models.retrieve(MODEL).id == MODEL


def whole():
    answer = client.chat.completions.create(
        model=MODEL, messages=[{"role": "system", "content": "Be brief."}, user("hello there")], temperature=0
    )
    choice = answer.choices[0]
    assert answer.object == "chat.completion" and len(answer.choices) == 1, answer
    assert (choice.message.role, choice.message.content) == ("assistant", "Echo: hello there"), answer
    assert choice.finish_reason == "stop", answer
    usage = answer.usage
    assert usage.prompt_tokens > 0 and usage.completion_tokens > 0, answer
    assert usage.total_tokens == usage.prompt_tokens + usage.completion_tokens, answer


def streamed():
    stream = client.chat.completions.create(
        model=MODEL, messages=[user("hello there")], stream=True, stream_options={"include_usage": True}
    )
    chunks = list(stream)
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert text == "Echo: hello there", chunks
    assert len({chunk.id for chunk in chunks}) == 1, chunks
    finishes = [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices]
    assert [finish for finish in finishes if finish] == ["stop"], chunks
    assert chunks[-1].choices == [] and chunks[-1].usage.completion_tokens > 0, chunks[-1]
    assert all(chunk.usage is None for chunk in chunks[:-1]), chunks

    plain = list(client.chat.completions.create(model=MODEL, messages=[user("hello there")], stream=True))
    assert all(chunk.choices and chunk.usage is None for chunk in plain), plain


def tools():
    messages = [user("the weather, please")]
    answer = client.chat.completions.create(model=MODEL, messages=messages, tools=[WEATHER])
    choice = answer.choices[0]
    assert choice.finish_reason == "tool_calls", answer
    (call,) = choice.message.tool_calls
    assert (call.function.name, call.function.arguments) == ("get_weather", '{"city":"Oslo"}'), answer
    messages += [choice.message, {"role": "tool", "tool_call_id": call.id, "content": "rain"}]
    answer = client.chat.completions.create(model=MODEL, messages=messages, tools=[WEATHER])
    assert answer.choices[0].message.content == "In Oslo: rain", answer


def tools_streamed():
    with client.chat.completions.stream(
        model=MODEL, messages=[user("the weather, please")], tools=[WEATHER]
    ) as stream:
        for _ in stream:
            pass
        choice = stream.get_final_completion().choices[0]
    assert choice.finish_reason == "tool_calls", choice
    (call,) = choice.message.tool_calls
    assert (call.function.name, call.function.arguments) == ("get_weather", '{"city":"Oslo"}'), choice


def structured():
    answer = client.chat.completions.parse(model=MODEL, messages=[user("Ada Lovelace")], response_format=Person)
    assert answer.choices[0].message.parsed == Person(name="Ada Lovelace", age=0), answer


def image():
    parts = [{"type": "text", "text": "what is this?"}, {"type": "image_url", "image_url": {"url": PIXEL}}]
    answer = client.chat.completions.create(model=MODEL, messages=[user(parts)])
    assert answer.choices[0].message.content == "An image of image/png", answer


def embeddings():
    made = client.embeddings.create(model=os.environ["EMBEDDING_MODEL"], input=["the sea", "a mountain"])
    assert [row.index for row in made.data] == [0, 1], made
    assert len(made.data[0].embedding) == len(made.data[1].embedding) > 0
    assert made.data[0].embedding != made.data[1].embedding
    assert made.usage.prompt_tokens > 0, made.usage
    # The SDK asks for base64 by itself; floats are the same numbers.
    floats = client.embeddings.create(model=os.environ["EMBEDDING_MODEL"], input=["the sea"], encoding_format="float")
    pairs = zip(floats.data[0].embedding, made.data[0].embedding, strict=True)
    assert all(math.isclose(one, other, rel_tol=1e-6) for one, other in pairs), floats


def the_same_key_is_one_call():
    def ask():
        return client.chat.completions.create(
            model=MODEL, messages=[user("once")], extra_headers={"Idempotency-Key": "only-once"}
        )

    assert ask().id == ask().id


for case in (
    models, whole, streamed, tools, tools_streamed, structured, image, embeddings, the_same_key_is_one_call,
):
    case()
    print("passed", case.__name__, flush=True)
