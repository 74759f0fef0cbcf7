"""Responses as OpenAI's Python SDK asks for them: stored, left, resumed, stopped, gone on from."""

import os

from openai import NotFoundError, OpenAI
from pydantic import BaseModel

client = OpenAI(base_url=os.environ["BASE_URL"] + "/v1", api_key=os.environ["API_KEY"], max_retries=0, timeout=60)
MODEL = os.environ["MODEL"]
WEATHER = {
    "type": "function",
    "name": "get_weather",
    "description": "The weather in a city.",
    "strict": True,
    "parameters": {
        "type": "object",
        "properties": {"city": {"type": "string"}},
        "required": ["city"],
        "additionalProperties": False,
    },
}


PIXEL = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="


class Person(BaseModel):
    name: str
    age: int


def text_of(events):
    return "".join(event.delta for event in events if event.type == "response.output_text.delta")


def whole():
    answer = client.responses.create(model=MODEL, input="hello there")
    assert (answer.object, answer.status, answer.output_text) == ("response", "completed", "Echo: hello there"), answer
    assert answer.usage.total_tokens == answer.usage.input_tokens + answer.usage.output_tokens > 0, answer


def streamed():
    events = list(client.responses.create(model=MODEL, input="hello there", stream=True))
    assert events[0].type == "response.created" and events[-1].type == "response.completed", events
    assert [event.sequence_number for event in events] == list(range(len(events))), events
    assert text_of(events) == events[-1].response.output_text == "Echo: hello there", events


def tools():
    first = client.responses.create(model=MODEL, input="the weather, please", tools=[WEATHER])
    (call,) = [item for item in first.output if item.type == "function_call"]
    assert (call.name, call.arguments) == ("get_weather", '{"city":"Oslo"}'), first
    output = {"type": "function_call_output", "call_id": call.call_id, "output": "rain"}
    second = client.responses.create(model=MODEL, previous_response_id=first.id, input=[output], tools=[WEATHER])
    assert second.output_text == "In Oslo: rain", second
    assert second.previous_response_id == first.id


def images():
    content = [{"type": "input_text", "text": "what is this?"}, {"type": "input_image", "image_url": PIXEL, "detail": "auto"}]
    answer = client.responses.create(model=MODEL, input=[{"role": "user", "content": content}])
    assert answer.output_text == "An image of image/png", answer


def structured():
    answer = client.responses.parse(model=MODEL, input="Ada Lovelace", text_format=Person)
    assert answer.output_parsed == Person(name="Ada Lovelace", age=0), answer


def stored_and_deleted():
    made = client.responses.create(model=MODEL, input="keep this")
    kept = client.responses.retrieve(made.id)
    assert (kept.id, kept.status, kept.output_text) == (made.id, "completed", "Echo: keep this"), kept
    client.responses.delete(made.id)
    try:
        client.responses.retrieve(made.id)
    except NotFoundError:
        return
    raise AssertionError("a deleted response was given out")


def gone_on_from():
    first = client.responses.create(model=MODEL, input="my name is Ada")
    second = client.responses.create(model=MODEL, previous_response_id=first.id, input="what did I say before?")
    assert second.output_text == "Before: my name is Ada", second


def left_and_resumed():
    seen = []
    with client.responses.create(model=MODEL, input="wait in the middle", background=True, stream=True) as stream:
        for event in stream:
            seen.append(event)
            if event.type == "response.output_text.delta":
                break
    name, last = seen[0].response.id, seen[-1].sequence_number
    assert client.responses.retrieve(name).status in ("queued", "in_progress")
    with client.responses.retrieve(name, stream=True, starting_after=last) as resumed:
        # The one who runs this opens the gate at which the model waits.
        print("open", flush=True)
        rest = list(resumed)
    assert rest[0].sequence_number == last + 1 and rest[-1].type == "response.completed", rest
    assert text_of(seen) + text_of(rest) == rest[-1].response.output_text == "one two three four", rest
    again = list(client.responses.retrieve(name, stream=True, starting_after=last))
    assert text_of(again) == text_of(rest), again


def stopped():
    made = client.responses.create(model=MODEL, input="never end", background=True)
    assert made.status in ("queued", "in_progress"), made
    assert client.responses.cancel(made.id).status == "cancelled"
    assert client.responses.retrieve(made.id).status == "cancelled"


for case in (whole, streamed, tools, images, structured, stored_and_deleted, gone_on_from, left_and_resumed, stopped):
    case()
    print("passed", case.__name__, flush=True)
